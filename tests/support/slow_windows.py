"""Conditions that take long: those with a window of the calendar, in a database of its own."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

_KEEP = """
do $$ begin
    if to_regproc('parcours.quick_shift') is null then
        alter function parcours.shift rename to quick_shift;
    end if;
end $$
"""
_SLOW = """
create or replace function parcours.shift(
    moment timestamptz, months integer, days integer, exact interval, zone text
) returns timestamptz language plpgsql volatile as $$ begin
    perform pg_sleep(%s);
    return parcours.quick_shift(moment, months, days, exact, zone);
end $$
"""


async def slow_windows(pool: AsyncConnectionPool[AsyncConnection[Any]], seconds: float) -> None:
    """Let working out a window of the calendar (`within: 1mo`) take so long, each time."""
    async with pool.connection() as conn:
        await conn.execute(_KEEP)
        await conn.execute((_SLOW % seconds).encode())
