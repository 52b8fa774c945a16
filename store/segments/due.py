"""Contacts that a segment is due for, by the time at which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from store.sql import Connection, Sql, execute, fetch_all_as, fetch_value, integer, sql
from store.tables.segments import DueLane

# The clock is a query of its own, so that the index ends where time is.
#
# Contacts are locked, and never what is due: the holder of a contact writes its due times. One that
# is locked is left for the next page.
_DUE = sql("""
select d.contact_id, d.segment, d.due_at, d.attempts, d.lane
from segment_due d join contact c on c.id = d.contact_id
""")
_OTHER_LANES: Final = tuple(lane for lane in DueLane if lane is not DueLane.TIME)
_OF_LANE: Final[dict[DueLane, Sql]] = {
    DueLane.TIME: sql("d.lane = 0 and d.due_at <= (select parcours.clock())"),
    **{
        lane: sql(
            "d.lane = {lane} and d.lane > 0 and d.take_at <= (select parcours.clock())",
            lane=integer(lane),
        )
        for lane in _OTHER_LANES
    },
}
_ORDER: Final[dict[DueLane, Sql]] = {
    DueLane.TIME: sql("d.due_at"),
    **dict.fromkeys(_OTHER_LANES, sql("d.take_at")),
}
_TAKE: Final[dict[DueLane, Sql]] = {
    lane: sql(
        "{due} where {of_lane} order by {order} limit %(limit)s for no key update of c skip locked",
        due=_DUE,
        of_lane=_OF_LANE[lane],
        order=_ORDER[lane],
    )
    for lane in DueLane
}
_TAKE_ONE: Final[dict[DueLane, Sql]] = {
    lane: sql(
        """
{due} where {of_lane} and d.contact_id = %(contact)s and d.segment = %(segment)s
for no key update of c skip locked
""",
        due=_DUE,
        of_lane=_OF_LANE[lane],
    )
    for lane in DueLane
}
# What the holder of a contact's lock drained while that was waited for is no longer due.
_STILL: Final[dict[DueLane, Sql]] = {
    lane: sql(
        """
select d.contact_id, d.segment, d.due_at, d.attempts, d.lane
from unnest(%(contacts)s::uuid[], %(segments)s::text[]) as t(contact_id, segment)
join segment_due d using (contact_id, segment)
where {of_lane} order by {order}
""",
        of_lane=_OF_LANE[lane],
        order=_ORDER[lane],
    )
    for lane in DueLane
}
_LOOKS: Final = 3
"""As many pages are taken of which others have drained all meanwhile."""
_PUT_OFF = sql(
    """
update segment_due d
set lane = {again}, take_at = parcours.clock() + %(delay)s, attempts = least(attempts + 1, 1000),
    reference = case when d.segment = '' then null
        else coalesce(
            d.reference,
            (select min(o.event_id) - 1 from outbox o
             where o.contact_id = c.id and o.event_id > c.judged_event_id),
            (select last_value from event_id_seq)
        ) end
from contact c
where d.contact_id = %(contact)s and d.segment = %(segment)s and c.id = d.contact_id
""",
    again=integer(DueLane.AGAIN),
)
_NEXT: Final[dict[DueLane, Sql]] = {
    lane: sql(
        "select extract(epoch from {order} - parcours.clock())::float8 from segment_due d"
        " where d.lane = {lane}{others} order by {order} limit 1",
        lane=integer(lane),
        # As the condition of its index.
        others=sql("") if lane is DueLane.TIME else sql(" and d.lane > 0"),
        order=_ORDER[lane],
    )
    for lane in DueLane
}
_CLOCK = sql("select parcours.clock()")


@dataclass(frozen=True)
class DueContact:
    """A contact, and a segment that is due for it."""

    contact_id: UUID
    segment: str
    due_at: datetime
    attempts: int
    lane: int


async def take_due_contacts(conn: Connection, limit: int, lane: DueLane) -> list[DueContact]:
    """What is due in a lane, oldest first, with the contacts locked."""
    for _ in range(_LOOKS):
        found = await fetch_all_as(conn, DueContact, _TAKE[lane], {"limit": limit})
        if not found:
            break
        # A row is read before its contact is locked. Between the two, another may have drained it.
        keys = {
            "contacts": [each.contact_id for each in found],
            "segments": [each.segment for each in found],
        }
        if still := await fetch_all_as(conn, DueContact, _STILL[lane], keys):
            return still
    return []


async def take_due_contact(conn: Connection, due: DueContact) -> DueContact | None:
    """One as it is now, with its contact locked; None if it is not due, or locked already."""
    key = {"contact": due.contact_id, "segment": due.segment}
    found = await fetch_all_as(conn, DueContact, _TAKE_ONE[DueLane(due.lane)], key)
    return found[0] if found else None


async def put_off_contacts(conn: Connection, due: Sequence[DueContact], delay: timedelta) -> None:
    """Make segments due later that could not be judged; the caller has locked the contacts."""
    for each in due:
        key = {"contact": each.contact_id, "segment": each.segment, "delay": delay}
        await execute(conn, _PUT_OFF, key)


async def seconds_to_next_contact(conn: Connection, lane: DueLane) -> float | None:
    """How long until the earliest turn, below 0 if it is over; None if there is none."""
    seconds: float | None = await fetch_value(conn, _NEXT[lane])
    return seconds


async def read_time(conn: Connection) -> datetime:
    """The time of the database."""
    now: datetime = await fetch_value(conn, _CLOCK)
    return now
