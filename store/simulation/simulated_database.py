"""A throwaway database that is told the time, and what a simulation reads from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.rows import class_row

_CONTACTS = UUID("b3a0f4c2-6d1e-5b7a-9c48-2e5d7f10a6b9")
"""The namespace of contacts' ids in simulations (RFC 9562, section 5.5)."""


async def stop_clock(conn: AsyncConnection[Any], at: datetime) -> None:
    """Let the database's clock stand at `at` from now on, for every connection.

    For throwaway databases only: there is no way back.
    """
    await conn.execute("create table parcours.simulated (now timestamptz not null)")
    await conn.execute("insert into parcours.simulated values (%s)", (at,))
    await conn.execute(
        "create or replace function parcours.clock() returns timestamptz"
        " language sql volatile parallel safe as 'select now from parcours.simulated'"
    )


async def set_clock(conn: AsyncConnection[Any], at: datetime) -> None:
    """Move the stopped clock."""
    await conn.execute("update parcours.simulated set now = %s", (at,))


async def make_contact(conn: AsyncConnection[Any], external_id: str) -> None:
    """Make a contact known whose id follows from its external id.

    Any other id is drawn by lot, and the arms that the contact takes in splits follow from it.
    """
    await conn.execute(
        "insert into contact (id, external_id) values (%s, %s)",
        (uuid5(_CONTACTS, external_id), external_id),
    )


async def next_due(conn: AsyncConnection[Any]) -> datetime | None:
    """When the next run that stands still wakes by itself; None if none does."""
    cursor = await conn.execute(
        "select min(v.due_at) from visit v join run r on r.id = v.run_id and r.visit = v.visit"
        " where r.state = 'active' and v.outcome is null"
    )
    row = await cursor.fetchone()
    return row[0] if row else None


@dataclass(frozen=True)
class Overdue:
    """A run that stands still although it is time."""

    run_id: UUID
    journey: str


async def overdue(conn: AsyncConnection[Any], now: datetime) -> list[Overdue]:
    """The runs that wake by themselves at `now` or before."""
    async with conn.cursor(row_factory=class_row(Overdue)) as cursor:
        await cursor.execute(
            "select r.id as run_id, r.journey from visit v"
            " join run r on r.id = v.run_id and r.visit = v.visit"
            " where r.state = 'active' and v.outcome is null and v.due_at <= %s",
            (now,),
        )
        return await cursor.fetchall()


@dataclass(frozen=True)
class Happened:
    """Something a run did: it was entered (`visit` 0), a visit ended, its goal was met (-1), or it
    ended (None)."""

    run_id: UUID
    contact: str
    """The contact's external id, or our own where it has none."""
    run: int
    """The number of the contact's run, from 1, in the order of their starts."""
    visit: int | None
    at: datetime
    step: str | None
    kind: str
    outcome: str | None
    facts: dict[str, Any]
    output: dict[str, Any]
    message_id: UUID | None
    timezone: str | None
    """Of the contact, now."""


async def what_happened(
    conn: AsyncConnection[Any], journey: str, contacts: Sequence[UUID], since: datetime | None
) -> list[Happened]:
    """What runs of a journey did for some contacts from `since` on, else from the beginning.

    In order; what happened at one instant, in the order of the contacts.
    """
    async with conn.cursor(row_factory=class_row(Happened)) as cursor:
        await cursor.execute(
            """
            with runs as (
                select r.*, e.name as event,
                       row_number() over (
                           partition by r.contact_id order by r.started_at, r.entry_ref, r.id
                       )::int as number
                from run r left join event e on e.id = r.entry_event_id
                where r.journey = %(journey)s and r.contact_id = any(%(contacts)s)
            ), happened as (
                select id as run_id, contact_id, number as run, 0 as visit, started_at as at,
                       null::text as step, 'entry' as kind, 'entered' as outcome,
                       jsonb_build_object('event', event, 'properties', entry) as facts,
                       '{}'::jsonb as output, null::uuid as message_id
                from runs
                union all
                select v.run_id, r.contact_id, r.number, v.visit, v.ended_at, v.step, v.kind,
                       v.outcome,
                       v.facts, v.output, v.message_id
                from visit v join runs r on r.id = v.run_id
                where v.outcome is not null and v.ended_at is not null
                union all
                select id, contact_id, number, null, ended_at, null, 'end', outcome,
                       jsonb_build_object('reason', reason), '{}', null
                from runs where state = 'ended'
                union all
                select g.run_id, r.contact_id, r.number, -1, g.met_at, null, 'goal', 'met',
                       jsonb_build_object('event', e.name, 'value', g.value), '{}', null
                from goal g join runs r on r.id = g.run_id join event e on e.id = g.met_event_id
            )
            select h.run_id, h.run, h.visit, h.at, h.step, h.kind, h.outcome, h.facts, h.output,
                   h.message_id, coalesce(c.external_id, c.id::text) as contact, c.timezone
            from happened h join contact c on c.id = h.contact_id
            where %(since)s::timestamptz is null or h.at >= %(since)s
            order by h.at, array_position(%(contacts)s, h.contact_id), h.run, h.visit nulls last
            """,
            {"journey": journey, "contacts": list(contacts), "since": since},
        )
        return await cursor.fetchall()


@dataclass(frozen=True)
class Turned:
    """An entry that was refused."""

    id: int
    contact: str
    at: datetime
    code: str
    event: str | None
    timezone: str | None


async def refused_entries(
    conn: AsyncConnection[Any], journey: str, contacts: Sequence[UUID]
) -> list[Turned]:
    """The entries of some contacts that a journey refused, in order."""
    async with conn.cursor(row_factory=class_row(Turned)) as cursor:
        await cursor.execute(
            "select f.id, coalesce(c.external_id, c.id::text) as contact, f.refused_at as at,"
            " f.code, e.name as event, c.timezone from refusal f"
            " join contact c on c.id = f.contact_id left join event e on e.id = f.event_id"
            " where f.journey = %s and f.contact_id = any(%s) order by f.id",
            (journey, list(contacts)),
        )
        return await cursor.fetchall()


@dataclass(frozen=True)
class Standing:
    """A run that is active still."""

    contact: str
    run: int
    """Its number, as in `Happened`."""
    step: str | None
    timezone: str | None


async def standing(
    conn: AsyncConnection[Any], journey: str, contacts: Sequence[UUID]
) -> list[Standing]:
    """The active runs of some contacts in a journey, in the order of the contacts."""
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            """
            select coalesce(c.external_id, c.id::text) as contact, r.number as run, r.step,
                   c.timezone
            from (
                select contact_id, step, state,
                       row_number() over (
                           partition by contact_id order by started_at, entry_ref, id
                       )::int as number
                from run where journey = %(journey)s and contact_id = any(%(contacts)s)
            ) r join contact c on c.id = r.contact_id
            where r.state = 'active'
            order by array_position(%(contacts)s, r.contact_id), r.number
            """,
            {"journey": journey, "contacts": list(contacts)},
        )
        return await cursor.fetchall()


@dataclass(frozen=True)
class Stored:
    """When an event was stored, and where its contact is."""

    at: datetime
    timezone: str | None


async def events_in_time(conn: AsyncConnection[Any], names: Collection[str]) -> list[Stored]:
    """Events of the contacts whose runs wait for a condition that time alone may fulfil."""
    async with conn.cursor(row_factory=class_row(Stored)) as cursor:
        await cursor.execute(
            """
            select distinct e.stamped_at as at, c.timezone from event e
            join contact c on c.id = e.contact_id
            where e.name = any(%s) and exists (
                select from listener l join run r on r.id = l.run_id
                where l.timed and r.state = 'active' and r.contact_id = c.id)
            """,
            (list(names),),
        )
        return await cursor.fetchall()
