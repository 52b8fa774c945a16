"""Segments in the worker: judged at events in the round of the dispatcher, and by time.

A round has a time for all judging. What does not fit into it, or fails, is put off to the queue of
what is due, which judges it as of its own time, so that neither its events nor other contacts wait
for it. A segment that takes long is judged there only, until it is quick again. A contact that
cannot be judged by one segment is due again later, with a fault. A segment whose condition cannot
be read is left out alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.due_queue import DueQueue, Worked
from dispatch.faults import FoundFault, TakesLong, record_faults
from dispatch.page_size import AIM, PageSize
from store.definitions.catalog import BrokenDocument, Catalog
from store.events.outbox import OutboxEvent
from store.operations.logged_errors import logged_error
from store.segments.due import (
    DueContact,
    put_off_contacts,
    seconds_to_next_contact,
    take_due_contact,
    take_due_contacts,
)
from store.segments.generations import mark_slow
from store.segments.judging import (
    begin_judging,
    judge_behind,
    judge_contacts,
    put_off_judging,
)
from store.segments.judging_pass import FailedJudgement
from store.sql import Connection, is_database_away, is_database_busy
from store.tables.segments import DueLane

log = structlog.get_logger(__name__)

_CONTACTS: Final = 10
"""Contacts of one transaction of the dispatcher, at most."""
_EVENTS_TOGETHER: Final = 20
"""Their events, at most, unless one has more."""
_LOCK_TIMEOUT: Final = "200ms"
_LONGEST: Final = 5.0
"""Seconds for one statement of these."""
JUDGING_TIME: Final = 1.0
"""Seconds for all judging of one round."""
_EVENTS: Final = 200
"""Events of one contact that are gone through at a time after they were put off, at most."""
_FIRST_EVENTS: Final = 10
"""As many are tried first."""
_PAGES_APART: Final = 3
"""As many times is a segment to be slow before it is said to be."""
SEGMENTS: Final = "segments"


async def judge_events(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    events: Sequence[OutboxEvent],
    revision: int,
    faults: list[FoundFault],
    seconds: float | None = JUDGING_TIME,
) -> set[UUID]:
    """Judge the contacts of events by the segments that depend on these.

    Without any there is no statement. Contacts that were judged at them before are not again. What
    takes more than `seconds` in all (None: as long as it takes), or fails, is put off: it is judged
    as of its own time by who drains what is due. Returns the contacts whose events must stay
    undispatched, because neither was possible.
    """
    kept = await catalog.live_segments.read(conn, revision)
    touched = Counter(
        event.contact_id
        for event in events
        if event.run_id is None
        and event.name in kept.by_event
        and kept.touched_by(event.name, event.properties)
    )
    if not touched:
        return set()
    until = None if seconds is None else monotonic() + seconds
    late: list[UUID] = []
    for contacts in _together(touched):
        if not await _judge_some(conn, catalog, contacts, until, faults):
            late += contacts
    return await _put_off(conn, catalog, late) if late else set()


def _together(events: Counter[UUID]) -> Iterator[list[UUID]]:
    """The contacts of each transaction, by how many events they have.

    Those with few come first, so that one with many takes the time of no other.
    """
    some: list[UUID] = []
    size = 0
    for contact in sorted(events, key=lambda each: (events[each], each)):
        if len(some) == _CONTACTS or (some and size + events[contact] > _EVENTS_TOGETHER):
            yield some
            some, size = [], 0
        some.append(contact)
        size += events[contact]
    if some:
        yield some


async def _judge_some(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    contacts: Sequence[UUID],
    until: float | None,
    faults: list[FoundFault],
) -> bool:
    """Whether contacts were judged in the time that is left."""
    left = _LONGEST if until is None else min(until - monotonic(), _LONGEST)
    if left <= 0:
        return False
    try:
        async with conn.transaction():
            await begin_judging(
                conn, timeout=f"{max(int(left * 1_000), 1)}ms", lock_timeout=_LOCK_TIMEOUT
            )
            judged = await judge_contacts(conn, catalog, contacts, until=until)
    except Exception as error:
        if is_database_away(error):
            raise
        log.warning("judging_put_off", contacts=len(contacts), error=logged_error(error))
        return False
    faults += faults_of(judged.failures)
    return True


async def _put_off(
    conn: AsyncConnection[Any], catalog: Catalog, contacts: Sequence[UUID]
) -> set[UUID]:
    try:
        async with conn.transaction():
            await begin_judging(conn, timeout="2s")
            return await put_off_judging(conn, catalog, contacts)
    except Exception as error:
        if is_database_away(error) or not is_database_busy(error):
            raise
        return set(contacts)


def faults_of(failures: Sequence[FailedJudgement]) -> list[FoundFault]:
    """The faults of judgements that failed: of contacts, or of segments that fail for all."""
    found: dict[str, FoundFault] = {}
    for each in failures:
        segment, contact_id = f"segment {each.segment}", each.contact_id
        if each.of_segment:
            found[segment] = FoundFault(SEGMENTS, each.error, subject=segment)
        else:
            subject = f"{segment} contact {contact_id}"
            found[subject] = FoundFault(
                SEGMENTS, each.error, contact_id=contact_id, subject=subject
            )
    return list(found.values())


def broken_documents(kind: str, broken: Mapping[str, str]) -> list[BrokenDocument]:
    """The segments or holdouts whose stored condition can't be read."""
    return [BrokenDocument(f"{kind} {key}", why) for key, why in broken.items()]


class SegmentsDue:
    """The source of segments that are due, for `DueQueue`."""

    name = SEGMENTS
    lanes = tuple(DueLane)
    resting = frozenset({DueLane.BEHIND, DueLane.SLOW})

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._events = {lane: PageSize(_EVENTS, first=_FIRST_EVENTS) for lane in DueLane}
        """Events of a contact that are gone through at a time, in each lane."""
        self._apart = 0
        """Pages in which the segments that take long are looked for among others."""

    async def prepare(self, conn: Connection, lane: int) -> None:
        """Nothing has to be done before."""

    async def begin(self, conn: Connection) -> None:
        """Share the gate of generations."""
        await begin_judging(conn)

    async def take(self, conn: Connection, limit: int, lane: int) -> list[DueContact]:
        """Contacts that a segment is due for, locked."""
        return await take_due_contacts(conn, limit, DueLane(lane))

    async def take_one(self, conn: Connection, thing: DueContact) -> DueContact | None:
        """One contact and segment as they are now."""
        return await take_due_contact(conn, thing)

    async def work(
        self, conn: Connection, things: Sequence[DueContact], lane: int, *, alone: bool
    ) -> Worked[DueContact]:
        """Catch the contacts up."""
        where = DueLane(lane)
        failures: list[FailedJudgement] = []
        behind = {each.contact_id for each in things if where is not DueLane.TIME and each.segment}
        if others := {each.contact_id for each in things} - behind:
            judged = await judge_contacts(conn, self._catalog, others, alone=alone)
            failures += judged.failures
        if behind:
            failures += await self._go_back(conn, behind, where, alone=alone)
        return Worked(faults_of(failures))

    async def _go_back(
        self, conn: Connection, contacts: Collection[UUID], lane: DueLane, *, alone: bool
    ) -> list[FailedJudgement]:
        size = self._events[lane]
        events = 1 if alone else size.now
        apart = lane is not DueLane.BEHIND or self._apart > 0
        begun = monotonic()
        try:
            judged = await judge_behind(
                conn,
                self._catalog,
                contacts,
                lane,
                events=events,
                apart=apart,
                alone=alone,
                until=begun + AIM,
            )
        except Exception:
            size.failed()
            self._apart = _PAGES_APART
            raise
        took = monotonic() - begun
        if not alone:
            size.took(events * max(judged.passes, 1), took)
        if lane is DueLane.BEHIND:
            # One event of each contact takes as long as all judging of a round may.
            takes_long = took > JUDGING_TIME and events == 1 and not apart
            self._apart = _PAGES_APART if takes_long else max(self._apart - 1, 0)
        return judged.failures

    async def put_off(self, conn: Connection, thing: DueContact, delay: timedelta) -> None:
        """Make a segment due later."""
        if await take_due_contact(conn, thing) is not None:
            await put_off_contacts(conn, [thing], delay)

    def fault_of(self, things: Sequence[DueContact], error: Exception) -> FoundFault:
        """The fault of a contact."""
        return FoundFault(self.name, error, contact_id=things[0].contact_id)

    async def after_page(self, conn: Connection) -> None:
        """Record which segments take long. The events of changes are in the outbox."""
        for each in self._catalog.live_segments.take_slow():
            await mark_slow(conn, each.key)
            if each.is_new:
                error = TakesLong(f"judging a contact takes {each.seconds:.1f} s each time")
                fault = FoundFault(SEGMENTS, error, subject=f"segment {each.key}")
                await record_faults(conn, [fault])

    async def seconds_to_next(self, conn: Connection, lane: int) -> float | None:
        """How long until a segment is due."""
        return await seconds_to_next_contact(conn, DueLane(lane))


def segment_queue(
    pool: AsyncConnectionPool[AsyncConnection[Any]], catalog: Catalog
) -> DueQueue[DueContact]:
    """The drainer of segments that are due."""
    return DueQueue(pool, SegmentsDue(catalog))
