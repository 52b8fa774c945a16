"""The outbox: events not yet dispatched, leased a contact at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

CHANNEL = "parcours_outbox"
"""The channel that says there is something to dispatch."""


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
    """Contacts that are this dispatcher's alone until the lease ends, and their oldest events."""

    contacts: list[UUID]
    events: list[OutboxEvent]
    revision: int
    """Of the catalog."""
    marked: bool
    """Runs are marked to be started, or their workflows to be told that they ended."""


async def lease_contacts(
    conn: AsyncConnection[Any], limit: int, events: int, time: timedelta
) -> Leased:
    """Take up to `limit` contacts with undispatched events, and up to `events` of these in order.

    A contact whose row is locked is left for the next round; one whose oldest event is put off has
    nothing to take, because order within a contact holds. An event that another dispatcher forgets
    at this very moment may be taken again, which changes nothing.
    """
    cursor = await conn.execute(
        """
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
        """,
        {"time": time, "limit": limit, "depth": limit * 10, "events": events},
    )
    rows = await cursor.fetchall()
    return Leased(
        contacts=list(dict.fromkeys(row[2] for row in rows)),
        events=[OutboxEvent(*row[3:]) for row in rows if row[3] is not None],
        revision=rows[0][0] if rows else 0,
        marked=bool(rows and rows[0][1]),
    )


async def finish_round(
    conn: AsyncConnection[Any],
    *,
    contacts: list[UUID],
    events: list[tuple[UUID, int]],
    started: list[UUID],
) -> None:
    """Forget dispatched events (contact, event id), note the runs that Temporal has, and give the
    contacts back, all in one statement."""
    await conn.execute(
        """
        with gone as (
            delete from outbox o
            using unnest(%(owners)s::uuid[], %(events)s::bigint[]) d(contact_id, event_id)
            where o.contact_id = d.contact_id and o.event_id = d.event_id
        ), started as (
            update run set workflow_started_at = parcours.clock()
            where id = any(%(started)s) and workflow_started_at is null
        )
        update contact set leased_until = null where id = any(%(contacts)s)
        """,
        {
            "owners": [contact for contact, _ in events],
            "events": [event for _, event in events],
            "started": started,
            "contacts": contacts,
        },
    )


async def release_contacts(conn: AsyncConnection[Any], contact_ids: list[UUID]) -> None:
    """Give leased contacts back."""
    await conn.execute("update contact set leased_until = null where id = any(%s)", (contact_ids,))


async def retry_event_later(
    conn: AsyncConnection[Any], contact_id: UUID, event_id: int, delay: timedelta
) -> int:
    """Try an event again after `delay`; returns how often it was tried."""
    cursor = await conn.execute(
        "update outbox set attempts = attempts + 1, not_before = parcours.clock() + %s"
        " where contact_id = %s and event_id = %s returning attempts",
        (delay, contact_id, event_id),
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def dead_letter(
    conn: AsyncConnection[Any], contact_id: UUID, event_id: int, code: str, detail: str
) -> None:
    """Move an event that can't be dispatched to the dead list, so that its contact goes on."""
    await conn.execute(
        """
        with gone as (delete from outbox where contact_id = %(contact)s and event_id = %(event)s)
        insert into dead_event (event_id, contact_id, code, detail)
        values (%(event)s, %(contact)s, %(code)s, %(detail)s) on conflict do nothing
        """,
        {"contact": contact_id, "event": event_id, "code": code, "detail": detail},
    )
