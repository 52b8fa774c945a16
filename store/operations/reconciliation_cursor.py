"""Whose turn it is to sweep, and how far the sweep has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

_LEASE = timedelta(seconds=30)


async def take_turn(
    conn: AsyncConnection[Any], name: str, pause: timedelta
) -> tuple[datetime, datetime] | None:
    """Take a turn, at most once per `pause`: since when to look, and the time now.

    None if another process has the turn, or it is too early.
    """
    await conn.execute(
        "insert into sweep_cursor (name, closed_until) values (%s, parcours.clock() - interval"
        " '1 day') on conflict do nothing",
        (name,),
    )
    cursor = await conn.execute(
        "update sweep_cursor set leased_until = parcours.clock() + %(lease)s where name = %(name)s"
        " and (leased_until is null or leased_until < parcours.clock())"
        " and closed_until <= parcours.clock() - %(pause)s::interval"
        " returning closed_until, parcours.clock()",
        {"lease": _LEASE, "name": name, "pause": pause},
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def finish_turn(conn: AsyncConnection[Any], name: str, until: datetime) -> None:
    """End a turn that looked at everything up to `until`."""
    await conn.execute(
        "update sweep_cursor set closed_until = %s, leased_until = null where name = %s",
        (until, name),
    )


async def give_up_turn(conn: AsyncConnection[Any], name: str) -> None:
    """End a turn that came to nothing."""
    await conn.execute("update sweep_cursor set leased_until = null where name = %s", (name,))
