"""How many messages of a channel were claimed on a day, and the sends that wait for another one."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from store.sql import Connection, fetch_all, fetch_value, integer, sql

_SHARDS: Final = 16
"""Rows of a channel and day, so that claims do not wait for each other."""

COUNT: Final = sql(
    """
insert into daily_count as d (channel, day, shard, messages)
select %(channel)s, (parcours.clock() at time zone 'UTC')::date,
       floor(random() * {shards})::smallint, 1
from claimed
on conflict (channel, day, shard) do update set messages = d.messages + 1
""",
    shards=integer(_SHARDS),
)
"""Part of the first claim of a message."""

COUNTED: Final = sql("""
select coalesce(sum(messages), 0)::int from daily_count
where channel = %(channel)s and day = (parcours.clock() at time zone 'UTC')::date
""")
_COUNTED = sql("{counted}", counted=COUNTED)
_TURNS = sql("""
select count(*) from visit where held = 'turn' and outcome is null and kind = %(channel)s
""")
_HELD = sql("""
select r.journey, v.run_id, v.visit
from visit v
join run r on r.id = v.run_id and r.visit = v.visit and r.state = 'active'
where v.outcome is null and v.held = 'ceiling' and v.held in ('frozen', 'turn', 'ceiling')
  and v.kind = %(channel)s
order by v.started_at limit %(limit)s
""")


async def counted_today(conn: Connection, channel: str) -> int:
    """The messages of a channel that were claimed today, in UTC."""
    return int(await fetch_value(conn, _COUNTED, {"channel": channel}))


async def waiting_turns(conn: Connection, channel: str) -> int:
    """The sends of a channel that were woken and have not been claimed yet."""
    return int(await fetch_value(conn, _TURNS, {"channel": channel}))


async def sends_at_ceiling(
    conn: Connection, channel: str, limit: int
) -> list[tuple[str, UUID, int]]:
    """The oldest sends that a ceiling holds: (journey, run, visit)."""
    rows = await fetch_all(conn, _HELD, {"channel": channel, "limit": limit})
    return [(journey, run_id, visit) for journey, run_id, visit in rows]
