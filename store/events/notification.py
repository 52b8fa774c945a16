"""Telling dispatchers, by NOTIFY, that the outbox has something."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from store.events.outbox import CHANNEL


async def notify(conn: AsyncConnection[Any]) -> None:
    """Wake whoever listens. Never inside a transaction that ingests: it would line commits up."""
    await conn.execute("select pg_notify(%s, '')", (CHANNEL,))
