"""Contacts that a segment is due for, by the time at which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from store.sql import Connection, execute, fetch_all_as, fetch_value, sql

# The clock is a query of its own, so that the index on `due_at` ends where time is.
#
# Contacts are locked, and never what is due: the holder of a contact writes its due times. One that
# is locked is left for the next page.
_DUE = sql("""
select d.contact_id, d.segment, d.due_at, d.attempts
from segment_due d join contact c on c.id = d.contact_id
where d.due_at <= (select parcours.clock())
""")
_LOCKED = sql("order by d.due_at limit %(limit)s for no key update of c skip locked")
_TAKE = {
    False: sql("{due} and d.attempts = 0 {locked}", due=_DUE, locked=_LOCKED),
    True: sql("{due} and d.attempts > 0 {locked}", due=_DUE, locked=_LOCKED),
}
_TAKE_ONE = sql(
    """
{due} and d.contact_id = %(contact)s and d.segment = %(segment)s
for no key update of c skip locked
""",
    due=_DUE,
)
_PUT_OFF = sql("""
update segment_due set due_at = parcours.clock() + %(delay)s, attempts = least(attempts + 1, 1000)
where contact_id = %(contact)s and segment = %(segment)s
""")
_SECONDS = sql("select extract(epoch from due_at - parcours.clock())::float8 from segment_due")
_NEXT = {
    False: sql("{seconds} where attempts = 0 order by due_at limit 1", seconds=_SECONDS),
    True: sql("{seconds} where attempts > 0 order by due_at limit 1", seconds=_SECONDS),
}
_CLOCK = sql("select parcours.clock()")
_OLDEST = sql("""
select greatest(extract(epoch from parcours.clock() - min(due_at)), 0)::float8 from segment_due
""")


@dataclass(frozen=True)
class DueContact:
    """A contact, and a segment that is due for it."""

    contact_id: UUID
    segment: str
    due_at: datetime
    attempts: int


async def take_due_contacts(conn: Connection, limit: int, *, again: bool) -> list[DueContact]:
    """What is due, oldest first, with the contacts locked; `again`: what has failed before."""
    return await fetch_all_as(conn, DueContact, _TAKE[again], {"limit": limit})


async def take_due_contact(conn: Connection, due: DueContact) -> DueContact | None:
    """One as it is now, with its contact locked; None if it is not due, or locked already."""
    key = {"contact": due.contact_id, "segment": due.segment}
    found = await fetch_all_as(conn, DueContact, _TAKE_ONE, key)
    return found[0] if found else None


async def put_off_contacts(conn: Connection, due: Sequence[DueContact], delay: timedelta) -> None:
    """Make segments due later that could not be judged; the caller has locked the contacts."""
    for each in due:
        key = {"contact": each.contact_id, "segment": each.segment, "delay": delay}
        await execute(conn, _PUT_OFF, key)


async def seconds_to_next_contact(conn: Connection, *, again: bool) -> float | None:
    """How long until the earliest due time, below 0 if it is over; None if there is none."""
    seconds: float | None = await fetch_value(conn, _NEXT[again])
    return seconds


async def seconds_overdue(conn: Connection) -> float:
    """How long the oldest due time is over."""
    return float(await fetch_value(conn, _OLDEST) or 0.0)


async def read_time(conn: Connection) -> datetime:
    """The time of the database."""
    now: datetime = await fetch_value(conn, _CLOCK)
    return now
