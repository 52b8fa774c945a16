"""Conditions that runs listen for, by the time at which they are to be looked at.

A condition is due at the next instant at which time alone could change it, and at once after each
event of its contact and after a change of a document that it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from store.sql import Connection, execute, fetch_all_as, fetch_value, sql

_LISTENER = sql("""
select l.run_id, l.visit, l.slot, l.due_at, l.attempts, l.contact_id,
       coalesce(r.state = 'active' and (l.visit = 0 or v.outcome is null and v.step is not null),
                false) as waiting,
       coalesce(r.journey, '') as journey, coalesce(r.version, 0) as version, v.step
from listener l
join contact c on c.id = l.contact_id
left join run r on r.id = l.run_id
left join visit v on v.run_id = l.run_id and v.visit = l.visit
""")
# The clock is a query of its own, so that the index on `due_at` ends where time is.
#
# Contacts are locked before anything of theirs is read. One that is locked is left for the next
# page: its holder may be about to record an event.
_TAKE = sql(
    """
{listener} where l.due_at <= (select parcours.clock()) and (l.attempts > 0) = %(again)s
order by l.due_at limit %(limit)s for no key update of c skip locked
""",
    listener=_LISTENER,
)
_TAKE_ONE = sql(
    """
{listener} where l.run_id = %(run)s and l.visit = %(visit)s and l.slot = %(slot)s
for no key update of c skip locked
""",
    listener=_LISTENER,
)
# What is due already keeps its place in the queue, but by another time: else a look that began
# before, and knows nothing of what came since, would say that nothing is due (`save_looks`).
_DUE_NOW = sql("""
case when due_at <= parcours.clock() then due_at - interval '1 microsecond'
     else parcours.clock() end
""")
_BY_EVENTS = sql(
    """
with heard as (
    select l.run_id, l.visit, l.slot
    from event e
    join listener l on l.contact_id = e.contact_id and l.event_name is null and l.ref < e.id
    where e.id = any(%(events)s) and (e.run_id is null or e.run_id = l.run_id)
    order by l.run_id, l.visit, l.slot for update of l
)
update listener l set due_at = {due_now} from heard h
where l.run_id = h.run_id and l.visit = h.visit and l.slot = h.slot
""",
    due_now=_DUE_NOW,
)
_BY_CATALOG = sql(
    """
update listener set due_at = {due_now}, catalog_revision = (select revision from catalog)
where ctid = any(array(
    select ctid from listener where catalog_revision < (select revision from catalog)
    limit %(limit)s for update skip locked
))
""",
    due_now=_DUE_NOW,
)
_PUT_OFF = sql("""
with given as (
    select l.run_id, l.visit, l.slot
    from jsonb_to_recordset(%(rows)s) as k(run_id uuid, visit integer, slot smallint)
    join listener l on l.run_id = k.run_id and l.visit = k.visit and l.slot = k.slot
    order by l.run_id, l.visit, l.slot for update of l skip locked
)
update listener l set due_at = parcours.clock() + %(delay)s,
       attempts = least(l.attempts + %(more)s, 1000)
from given g where l.run_id = g.run_id and l.visit = g.visit and l.slot = g.slot
""")
_NEXT = sql("""
select extract(epoch from due_at - parcours.clock())::float8 from listener
where due_at is not null and (attempts > 0) = %(again)s order by due_at limit 1
""")
_CLOCK = sql("select parcours.clock()")


@dataclass(frozen=True)
class DueListener:
    """A condition that is to be looked at, and the run that listens for it."""

    run_id: UUID
    visit: int
    slot: int
    due_at: datetime | None
    attempts: int
    contact_id: UUID
    waiting: bool
    """Whether the run still listens: it is active, and its wait has not ended."""
    journey: str
    version: int
    step: str | None
    """Of the wait; None for an exit."""


async def take_due(conn: Connection, limit: int, *, again: bool) -> list[DueListener]:
    """The listeners that are due, oldest first, with their contacts locked.

    `again`: those whose run was woken before, or whose look failed; otherwise the others. Contacts
    that are locked already are left out.
    """
    return await fetch_all_as(conn, DueListener, _TAKE, {"limit": limit, "again": again})


async def take_one(conn: Connection, listener: DueListener) -> DueListener | None:
    """One listener as it is now, with its contact locked; None if it is gone, or locked already."""
    key = {"run": listener.run_id, "visit": listener.visit, "slot": listener.slot}
    found = await fetch_all_as(conn, DueListener, _TAKE_ONE, key)
    return found[0] if found else None


async def make_due_by_events(conn: Connection, event_ids: list[int]) -> int:
    """Make the conditions due that contacts of these events are to meet; how many there were."""
    return await execute(conn, _BY_EVENTS, {"events": event_ids})


async def make_due_by_catalog(conn: Connection, limit: int) -> int:
    """Make conditions due whose documents may have changed since they were looked at.

    Up to `limit` of them; how many there were.
    """
    return await execute(conn, _BY_CATALOG, {"limit": limit})


async def put_off(
    conn: Connection,
    listeners: Sequence[DueListener],
    delay: timedelta,
    *,
    failed: bool,
) -> None:
    """Make listeners due after a delay; `failed` counts the attempt."""
    rows = [
        {"run_id": str(each.run_id), "visit": each.visit, "slot": each.slot} for each in listeners
    ]
    await execute(conn, _PUT_OFF, {"rows": Jsonb(rows), "delay": delay, "more": int(failed)})


async def seconds_to_next(conn: Connection, *, again: bool) -> float | None:
    """How long until the earliest due time, below 0 if it is over; None if there is none."""
    seconds: float | None = await fetch_value(conn, _NEXT, {"again": again})
    return seconds


async def read_clock(conn: Connection) -> datetime:
    """The time of the database."""
    now: datetime = await fetch_value(conn, _CLOCK)
    return now
