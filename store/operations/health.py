"""Whether the database answers."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection


async def ping(conn: AsyncConnection[Any]) -> None:
    """Ask for the time. Raises psycopg.OperationalError while the database is away."""
    await conn.execute("select parcours.clock()")
