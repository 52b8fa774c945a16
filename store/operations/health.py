"""Whether the database answers."""

from __future__ import annotations

from store.sql import Connection, execute, sql

_CLOCK = sql("select parcours.clock()")


async def ping(conn: Connection) -> None:
    """Query the database's time. Raises psycopg.OperationalError if the database is away."""
    await execute(conn, _CLOCK)
