"""Writes of what judging has found: members, their history, its events, and due times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

import orjson

from journeys.model.well_known_events import SEGMENT_ENTERED, SEGMENT_LEFT
from journeys.time.backoff import Backoff
from store.events.recording import NewEvent, record_changes
from store.sql import Connection, execute, sql
from store.tables.segments import ChangedBy, DueLane

_SET_ASIDE: Final = Backoff(first=5.0, longest=600.0)
_ATTEMPTS_WITH_HISTORY: Final = 8
"""Attempts to judge a contact that keep what it is to be judged at: about a quarter of an hour."""

_WRITE = sql("""
with changed as materialized (
    select g.* from jsonb_to_recordset(%(changes)s::jsonb) as g(
        n int, contact_id uuid, segment text, entered bool, at timestamptz, by text,
        event_id bigint, generation int, final bool)
),
noted as (
    insert into segment_change (contact_id, segment, entered, at, by, event_id)
    select contact_id, segment, entered, at, by, event_id from changed order by n
),
entered as (
    insert into segment_member (segment, contact_id, generation, entered_at)
    select segment, contact_id, generation, at from changed where final and entered
    on conflict (segment, contact_id) do update
    set generation = excluded.generation, entered_at = excluded.entered_at
),
left_it as (
    delete from segment_member m using changed g
    where g.final and not g.entered and m.segment = g.segment and m.contact_id = g.contact_id
),
due as materialized (
    select g.* from jsonb_to_recordset(%(due)s::jsonb) as g(
        contact_id uuid, segment text, due_at timestamptz, delay float8, attempts smallint,
        lane smallint, reference bigint)
),
set_due as (
    insert into segment_due (contact_id, segment, due_at, attempts, lane, take_at, reference)
    select contact_id, segment, coalesce(due_at, parcours.clock()), attempts, lane,
           case when lane > 0
               then parcours.clock() + coalesce(delay, 0) * interval '1 second' end,
           reference
    from due where due_at is not null or delay is not null
    on conflict (contact_id, segment) do update
    set due_at = excluded.due_at, attempts = excluded.attempts, lane = excluded.lane,
        take_at = excluded.take_at, reference = excluded.reference
),
settled as (
    delete from segment_due d using due g
    where g.due_at is null and g.delay is null
      and d.contact_id = g.contact_id and d.segment = g.segment
)
update contact c set judged_event_id = g.event_id
from unnest(%(contacts)s::uuid[], %(events)s::bigint[]) g(contact_id, event_id)
where c.id = g.contact_id and c.id = any(%(contacts)s::uuid[])
""")


@dataclass(frozen=True, slots=True)
class Change:
    """A contact entered a segment, or left it."""

    contact_id: UUID
    segment: str
    entered: bool
    at: datetime
    by: ChangedBy
    event_id: int | None
    """The event that it follows from."""
    depth: int
    """Of that event."""
    generation: int


@dataclass(frozen=True, slots=True)
class NextDue:
    """When a segment is due for a contact: at an instant, or after a failure; else it is not."""

    contact_id: UUID
    segment: str
    due_at: datetime | None
    delay: timedelta | None = None
    attempts: int = 0
    lane: DueLane = DueLane.TIME
    reference: int | None = None
    """In another lane: the event up to which the contact was judged by the segment."""

    @classmethod
    def after_failure(
        cls,
        contact_id: UUID,
        segment: str,
        attempts: int,
        *,
        due_at: datetime | None,
        reference: int | None,
        newest: int,
    ) -> Self:
        """Due again after a delay that grows with the attempts.

        After some attempts what came before is given up, so that it does not grow without an end.
        Then the contact is judged as of the moment when that succeeds.
        """
        delay = timedelta(seconds=_SET_ASIDE.delay(attempts))
        if attempts >= _ATTEMPTS_WITH_HISTORY:
            due_at, reference = None, newest
        return cls(contact_id, segment, due_at, delay, attempts, DueLane.AGAIN, reference)


async def write_judged(
    conn: Connection,
    changes: Sequence[Change],
    due: Sequence[NextDue],
    references: Mapping[UUID, int],
) -> None:
    """Write what judging locked contacts has found, and nothing if that is nothing.

    `references`: of contacts, the events up to which they were judged.
    """
    if not (changes or due or references):
        return
    ordered = sorted(changes, key=lambda each: (each.contact_id, each.at, each.event_id or 0))
    await record_changes(conn, [(each.contact_id, _event(each)) for each in ordered])
    last = {(each.contact_id, each.segment): n for n, each in enumerate(ordered)}
    rows = [
        {
            "n": n,
            "contact_id": each.contact_id,
            "segment": each.segment,
            "entered": each.entered,
            "at": each.at,
            "by": each.by,
            "event_id": each.event_id,
            "generation": each.generation,
            "final": last[(each.contact_id, each.segment)] == n,
        }
        for n, each in enumerate(ordered)
    ]
    due_rows = [
        {
            "contact_id": each.contact_id,
            "segment": each.segment,
            "due_at": each.due_at,
            "delay": None if each.delay is None else each.delay.total_seconds(),
            "attempts": each.attempts,
            "lane": each.lane,
            "reference": each.reference,
        }
        for each in due
    ]
    await execute(
        conn,
        _WRITE,
        {
            "changes": orjson.dumps(rows).decode(),
            "due": orjson.dumps(due_rows).decode(),
            "contacts": list(references),
            "events": list(references.values()),
        },
    )


def _event(change: Change) -> NewEvent:
    return NewEvent(
        SEGMENT_ENTERED if change.entered else SEGMENT_LEFT,
        {"segment": change.segment, "by": change.by},
        depth=change.depth,
        cause_id=change.event_id,
        happened_at=change.at,
    )
