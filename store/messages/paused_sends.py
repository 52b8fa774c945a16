"""Sends that are deferred because their journey is paused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.sql import Connection, execute, fetch_all, sql

_BY_RUN = sql("""
select r.id, v.visit, r.contact_id, v.due_at
from run r join visit v on v.run_id = r.id and v.visit = r.visit
where r.journey = %(journey)s and r.state = 'active' and v.outcome is null and v.held = 'paused'
  and (%(after)s::uuid is null or r.id > %(after)s::uuid)
order by r.id limit %(limit)s
""")
_BY_TURN = sql("""
select r.id, v.visit, r.contact_id, v.due_at
from visit v join run r on r.id = v.run_id and r.visit = v.visit
where v.outcome is null and v.held = 'paused' and v.due_at is not null
  and v.due_at > %(after)s::timestamptz
  and r.journey = %(journey)s and r.state = 'active'
order by v.due_at limit %(limit)s
""")
_SCHEDULE = sql("""
update visit v set due_at = t.due_at
from unnest(%(runs)s::uuid[], %(visits)s::int[], %(turns)s::timestamptz[])
    as t(run_id, visit, due_at)
where v.run_id = t.run_id and v.visit = t.visit and v.held = 'paused' and v.outcome is null
""")
_OVERLOOKED = sql("""
select r.journey, v.run_id, v.visit
from visit v
join run r on r.id = v.run_id and r.state = 'active'
join journey j on j.key = r.journey and j.state <> 'paused'
where v.held = 'paused' and v.outcome is null
  and (v.due_at is null or v.due_at < parcours.clock() - interval '1 minute'
       or j.overdue->>'policy' is distinct from 'spread')
  and (%(after)s::uuid is null or v.run_id > %(after)s::uuid)
order by v.run_id limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class PausedSend:
    """A send that is deferred by a pause."""

    run_id: UUID
    visit: int
    contact_id: UUID
    due_at: datetime | None
    """When its turn in a spread comes."""


async def paused_sends(
    conn: Connection, journey: str, after: UUID | None, limit: int
) -> list[PausedSend]:
    """The sends of a journey that a pause deferred, by the ids of their runs, beyond `after`."""
    rows = await fetch_all(conn, _BY_RUN, {"journey": journey, "after": after, "limit": limit})
    return [PausedSend(*row) for row in rows]


async def schedule_paused_sends(
    conn: Connection, turns: Sequence[tuple[PausedSend, datetime]]
) -> None:
    """Record the time of each send's turn, unless the send is no longer deferred."""
    await execute(
        conn,
        _SCHEDULE,
        {
            "runs": [send.run_id for send, _ in turns],
            "visits": [send.visit for send, _ in turns],
            "turns": [turn for _, turn in turns],
        },
    )


async def scheduled_paused_sends(
    conn: Connection, journey: str, after: datetime, limit: int
) -> list[PausedSend]:
    """The deferred sends whose turn comes later than `after`, in the order of their turns."""
    rows = await fetch_all(conn, _BY_TURN, {"journey": journey, "after": after, "limit": limit})
    return [PausedSend(*row) for row in rows]


async def overlooked_paused_sends(
    conn: Connection, limit: int, after: UUID | None = None
) -> list[tuple[str, UUID, int]]:
    """Sends still deferred by a pause that is over: (journey, run, visit), by run beyond `after`.

    One that has its turn in a spread counts as overlooked a minute after it. Without a spread
    `due_at` is the send's deadline, and the send counts as overlooked at once.
    """
    rows = await fetch_all(conn, _OVERLOOKED, {"limit": limit, "after": after})
    return [(journey, run_id, visit) for journey, run_id, visit in rows]
