"""The outbox: events not yet dispatched. A dispatcher leases contacts, not events."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.sql import Connection, execute, fetch_all, fetch_column, fetch_value, sql

CHANNEL = "parcours_outbox"
"""The NOTIFY channel that announces events to dispatch."""

# `depth` rows are read in the order of their ids, and of each contact in them the first counts. So
# a contact with many events takes one place, and how many are read is bounded.
_LEASE = sql(
    """
with oldest as materialized (
    select contact_id, min(event_id) as event_id, count(*) as rows
    from (select contact_id, event_id from outbox order by event_id limit %(depth)s) read
    group by contact_id
), chosen as materialized (
    select c.id from oldest o join contact c on c.id = o.contact_id
    where (c.leased_until is null or c.leased_until < parcours.clock())
    and not exists (
        select from outbox p where p.contact_id = o.contact_id and p.event_id = o.event_id
        and p.not_before > parcours.clock()
    )
    order by o.event_id limit %(limit)s for no key update of c skip locked
), leased as (
    update contact set leased_until = parcours.clock() + %(time)s, lease_owner = %(owner)s
    where id in (select id from chosen) returning id
)
select (select revision from catalog), (select coalesce(sum(rows), 0)::bigint from oldest),
       leased.id, e.id, e.contact_id, e.name, e.properties::text, e.run_id, e.depth,
       o.attempts, e.stamped_at, greatest(e.occurred_at, {first_day}),
       o.after_visit, o.after_run, o.after_journey, o.trace
from (select 1) always
left join leased on true
left join lateral (
    select o.* from outbox o
    where o.contact_id = leased.id and o.event_id < coalesce((
        -- Asked once for each contact, however many events it has.
        select min(p.event_id) from outbox p
        where p.contact_id = leased.id and p.not_before > parcours.clock()
    ), 9223372036854775807)
    order by o.event_id limit %(events)s
) o on true
left join event e on e.id = o.event_id
order by e.id
""",
    # Python's calendar begins there, and no event's time may keep all others from being read.
    first_day=sql("timestamptz '0001-01-03 00:00:00+00'"),
)
_RENEW = sql("""
update contact c set leased_until = parcours.clock() + %(time)s
from (
    select id from contact where id = any(%(contacts)s) and lease_owner = %(owner)s
    order by id for no key update skip locked
) held
where c.id = held.id
""")
_RECORD_PROGRESS = sql("""
with removed as (
    delete from outbox o
    using unnest(%(owners)s::uuid[], %(events)s::bigint[]) d(contact_id, event_id)
    where o.contact_id = d.contact_id and o.event_id = d.event_id
), progressed as (
    update outbox o set after_visit = p.after_visit, after_run = p.after_run,
           after_journey = p.after_journey
    from unnest(%(cut_owners)s::uuid[], %(cut_events)s::bigint[], %(after_visits)s::int[],
                %(after_runs)s::uuid[], %(after_journeys)s::text[])
         p(contact_id, event_id, after_visit, after_run, after_journey)
    where o.contact_id = p.contact_id and o.event_id = p.event_id
)
update run set workflow_started_at = parcours.clock()
from (select id from run where id = any(%(started)s) order by id for no key update) new
where run.id = new.id and run.workflow_started_at is null
""")
# What another round has leased stays leased. Nothing is waited for: a lease that is left is ended a
# little later, or runs out.
_RELEASE = sql("""
with mine as materialized (
    select id from contact where id = any(%(contacts)s)
    order by id for no key update skip locked
), released as (
    update contact c set lease_owner = null, leased_until =
        case when c.id = any(%(resting)s) then parcours.clock() + %(rest)s::interval end
    from mine where c.id = mine.id and c.lease_owner = %(owner)s
)
select id from mine
""")
_RETRY_LATER = sql("""
update outbox set attempts = attempts + 1, not_before = parcours.clock() + %(delay)s
where contact_id = %(contact)s and event_id = %(event)s returning attempts
""")
_DEAD_LETTER = sql("""
with removed as (delete from outbox where contact_id = %(contact)s and event_id = %(event)s)
insert into dead_event (event_id, contact_id, code, detail)
select e.id, e.contact_id, %(code)s, %(detail)s from event e where e.id = %(event)s
on conflict do nothing
""")
_DETAIL_LIMIT = 2_000


@dataclass(frozen=True)
class OutboxEvent:
    """An event in the outbox, and how far earlier rounds came with it."""

    id: int
    contact_id: UUID
    name: str
    properties: dict[str, Any]
    run_id: UUID | None
    depth: int
    attempts: int
    stamped_at: datetime
    occurred_at: datetime
    after_visit: int | None
    after_run: UUID | None
    after_journey: str | None
    trace: str | None = None
    """The trace that it belongs to, as a `traceparent`."""
    unreadable: str | None = None
    """Why its properties cannot be read."""


@dataclass(frozen=True)
class Leased:
    """Contacts leased by one round of a dispatcher, and their oldest events."""

    owner: UUID
    contacts: list[UUID]
    events: list[OutboxEvent]
    revision: int
    """Of the catalog."""
    read: int
    """Rows of the outbox that were looked at."""
    most: int
    """Events of one contact that were read, at most."""

    def is_full(self, contact_id: UUID) -> bool:
        """Whether the contact may have more events than were read."""
        return sum(event.contact_id == contact_id for event in self.events) >= self.most

    def joined(self, more: Leased) -> Leased:
        """With the contacts of another lease of the same owner."""
        return replace(
            more,
            contacts=[*self.contacts, *more.contacts],
            events=sorted([*self.events, *more.events], key=lambda event: event.id),
        )

    def of(self, contact_id: UUID) -> Leased:
        """One of the contacts alone."""
        own = [event for event in self.events if event.contact_id == contact_id]
        return replace(self, contacts=[contact_id], events=own)

    def without(self, contacts: Collection[UUID]) -> Leased:
        """All but some of the contacts."""
        return replace(
            self,
            contacts=[each for each in self.contacts if each not in contacts],
            events=[event for event in self.events if event.contact_id not in contacts],
        )

    def only(self, event: OutboxEvent) -> Leased:
        """One of the events alone, with its contact."""
        return replace(self, contacts=[event.contact_id], events=[event])


@dataclass(frozen=True)
class Progress:
    """How far a round came with an event whose rest is left to later rounds."""

    contact_id: UUID
    event_id: int
    after_visit: int | None
    after_run: UUID | None
    after_journey: str | None


async def lease_contacts(
    conn: Connection, owner: UUID, *, limit: int, events: int, depth: int, time: timedelta
) -> Leased:
    """Lease up to `limit` contacts with undispatched events, for `time`, and read their events.

    Among the `depth` oldest events those contacts come first whose oldest event is the oldest. Of
    each up to `events` are read, in order. A contact whose row is locked is left for the next
    round. A contact whose oldest event is to be retried later is left until then, because the order
    within a contact holds. An event that another dispatcher deletes at the same moment may be read
    again; dispatching it again changes nothing.
    """
    rows = await fetch_all(
        conn,
        _LEASE,
        {"time": time, "limit": limit, "depth": depth, "events": events, "owner": owner},
    )
    return Leased(
        owner=owner,
        contacts=list(dict.fromkeys(row[2] for row in rows if row[2] is not None)),
        events=[_event(row[3:]) for row in rows if row[3] is not None],
        revision=rows[0][0],
        read=rows[0][1],
        most=events,
    )


def _event(row: tuple[Any, ...]) -> OutboxEvent:
    event_id, contact_id, name, properties, *rest = row
    try:
        read = json.loads(properties)
    except ValueError as error:
        return replace(OutboxEvent(event_id, contact_id, name, {}, *rest), unreadable=str(error))
    return OutboxEvent(event_id, contact_id, name, read, *rest)


async def renew_lease(
    conn: Connection, owner: UUID, contact_ids: Sequence[UUID], time: timedelta
) -> int:
    """Lengthen the leases that the owner still has; their number."""
    return await execute(
        conn, _RENEW, {"time": time, "contacts": list(contact_ids), "owner": owner}
    )


async def record_progress(
    conn: Connection,
    *,
    dispatched: Sequence[OutboxEvent],
    cut: Sequence[Progress],
    started: Sequence[UUID],
) -> None:
    """Delete dispatched events, keep how far others came, and record which runs were started."""
    await execute(
        conn,
        _RECORD_PROGRESS,
        {
            "owners": [event.contact_id for event in dispatched],
            "events": [event.id for event in dispatched],
            "cut_owners": [each.contact_id for each in cut],
            "cut_events": [each.event_id for each in cut],
            "after_visits": [each.after_visit for each in cut],
            "after_runs": [each.after_run for each in cut],
            "after_journeys": [each.after_journey for each in cut],
            "started": list(started),
        },
    )


async def release_contacts(
    conn: Connection,
    owner: UUID,
    contact_ids: Sequence[UUID],
    *,
    resting: Sequence[UUID] = (),
    rest: timedelta = timedelta(0),
) -> list[UUID]:
    """End the leases of contacts that the owner still has; the resting ones stay closed a while.

    Returns those that others have locked, whose leases stand.
    """
    free = await fetch_column(
        conn,
        _RELEASE,
        {
            "contacts": list(contact_ids),
            "owner": owner,
            "resting": list(resting),
            "rest": rest,
        },
    )
    return sorted(set(contact_ids) - set(free))


async def retry_event_later(
    conn: Connection, contact_id: UUID, event_id: int, delay: timedelta
) -> int:
    """Dispatch an event again after `delay`; the number of attempts so far."""
    attempts = await fetch_value(
        conn, _RETRY_LATER, {"delay": delay, "contact": contact_id, "event": event_id}
    )
    return attempts or 0


async def dead_letter(
    conn: Connection, contact_id: UUID, event_id: int, code: str, detail: str
) -> None:
    """Move an event that cannot be dispatched to the dead events, so that its contact goes on."""
    await execute(
        conn,
        _DEAD_LETTER,
        {
            "contact": contact_id,
            "event": event_id,
            "code": code,
            "detail": detail.replace("\x00", "")[:_DETAIL_LIMIT],
        },
    )
