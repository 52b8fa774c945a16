"""Whether the database answers, and its time."""

from __future__ import annotations

from datetime import datetime

from store.sql import Connection, execute, fetch_value, sql

_CLOCK = sql("select parcours.clock()")


async def ping(conn: Connection) -> None:
    """Query the database's time. Raises psycopg.OperationalError if the database is away."""
    await execute(conn, _CLOCK)


async def clock(conn: Connection) -> datetime:
    """The database's time."""
    now: datetime = await fetch_value(conn, _CLOCK)
    return now
