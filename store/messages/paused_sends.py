"""Sends that a pause of their journey holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

_BY_RUN = """
select r.id, v.visit, r.contact_id, v.due_at
from run r join visit v on v.run_id = r.id and v.visit = r.visit
where r.journey = %(journey)s and r.state = 'active' and v.outcome is null and v.held = 'paused'
  and (%(after)s::uuid is null or r.id > %(after)s::uuid)
order by r.id limit %(limit)s
"""


_BY_TURN = """
select r.id, v.visit, r.contact_id, v.due_at
from visit v join run r on r.id = v.run_id and r.visit = v.visit
where v.outcome is null and v.held = 'paused' and v.due_at is not null
  and v.due_at > %(after)s::timestamptz
  and r.journey = %(journey)s and r.state = 'active'
order by v.due_at limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class PausedSend:
    """A send that stands still for a pause."""

    run_id: UUID
    visit: int
    contact_id: UUID
    due_at: datetime | None
    """When its turn comes in a spread."""


async def paused_sends(
    conn: AsyncConnection[Any], journey: str, after: UUID | None, limit: int
) -> list[PausedSend]:
    """The sends of a journey that a pause held, by the ids of their runs, beyond `after`."""
    cursor = await conn.execute(_BY_RUN, {"journey": journey, "after": after, "limit": limit})
    return [PausedSend(*row) for row in await cursor.fetchall()]


async def schedule_paused_sends(
    conn: AsyncConnection[Any], turns: Sequence[tuple[PausedSend, datetime]]
) -> None:
    """Note when the turn of each comes, unless it is held no more."""
    await conn.execute(
        """
        update visit v set due_at = t.due_at
        from unnest(%s::uuid[], %s::int[], %s::timestamptz[]) as t(run_id, visit, due_at)
        where v.run_id = t.run_id and v.visit = t.visit and v.held = 'paused'
          and v.outcome is null
        """,
        (
            [held.run_id for held, _ in turns],
            [held.visit for held, _ in turns],
            [turn for _, turn in turns],
        ),
    )


async def scheduled_paused_sends(
    conn: AsyncConnection[Any], journey: str, after: datetime, limit: int
) -> list[PausedSend]:
    """Held sends whose turn comes later than `after`, in the order of their turns."""
    cursor = await conn.execute(_BY_TURN, {"journey": journey, "after": after, "limit": limit})
    return [PausedSend(*row) for row in await cursor.fetchall()]


async def overlooked_paused_sends(
    conn: AsyncConnection[Any], limit: int
) -> list[tuple[str, UUID, int]]:
    """Sends that stand still for a pause that is over: (journey, run, visit), oldest first.

    One that has its turn in a spread is forgotten a minute after it. Of the others, `due_at` is
    when they are too late, and they are not left until then.
    """
    cursor = await conn.execute(
        """
        select r.journey, v.run_id, v.visit
        from visit v
        join run r on r.id = v.run_id and r.state = 'active'
        join journey j on j.key = r.journey and j.state <> 'paused'
        where v.held = 'paused' and v.outcome is null
          and (v.due_at is null or v.due_at < parcours.clock() - interval '1 minute'
               or j.overdue->>'policy' is distinct from 'spread')
        order by v.started_at limit %s
        """,
        (limit,),
    )
    return [(journey, run_id, visit) for journey, run_id, visit in await cursor.fetchall()]
