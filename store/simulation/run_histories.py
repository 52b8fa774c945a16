"""Histories of the runs in a simulation: their entries, visits, goals and ends, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.sql import Connection, fetch_all_as, sql

_HISTORY = sql("""
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
""")
_REFUSALS = sql("""
select f.id, coalesce(c.external_id, c.id::text) as contact, f.refused_at as at,
       f.code, e.name as event, c.timezone
from refusal f
join contact c on c.id = f.contact_id
left join event e on e.id = f.event_id
where f.journey = %(journey)s and f.contact_id = any(%(contacts)s) order by f.id
""")
_UNFINISHED = sql("""
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
""")


@dataclass(frozen=True)
class HistoryEntry:
    """Something that a run did.

    By `visit`: the run was entered (0), a visit ended (from 1), its goal was met (-1), or it ended
    (None).
    """

    run_id: UUID
    contact: str
    """The contact's external id, or our own if it has none."""
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


@dataclass(frozen=True)
class RefusalRow:
    """An entry that was refused, and why."""

    id: int
    contact: str
    at: datetime
    code: str
    event: str | None
    timezone: str | None


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that is still active."""

    contact: str
    run: int
    """Its number, as in `HistoryEntry`."""
    step: str | None
    timezone: str | None


async def run_histories(
    conn: Connection, journey: str, contacts: Sequence[UUID], since: datetime | None
) -> list[HistoryEntry]:
    """What the runs of some contacts in a journey did, from `since` on or from the beginning.

    In the order of time; entries of one instant are in the order of the contacts.
    """
    return await fetch_all_as(
        conn,
        HistoryEntry,
        _HISTORY,
        {"journey": journey, "contacts": list(contacts), "since": since},
    )


async def refused_entries(
    conn: Connection, journey: str, contacts: Sequence[UUID]
) -> list[RefusalRow]:
    """The entries of some contacts that a journey refused, in order."""
    chosen = {"journey": journey, "contacts": list(contacts)}
    return await fetch_all_as(conn, RefusalRow, _REFUSALS, chosen)


async def unfinished_runs(
    conn: Connection, journey: str, contacts: Sequence[UUID]
) -> list[UnfinishedRun]:
    """The active runs of some contacts in a journey, in the order of the contacts."""
    chosen = {"journey": journey, "contacts": list(contacts)}
    return await fetch_all_as(conn, UnfinishedRun, _UNFINISHED, chosen)
