"""Notification of the dispatchers, by NOTIFY, that the outbox has events."""

from __future__ import annotations

from store.events.outbox import CHANNEL
from store.sql import Connection, execute, sql

_NOTIFY = sql("select pg_notify(%(channel)s, '')")


async def notify(conn: Connection) -> None:
    """Wake the dispatchers that listen.

    Never called in a transaction that records events: NOTIFY makes commits wait for each other.
    """
    await execute(conn, _NOTIFY, {"channel": CHANNEL})
