"""The outbox: events not yet dispatched. A dispatcher leases contacts, not events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, null, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_all, fetch_value, sql, statement
from store.tables.contacts import Contact
from store.tables.events import Outbox

CHANNEL = "parcours_outbox"
"""The NOTIFY channel that announces events to dispatch."""

_LEASE = sql("""
with leased as (
    update contact set leased_until = parcours.clock() + %(time)s
    where id in (
        select c.id from contact c
        where c.id in (
            select distinct contact_id from (
                select o.contact_id from outbox o join contact k on k.id = o.contact_id
                where (o.not_before is null or o.not_before <= parcours.clock())
                and (k.leased_until is null or k.leased_until < parcours.clock())
                order by o.event_id limit %(depth)s
            ) oldest
        )
        and (c.leased_until is null or c.leased_until < parcours.clock())
        limit %(limit)s for no key update skip locked
    )
    returning id
)
select (select revision from catalog),
       exists (
           select from run
           where state = 'active' and workflow_started_at is null and start_workflow
       )
       or exists (select from run where stop_workflow),
       leased.id, e.id, e.contact_id, e.name,
       e.properties, e.run_id, e.depth, o.attempts
from leased
left join lateral (
    select o.event_id, o.attempts from outbox o
    where o.contact_id = leased.id and not exists (
        select from outbox p where p.contact_id = o.contact_id
        and p.event_id <= o.event_id and p.not_before > parcours.clock()
    )
    order by o.event_id limit %(events)s
) o on true
left join event e on e.id = o.event_id
order by e.id
""")
_FINISH_ROUND = sql("""
with removed as (
    delete from outbox o
    using unnest(%(owners)s::uuid[], %(events)s::bigint[]) d(contact_id, event_id)
    where o.contact_id = d.contact_id and o.event_id = d.event_id
), started as (
    update run set workflow_started_at = parcours.clock()
    where id = any(%(started)s) and workflow_started_at is null
)
update contact set leased_until = null where id = any(%(contacts)s)
""")
_RELEASE = statement(
    update(Contact)
    .where(col(Contact.id) == func.any(bindparam("contacts")))
    .values(leased_until=null())
)
_RETRY_LATER = statement(
    update(Outbox)
    .where(
        col(Outbox.contact_id) == bindparam("contact"), col(Outbox.event_id) == bindparam("event")
    )
    .values(
        attempts=col(Outbox.attempts) + 1, not_before=func.parcours.clock() + bindparam("delay")
    )
    .returning(col(Outbox.attempts))
)
_DEAD_LETTER = sql("""
with removed as (delete from outbox where contact_id = %(contact)s and event_id = %(event)s)
insert into dead_event (event_id, contact_id, code, detail)
values (%(event)s, %(contact)s, %(code)s, %(detail)s) on conflict do nothing
""")


@dataclass(frozen=True)
class OutboxEvent:
    """An event in the outbox."""

    id: int
    contact_id: UUID
    name: str
    properties: dict[str, Any]
    run_id: UUID | None
    depth: int
    attempts: int


@dataclass(frozen=True)
class Leased:
    """Contacts leased by one dispatcher until the lease ends, and their oldest events."""

    contacts: list[UUID]
    events: list[OutboxEvent]
    revision: int
    """Of the catalog."""
    marked: bool
    """Whether runs are marked: their workflow is to be started, or stopped."""


async def lease_contacts(conn: Connection, limit: int, events: int, time: timedelta) -> Leased:
    """Lease up to `limit` contacts with undispatched events, for `time`, and read their events.

    Of each contact up to `events` are read, in order. A contact whose row is locked is left for the
    next round. A contact whose oldest event is to be retried later has no events yet, because the
    order within a contact holds. An event that another dispatcher deletes at the same moment may be
    read again; dispatching it again changes nothing.
    """
    rows = await fetch_all(
        conn, _LEASE, {"time": time, "limit": limit, "depth": limit * 10, "events": events}
    )
    return Leased(
        contacts=list(dict.fromkeys(row[2] for row in rows)),
        events=[OutboxEvent(*row[3:]) for row in rows if row[3] is not None],
        revision=rows[0][0] if rows else 0,
        marked=bool(rows and rows[0][1]),
    )


async def finish_round(
    conn: Connection,
    *,
    contacts: list[UUID],
    events: list[tuple[UUID, int]],
    started: list[UUID],
) -> None:
    """Delete dispatched events (contact, event id), record which runs were started in Temporal, and
    release the contacts, in one statement."""
    await execute(
        conn,
        _FINISH_ROUND,
        {
            "owners": [contact for contact, _ in events],
            "events": [event for _, event in events],
            "started": started,
            "contacts": contacts,
        },
    )


async def release_contacts(conn: Connection, contact_ids: list[UUID]) -> None:
    """End the leases of contacts."""
    await execute(conn, _RELEASE, {"contacts": contact_ids})


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
        {"contact": contact_id, "event": event_id, "code": code, "detail": detail},
    )
