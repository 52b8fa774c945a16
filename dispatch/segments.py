"""Segments in the worker: judged at events in the round of the dispatcher, and by time.

A contact that cannot be judged by one segment is due again later, with a fault, and neither its
event nor another contact waits for it. A segment whose condition cannot be read is left out alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.due_queue import DueQueue
from dispatch.faults import FoundFault, raise_outage
from store.definitions.catalog import BrokenDocument, Catalog
from store.events.outbox import OutboxEvent
from store.segments.due import (
    DueContact,
    put_off_contacts,
    seconds_to_next_contact,
    take_due_contact,
    take_due_contacts,
)
from store.segments.judging import FailedJudgement, begin_judging, judge_contacts
from store.sql import Connection, is_database_busy

_CONTACTS: Final = 10
"""Contacts of one transaction of the dispatcher."""
SEGMENTS: Final = "segments"


async def judge_events(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    events: Sequence[OutboxEvent],
    revision: int,
    faults: list[FoundFault],
) -> None:
    """Judge the contacts of events by the segments that depend on these.

    Without any there is no statement. Contacts that were judged at them before are not again.
    """
    kept = await catalog.live_segments.read(conn, revision)
    touched = {
        event.contact_id
        for event in events
        if event.run_id is None
        and event.name in kept.by_event
        and kept.touched_by(event.name, event.properties)
    }
    contacts = sorted(touched)
    for start in range(0, len(contacts), _CONTACTS):
        await _judge_some(conn, catalog, contacts[start : start + _CONTACTS], faults)


async def _judge_some(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    contacts: Sequence[UUID],
    faults: list[FoundFault],
) -> None:
    try:
        async with conn.transaction():
            await begin_judging(conn)
            judged = await judge_contacts(conn, catalog, contacts)
        faults += faults_of(judged.failures)
        return
    except Exception as error:
        if not is_database_busy(error):
            raise_outage(error)
    for contact_id in contacts:
        async with conn.transaction():
            await begin_judging(conn, timeout="1s")
            judged = await judge_contacts(conn, catalog, [contact_id], alone=True)
        faults += faults_of(judged.failures)


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


def broken_segments(broken: Mapping[str, str]) -> list[BrokenDocument]:
    """The segments whose stored condition can't be read."""
    return [BrokenDocument(f"segment {key}", why) for key, why in broken.items()]


class SegmentsDue:
    """The source of segments that are due, for `DueQueue`."""

    name = SEGMENTS

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def begin(self, conn: Connection) -> None:
        """Share the gate of generations."""
        await begin_judging(conn)

    async def take(self, conn: Connection, limit: int, *, again: bool) -> list[DueContact]:
        """Contacts that a segment is due for, locked."""
        return await take_due_contacts(conn, limit, again=again)

    async def take_one(self, conn: Connection, thing: DueContact) -> DueContact | None:
        """One contact and segment as they are now."""
        return await take_due_contact(conn, thing)

    async def work(
        self, conn: Connection, things: Sequence[DueContact], *, alone: bool
    ) -> list[FoundFault]:
        """Catch the contacts up."""
        contacts = {each.contact_id for each in things}
        judged = await judge_contacts(conn, self._catalog, contacts, alone=alone)
        return faults_of(judged.failures)

    async def put_off(self, conn: Connection, thing: DueContact, delay: timedelta) -> None:
        """Make a segment due later."""
        if await take_due_contact(conn, thing) is not None:
            await put_off_contacts(conn, [thing], delay)

    async def after_page(self, conn: Connection) -> None:
        """Nothing: the events of changes are in the outbox."""

    async def seconds_to_next(self, conn: Connection, *, again: bool) -> float | None:
        """How long until a segment is due."""
        return await seconds_to_next_contact(conn, again=again)


def segment_queue(
    pool: AsyncConnectionPool[AsyncConnection[Any]], catalog: Catalog
) -> DueQueue[DueContact]:
    """The drainer of segments that are due."""
    return DueQueue(pool, SegmentsDue(catalog))
