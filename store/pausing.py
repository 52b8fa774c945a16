"""Pausing a journey and letting it go on: its state, and the sends that the pause held.

A claim holds the pause's lock shared, so a pause comes before it or after it: nothing is claimed
later than the pause's commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.documents import bump_catalog
from store.journeys import WrongState
from store.overdue import Overdue

_LOCK = "select pg_advisory_xact_lock(hashtextextended('pause ' || %s, 0))"
_COUNT = """
select count(*) from run r join visit v on v.run_id = r.id and v.visit = r.visit
where r.journey = %s and r.state = 'active' and v.outcome is null and v.held = 'paused'
"""
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


async def pause(conn: AsyncConnection[Any], key: str) -> None:
    """Hold a journey's sends and refuse its entries. Pausing it again changes nothing.

    The catalog is locked by the caller. Waits for the claims that are being made. Raises
    LookupError without such a journey, store.journeys.WrongState if it is neither active nor
    paused.
    """
    await conn.execute(_LOCK, (key,))
    state = await _state(conn, key, "only an active journey can be paused")
    if state == "active":
        await conn.execute(
            "update journey set state = 'paused', overdue = null, resumed_at = null,"
            " updated_at = parcours.clock() where key = %s",
            (key,),
        )
        await bump_catalog(conn)


async def resume(conn: AsyncConnection[Any], key: str, overdue: Overdue) -> int:
    """Let a journey go on; how many sends its pause holds, which `overdue` is for.

    Resuming an active one changes what becomes of those that are still held. The catalog is locked
    by the caller. Waits for the claims that are being made: what they hold is held by then. Raises
    as `pause` does.
    """
    await conn.execute(_LOCK, (key,))
    state = await _state(conn, key, "only a paused journey can be resumed")
    cursor = await conn.execute(_COUNT, (key,))
    row = await cursor.fetchone()
    held = row[0] if row else 0
    if state == "paused" or held:
        await conn.execute(
            "update journey set state = 'active', overdue = %s, resumed_at = parcours.clock(),"
            " updated_at = parcours.clock() where key = %s",
            (Jsonb(overdue.as_json()), key),
        )
        await bump_catalog(conn)
    return int(held)


async def _state(conn: AsyncConnection[Any], key: str, otherwise: str) -> str:
    cursor = await conn.execute(
        "select state from journey where key = %s for no key update", (key,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    if row[0] not in ("active", "paused"):
        raise WrongState(f"journey {key} is {row[0]}: {otherwise}")
    return str(row[0])


@dataclass(frozen=True, slots=True)
class HeldVisit:
    """A send that stands still for a pause."""

    run_id: UUID
    visit: int
    contact_id: UUID
    due_at: datetime | None
    """When its turn comes in a spread."""


async def held_visits(
    conn: AsyncConnection[Any], journey: str, after: UUID | None, limit: int
) -> list[HeldVisit]:
    """The sends of a journey that a pause held, by the ids of their runs, beyond `after`."""
    cursor = await conn.execute(_BY_RUN, {"journey": journey, "after": after, "limit": limit})
    return [HeldVisit(*row) for row in await cursor.fetchall()]


async def spread_visits(
    conn: AsyncConnection[Any], turns: Sequence[tuple[HeldVisit, datetime]]
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


async def due_visits(
    conn: AsyncConnection[Any], journey: str, after: datetime, limit: int
) -> list[HeldVisit]:
    """Held sends whose turn comes later than `after`, in the order of their turns."""
    cursor = await conn.execute(_BY_TURN, {"journey": journey, "after": after, "limit": limit})
    return [HeldVisit(*row) for row in await cursor.fetchall()]


async def forgotten_visits(conn: AsyncConnection[Any], limit: int) -> list[tuple[str, UUID, int]]:
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
