"""Entries of many contacts at once, without an event: a page of them in a few statements.

The rules are those of a start by API. A job lets each contact enter once: what it did with it is
recorded in the transaction that does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from journeys.model.entry_rules import refuse_entry, refuse_re_entry
from journeys.model.journey_state import JourneyState
from journeys.model.reasons import RefusalReason
from store.conditions import Predicate
from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog, Definition
from store.entries.assignments import assignments_of, observations_of
from store.entries.new_runs import NewRun, insert_runs
from store.entries.refusals import NewRefusal, insert_refusals
from store.holdouts.live_holdouts import Assignment
from store.holdouts.observations import NewObservation, insert_observations
from store.runs.lifecycle import end_run
from store.sql import Connection, execute, fetch_all_as, fetch_column, sql
from store.tables.identifiers import new_id

_DONE_BEFORE = sql("""
select contact_id from job_entry where job_id = %(job)s and contact_id = any(%(contacts)s)
""")
_RECORD = sql("""
insert into job_entry (job_id, contact_id, run_id)
select %(job)s, contact_id, run_id
from unnest(%(contacts)s::uuid[], %(runs)s::uuid[]) g(contact_id, run_id)
""")
_ALWAYS = sql("true")
SHOWN: Final = 100
"""Contacts that previews and results name, at most."""


@dataclass(frozen=True)
class Entering:
    """What all contacts enter with, and what is asked of each in its turn."""

    catalog: Catalog
    definition: Definition
    key: str | None
    """The key of their runs; None: the journey asks for one, and the properties lack it."""
    properties: Mapping[str, Any]
    """What `entry` is in their runs."""
    condition: Predicate | None = None
    """The entry's `if`: a contact for which it does not hold is refused."""
    selected: Predicate | None = None
    """A contact for which it does not hold is not meant, and is passed over."""
    planned: bool = False
    """Whether the journey counts as active, because the question is what happens once it is."""


@dataclass
class BulkCounts:
    """What was done with contacts."""

    entered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """How many entries were refused, by code."""

    def add(self, other: BulkCounts) -> None:
        """Count the contacts of another page as well."""
        self.entered += other.entered
        self.refused += other.refused


@dataclass(frozen=True, slots=True)
class _State:
    """A contact's part of the decision."""

    contact_id: UUID
    timezone: str | None
    restricted: bool
    last_event_id: int
    journey: JourneyState
    now: datetime
    active: UUID | None
    messaged: bool
    """Whether the active run has claimed a message."""
    last_started: datetime | None
    selected: bool
    holds: bool
    catalog_revision: int


async def enter_contacts(
    conn: Connection, entering: Entering, contact_ids: Sequence[UUID], *, job_id: UUID
) -> BulkCounts:
    """Enter contacts for a job, within the caller's transaction; locks their rows.

    One that the job has worked on before is passed over, and so is one that is gone. A dispatcher
    starts the workflows.
    """
    await lock_contacts(conn, contact_ids)
    done = set(
        await fetch_column(conn, _DONE_BEFORE, {"job": job_id, "contacts": list(contact_ids)})
    )
    left = [each for each in contact_ids if each not in done]
    counts = BulkCounts()
    new: list[NewRun] = []
    refused: list[NewRefusal] = []
    key = entering.key or ""
    observed: list[NewObservation] = []
    for state, assignment in await _assigned(conn, entering, left):
        reason = _refuse(entering, state, assignment)
        if reason is None and state.active is not None:
            ended = await end_run(conn, state.active, "restarted", None, stop_workflow=True)
            reason = None if ended else _refuse_again(entering, state)
        if reason in (None, "holdout"):
            run = _new_run(entering, state)
            observed += observations_of(run, assignment, state.now)
        if reason is None:
            new.append(run)
            counts.entered += 1
        else:
            refused.append(NewRefusal(entering.definition.key, state.contact_id, key, None, reason))
            counts.refused[reason] += 1
    await insert_runs(conn, new)
    await insert_refusals(conn, refused)
    await insert_observations(conn, observed)
    await _record(conn, job_id, new, refused)
    return counts


async def preview_entries(
    conn: Connection, entering: Entering, contact_ids: Sequence[UUID]
) -> tuple[list[UUID], BulkCounts]:
    """Which of the contacts would enter now, and how many would be refused. Changes nothing."""
    entered: list[UUID] = []
    counts = BulkCounts()
    for state, assignment in await _assigned(conn, entering, contact_ids):
        reason = _refuse(entering, state, assignment)
        if reason is None:
            entered.append(state.contact_id)
            counts.entered += 1
        else:
            counts.refused[reason] += 1
    return entered, counts


async def selected_among(
    conn: Connection, selected: Predicate, contact_ids: Sequence[UUID]
) -> list[UUID]:
    """Those of the contacts for which a predicate holds, in the order of their ids."""
    query = sql(
        """
        select c.id from unnest(%(bulk_contacts)s::uuid[]) g(id)
        join contact c on c.id = g.id
        cross join lateral (
            select null::uuid as id, '{}'::jsonb as entry, c.last_event_id as entry_ref,
                   null::bigint as entry_event_id, 0 as visit
        ) r
        where {selected} order by c.id
        """,
        selected=selected.sql,
    )
    params = {**selected.params, "bulk_contacts": list(contact_ids)}
    return await fetch_column(conn, query, params)


async def _states(
    conn: Connection, entering: Entering, contact_ids: Sequence[UUID]
) -> list[_State]:
    """The states of the contacts that are meant and that still exist."""
    query = sql(
        """
        select c.id as contact_id, c.timezone, c.restricted, c.last_event_id,
               coalesce(j.state, 'draft') as journey, parcours.clock() as now, a.id as active,
               a.id is not null
                   and exists (select from message m where m.run_id = a.id) as messaged,
               greatest(
                   (select max(o.started_at) from run o where o.journey = %(bulk_journey)s
                    and o.contact_id = c.id and o.key = %(bulk_key)s),
                   (select l.started_at from last_entry l where l.journey = %(bulk_journey)s
                    and l.contact_id = c.id and l.key = %(bulk_key)s)
               ) as last_started,
               {selected} as selected, {holds} as holds,
               (select revision from catalog) as catalog_revision
        from unnest(%(bulk_contacts)s::uuid[]) g(id)
        join contact c on c.id = g.id
        left join journey j on j.key = %(bulk_journey)s
        left join run a on a.journey = %(bulk_journey)s and a.contact_id = c.id
            and a.key = %(bulk_key)s and a.state = 'active'
        cross join lateral (
            select null::uuid as id, %(bulk_entry)s::jsonb as entry, c.last_event_id as entry_ref,
                   null::bigint as entry_event_id, 0 as visit
        ) r
        order by c.id
        """,
        selected=_ALWAYS if entering.selected is None else entering.selected.sql,
        holds=_ALWAYS if entering.condition is None else entering.condition.sql,
    )
    params: dict[str, Any] = {
        "bulk_contacts": list(contact_ids),
        "bulk_journey": entering.definition.key,
        "bulk_key": entering.key or "",
        "bulk_entry": Jsonb(dict(entering.properties)),
    }
    for predicate in (entering.selected, entering.condition):
        if predicate is not None:
            params |= predicate.params
    if not contact_ids:
        return []
    states = await fetch_all_as(conn, _State, query, params)
    return [state for state in states if state.selected]


async def _assigned(
    conn: Connection, entering: Entering, contact_ids: Sequence[UUID]
) -> list[tuple[_State, Assignment]]:
    """The states of the contacts, and what the holdouts say of them."""
    states = await _states(conn, entering, contact_ids)
    if not states:
        return []
    journey = entering.definition.journey
    entries = [(journey, state.contact_id) for state in states]
    assigned = await assignments_of(
        conn, entering.catalog, states[0].catalog_revision, entries, states[0].now
    )
    return list(zip(states, assigned, strict=True))


def _refuse(entering: Entering, state: _State, assignment: Assignment) -> RefusalReason | None:
    """Why a contact may not enter; None if it may. An active run is then ended for the new one."""
    journey = entering.definition.journey
    reason = refuse_entry(
        journey,
        state="active" if entering.planned else state.journey,
        depth=0,
        key=entering.key,
        now=state.now,
        restricted=state.restricted,
    )
    if reason is not None:
        return reason
    if not state.holds:
        return "if"
    held: RefusalReason | None = "holdout" if assignment.held else None
    if state.active is None:
        return _refuse_again(entering, state) or held
    if journey.if_active == "restart" or (journey.if_active == "debounce" and not state.messaged):
        return held
    return "active"


def _refuse_again(entering: Entering, state: _State) -> RefusalReason | None:
    return refuse_re_entry(
        entering.definition.journey,
        last_started=state.last_started,
        now=state.now,
        timezone=state.timezone,
    )


def _new_run(entering: Entering, state: _State) -> NewRun:
    """A run that counts from the contact's newest event on."""
    return NewRun(
        id=new_id(),
        definition=entering.definition,
        contact_id=state.contact_id,
        timezone=state.timezone,
        key=entering.key or "",
        entry=dict(entering.properties),
        entry_event_id=None,
        ref=state.last_event_id,
        depth=0,
        start_workflow=True,
    )


async def _record(
    conn: Connection, job_id: UUID, new: Sequence[NewRun], refused: Sequence[NewRefusal]
) -> None:
    done = [(run.contact_id, run.id) for run in new]
    everyone = [*done, *((each.contact_id, None) for each in refused)]
    if everyone:
        contacts, runs = zip(*everyone, strict=True)
        await execute(
            conn, _RECORD, {"job": job_id, "contacts": list(contacts), "runs": list(runs)}
        )
