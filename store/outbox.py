"""The outbox: events not yet dispatched, leased a contact at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

CHANNEL = "parcours_outbox"
"""The channel that says there is something to dispatch."""


@dataclass(frozen=True)
class Undispatched:
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
    events: list[Undispatched]
    revision: int
    """Of the catalog."""
    marked: bool
    """Runs are marked to be started, or their workflows to be told that they ended."""


async def lease(conn: AsyncConnection[Any], limit: int, events: int, time: timedelta) -> Leased:
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
        events=[Undispatched(*row[3:]) for row in rows if row[3] is not None],
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


async def put_off(
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


async def bury(
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


@dataclass(frozen=True)
class Candidate:
    """A listener whose name, reference and equalities an event satisfies."""

    event_id: int
    run_id: UUID
    visit: int
    slot: int
    rest: bool
    journey: str
    version: int
    step: str | None


async def listeners_for(conn: AsyncConnection[Any], event_ids: list[int]) -> list[Candidate]:
    """The listeners that these events may wake, exits first."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            """
            select e.id as event_id, l.run_id, l.visit, l.slot, r.journey, r.version, v.step,
                   l.rest or (merged.yes and l.slot >= 0) as rest
            from event e
            cross join lateral (
                -- Events that came with a merge are older than it: every moved listener looks.
                select e.name = 'Contact Changed' and e.properties @> '{"merged": true}' as yes
            ) merged
            join listener l on l.contact_id = e.contact_id
                and (merged.yes or ((l.event_name = e.name or l.event_name is null)
                                    and e.properties @> l.match))
                and l.ref < e.id
            join run r on r.id = l.run_id and r.state = 'active'
            left join visit v on v.run_id = l.run_id and v.visit = l.visit
            where e.id = any(%s) and (e.run_id is null or e.run_id = l.run_id)
            order by l.visit, l.run_id, l.slot
            """,
            (event_ids,),
        )
        return await cursor.fetchall()


async def timed_listeners(
    conn: AsyncConnection[Any], after: UUID | None, limit: int
) -> list[Candidate]:
    """Listeners on conditions that time alone can change, a page at a time by run."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            """
            select 0::bigint as event_id, l.run_id, l.visit, l.slot, l.rest, r.journey, r.version,
                   v.step
            from listener l
            join run r on r.id = l.run_id and r.state = 'active'
            left join visit v on v.run_id = l.run_id and v.visit = l.visit
            where l.timed and (%(after)s::uuid is null or l.run_id > %(after)s::uuid)
            order by l.run_id limit %(limit)s
            """,
            {"after": after, "limit": limit},
        )
        return await cursor.fetchall()
