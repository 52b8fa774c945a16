"""Freezes: times in which no marketing goes out, or nothing, by an operator or by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from store.sql import Connection, execute, fetch_all, fetch_all_as, fetch_one_as, integer, sql
from store.tables.freezes import FreezeExtent

SENDS: Final = 1_000
"""So many of the latest marketing messages of a channel are looked at."""
MOST_BOUNCES: Final = 50
MOST_COMPLAINTS: Final = 3
"""More of these among them freeze the channel: 5 % and 0.3 % of all that are looked at."""

_COLUMNS = sql("""
f.id, f.channel, f.stops, f.reason, f.automatic, f.by, f.figures, f.frozen_at, f.ended_at,
f.ended_by, f.end_reason,
(select coalesce(nullif(k.name, ''), k.scope) from api_key k where k.id::text = f.by) as by_name,
(select coalesce(nullif(k.name, ''), k.scope) from api_key k where k.id::text = f.ended_by)
    as ended_by_name
""")
_BEGIN = sql(
    """
with f as (
    insert into marketing_freeze (channel, stops, reason, by, automatic, figures)
    values (%(channel)s, %(stops)s, %(reason)s, %(by)s, %(automatic)s, %(figures)s)
    on conflict (channel, stops) where ended_at is null do nothing
    returning *
)
select {columns} from f
""",
    columns=_COLUMNS,
)
_END = sql(
    """
with f as (
    update marketing_freeze
    set ended_at = parcours.clock(), ended_by = %(by)s, end_reason = %(reason)s
    where channel = %(channel)s and stops = %(stops)s and ended_at is null
    returning *
)
select {columns} from f
""",
    columns=_COLUMNS,
)
_LIST = sql(
    """
select {columns} from marketing_freeze f where %(before)s::bigint is null or f.id < %(before)s
order by f.id desc limit %(limit)s
""",
    columns=_COLUMNS,
)
_NOW = sql(
    """
select {columns} from marketing_freeze f
where f.channel = %(channel)s and f.stops = %(stops)s and f.ended_at is null
""",
    columns=_COLUMNS,
)
# Only what went out since the last freeze counts, or the channel would freeze again at once.
_JUDGE = sql(
    """
select count(*),
       count(*) filter (where bounced_at is not null and soft_bounced_at is null),
       count(*) filter (where complained_at is not null)
from (
    select bounced_at, soft_bounced_at, complained_at from message
    where channel = %(channel)s and class = 'marketing' and state = 'sent'
      and claimed_at > coalesce((
          select max(ended_at) from marketing_freeze where channel in (%(channel)s, 'all')
      ), '-infinity')
    order by claimed_at desc limit {sends}
) latest
""",
    sends=integer(SENDS),
)

# A send says in its facts which freeze holds it: of everything, if it is no marketing.
_TO_WAKE = sql("""
select r.journey, v.run_id, v.visit
from visit v
join run r on r.id = v.run_id and r.visit = v.visit and r.state = 'active'
where v.outcome is null
  and (v.held = 'frozen' and not exists (
           select from marketing_freeze f where f.ended_at is null and f.channel in ('all', v.kind)
             and (f.stops = 'everything'
                  or coalesce(v.facts ->> 'frozen', 'marketing') = 'marketing'))
       or v.held = 'turn' and v.due_at < parcours.clock() - interval '1 hour')
  and v.held in ('frozen', 'turn', 'ceiling')
order by v.started_at limit %(limit)s
""")
_WOKEN = sql("""
update visit v set held = 'turn', due_at = parcours.clock()
from unnest(%(runs)s::uuid[], %(visits)s::int[]) as t(run_id, visit)
where v.run_id = t.run_id and v.visit = t.visit and v.held in ('frozen', 'turn', 'ceiling')
  and v.outcome is null
""")


@dataclass(frozen=True, slots=True)
class FreezeRow:
    """A freeze."""

    id: int
    channel: str
    stops: FreezeExtent
    reason: str
    automatic: bool
    by: str | None
    by_name: str | None
    """The name of the key; None if it was automatic, or the key has no name."""
    figures: dict[str, Any]
    frozen_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_by_name: str | None
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class Reputation:
    """What came of the latest marketing messages of a channel."""

    sends: int
    bounces: int
    complaints: int

    @property
    def bad(self) -> bool:
        """Whether the channel is to be frozen."""
        return self.bounces > MOST_BOUNCES or self.complaints > MOST_COMPLAINTS


async def freeze(
    conn: Connection,
    channel: str,
    reason: str,
    *,
    by: str | None,
    stops: FreezeExtent = "marketing",
    reputation: Reputation | None = None,
) -> FreezeRow | None:
    """Freeze the marketing of a channel, or of `all`, or everything; None if it is so already.

    `reputation`: of a freeze that comes by itself.
    """
    figures = {}
    if reputation is not None:
        figures = {
            "sends": reputation.sends,
            "bounces": reputation.bounces,
            "complaints": reputation.complaints,
        }
    return await fetch_one_as(
        conn,
        FreezeRow,
        _BEGIN,
        {
            "channel": channel,
            "stops": stops,
            "reason": reason,
            "by": by,
            "automatic": reputation is not None,
            "figures": Jsonb(figures),
        },
    )


async def unfreeze(
    conn: Connection, channel: str, reason: str, *, by: str, stops: FreezeExtent = "marketing"
) -> FreezeRow | None:
    """End the freeze of a channel, or that of `all`; None without one of this extent."""
    return await fetch_one_as(
        conn, FreezeRow, _END, {"channel": channel, "stops": stops, "reason": reason, "by": by}
    )


async def freeze_of(
    conn: Connection, channel: str, stops: FreezeExtent = "marketing"
) -> FreezeRow | None:
    """The freeze of a channel, or that of `all`, of this extent that holds now."""
    return await fetch_one_as(conn, FreezeRow, _NOW, {"channel": channel, "stops": stops})


async def list_freezes(conn: Connection, before: int | None, limit: int) -> list[FreezeRow]:
    """Freezes, the newest first, of a lower id than `before`."""
    return await fetch_all_as(conn, FreezeRow, _LIST, {"before": before, "limit": limit})


async def read_reputation(conn: Connection, channel: str) -> Reputation:
    """What came of a channel's latest marketing messages since it was last frozen."""
    [row] = await fetch_all(conn, _JUDGE, {"channel": channel})
    return Reputation(*row)


async def thawed_sends(conn: Connection, limit: int) -> list[tuple[str, UUID, int]]:
    """Sends that a freeze deferred and whose freeze is over: (journey, run, visit)."""
    rows = await fetch_all(conn, _TO_WAKE, {"limit": limit})
    return [(journey, run_id, visit) for journey, run_id, visit in rows]


async def mark_woken(conn: Connection, visits: list[tuple[UUID, int]]) -> None:
    """Record that these sends were woken: they wait for their turn, and need no other wake."""
    await execute(
        conn,
        _WOKEN,
        {"runs": [run_id for run_id, _ in visits], "visits": [visit for _, visit in visits]},
    )
