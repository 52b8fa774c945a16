"""Admission: whether an event, or a start by API, begins a run.

It is decided under the lock of the contact's row. A unique index, too, allows one active run only
per journey, contact and key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select
from sqlmodel import col

from journeys.model.entry_rules import counts_across_keys, refuse_entry, refuse_re_entry
from journeys.model.journey_state import JourneyState
from journeys.model.reasons import RefusalReason
from journeys.model.triggers import ApiEntry
from store.conditions import Predicate, evaluate_start
from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog, Definition
from store.entries.assignments import assignments_of, observations_of
from store.entries.kept_entries import NewKeptEntry, keep_entries
from store.entries.new_runs import NewRun, insert_runs
from store.entries.refusals import NewRefusal, insert_refusals
from store.holdouts.live_holdouts import FREE, Assignment
from store.holdouts.observations import NewObservation, insert_observations
from store.runs.lifecycle import end_run, record_fired_exit
from store.runs.rows import lock_run
from store.sql import Connection, fetch_all, fetch_value, sql, statement
from store.tables.identifiers import new_id
from store.tables.messages import Message
from store.waits.listeners import event_stamp, first_fired

_READ_STATES = sql("""
select g.n, j.state, c.timezone, c.restricted, c.last_event_id, parcours.clock(),
       (select r.id from run r where r.journey = g.journey and r.contact_id = c.id
        and r.key = g.key and r.state = 'active'),
       greatest(
           (select max(r.started_at) from run r where r.journey = g.journey
            and r.contact_id = c.id and r.key = g.key),
           (select l.started_at from last_entry l where l.journey = g.journey
            and l.contact_id = c.id and l.key = g.key)
       ),
       (select r.id from run r
        where r.entry_event_id = g.event_id and r.journey = g.journey),
       (select f.code from refusal f
        where f.event_id = g.event_id and f.journey = g.journey and f.replayed_at is null),
       (select e.cause_id from event e where e.id = g.event_id),
       case when g.any_key then greatest(
           (select max(r.started_at) from run r where r.journey = g.journey
            and r.contact_id = c.id),
           (select max(l.started_at) from last_entry l where l.journey = g.journey
            and l.contact_id = c.id)
       ) end,
       (select revision from catalog)
from unnest(%(journeys)s::text[], %(contacts)s::uuid[], %(keys)s::text[],
            %(events)s::bigint[], %(any_keys)s::boolean[])
     with ordinality g(journey, contact_id, key, event_id, any_key, n)
join journey j on j.key = g.journey
join contact c on c.id = g.contact_id
""")
_HAS_MESSAGE = statement(select(exists().where(col(Message.run_id) == bindparam("run"))))


@dataclass(frozen=True)
class AdmittedEntry:
    """A run that was inserted.

    `stopped` are the runs that were ended for it, whose workflows do not know it yet.
    """

    run_id: UUID
    stopped: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class RefusedEntry:
    """The reason why no run was inserted."""

    code: RefusalReason
    recorded: bool = True
    """Whether it is refused; otherwise it has entered before, or is kept while a pause lasts."""


@dataclass(frozen=True)
class EntryRequest:
    """An event that may begin a run, or a start by API, of which `event_id` is None."""

    contact_id: UUID
    key: str | None
    """None: the entry has a key, which the event lacks or has empty."""
    properties: dict[str, Any]
    event_id: int | None
    depth: int = 0
    start_workflow: bool = False
    """Whether a dispatcher is to start the workflow, because the caller does not."""
    late: bool = False
    """Whether the event happened too long before it arrived."""
    once: bool = False
    """Whether the entry comes of a date or a schedule: its key enters once and for all."""
    occurrence: datetime | None = None
    """The occurrence of the schedule."""
    refusal: RefusalReason | None = None
    """Why it is refused in any case."""


async def enter(
    conn: Connection, catalog: Catalog, definition: Definition, request: EntryRequest
) -> AdmittedEntry | RefusedEntry:
    """Begin a run, or refuse it, within the caller's transaction; locks the contact's row.

    Another call for the same event gives the same answer and changes nothing.
    """
    return (await enter_all(conn, catalog, [(definition, request)]))[0]


async def enter_all(
    conn: Connection,
    catalog: Catalog,
    requests: Sequence[tuple[Definition, EntryRequest]],
) -> list[AdmittedEntry | RefusedEntry]:
    """`enter` for many requests in one transaction, with the same number of statements.

    There may be one request only for each contact, journey and key, because an answer to one
    changes the answer to the next.
    """
    await lock_contacts(conn, [request.contact_id for _, request in requests])
    states = await _read_states(conn, requests)
    answers: list[AdmittedEntry | RefusedEntry] = []
    new: list[NewRun] = []
    refused: list[NewRefusal] = []
    kept: list[NewKeptEntry] = []
    assigned = await _assign(conn, catalog, requests, states)
    observed: list[NewObservation] = []
    for (definition, request), state, assignment in zip(requests, states, assigned, strict=True):
        if state is None:
            answers.append(RefusedEntry("merged"))
            continue
        if state.admitted_before is not None:
            answers.append(AdmittedEntry(state.admitted_before))
            continue
        if state.refused_before is not None:
            answers.append(RefusedEntry(state.refused_before))
            continue
        if request.once and state.last_started is not None:
            answers.append(RefusedEntry("re_entry", recorded=False))
            continue
        stopped = await _decide(conn, catalog, definition, request, state, assignment)
        if isinstance(stopped, RefusedEntry) and _is_kept(definition, request, stopped):
            assert request.event_id is not None
            kept.append(
                NewKeptEntry(
                    definition.key, request.contact_id, request.key or "", request.event_id
                )
            )
            answers.append(RefusedEntry("paused", recorded=False))
        elif isinstance(stopped, RefusedEntry):
            refused.append(
                NewRefusal(
                    definition.key,
                    request.contact_id,
                    request.key or "",
                    request.event_id,
                    stopped.code,
                )
            )
            answers.append(stopped)
            if stopped.code == "holdout":
                run = _new_run(definition, request, state)
                observed += observations_of(run, assignment, state.now)
        else:
            run = _new_run(definition, request, state)
            new.append(run)
            observed += observations_of(run, assignment, state.now)
            answers.append(AdmittedEntry(run.id, stopped))
    await insert_runs(conn, new)
    await insert_observations(conn, observed)
    await insert_refusals(conn, refused + await keep_entries(conn, kept))
    return answers


@dataclass(frozen=True)
class _EntryState:
    """The state that decides about an entry, read under the contact's lock."""

    journey: JourneyState
    timezone: str | None
    restricted: bool
    last_event_id: int
    now: datetime
    active: UUID | None
    last_started: datetime | None
    admitted_before: UUID | None
    refused_before: RefusalReason | None
    cause_id: int | None
    """The event that the entry event is derived from."""
    last_started_by_any_key: datetime | None
    """Read only if it counts."""
    catalog_revision: int


async def _read_states(
    conn: Connection, requests: Sequence[tuple[Definition, EntryRequest]]
) -> list[_EntryState | None]:
    """The state for each request; None if its contact was merged or erased."""
    rows = await fetch_all(
        conn,
        _READ_STATES,
        {
            "journeys": [definition.key for definition, _ in requests],
            "contacts": [request.contact_id for _, request in requests],
            "keys": [request.key or "" for _, request in requests],
            "events": [request.event_id for _, request in requests],
            "any_keys": [
                request.once and counts_across_keys(definition.journey)
                for definition, request in requests
            ],
        },
    )
    states: list[_EntryState | None] = [None] * len(requests)
    for place, *values in rows:
        states[place - 1] = _EntryState(*values)
    return states


async def _assign(
    conn: Connection,
    catalog: Catalog,
    requests: Sequence[tuple[Definition, EntryRequest]],
    states: Sequence[_EntryState | None],
) -> list[Assignment]:
    known = next((state for state in states if state is not None), None)
    if known is None:
        return [FREE] * len(requests)
    entries = [(definition.journey, request.contact_id) for definition, request in requests]
    return await assignments_of(conn, catalog, known.catalog_revision, entries, known.now)


async def _decide(
    conn: Connection,
    catalog: Catalog,
    definition: Definition,
    request: EntryRequest,
    state: _EntryState,
    assignment: Assignment,
) -> tuple[UUID, ...] | RefusedEntry:
    """The runs that the new run replaces, which are ended here, or why there is no new run."""
    journey = definition.journey
    keeps = state.journey == "paused" and journey.while_paused == "keep"
    reason = refuse_entry(
        journey,
        # What would not come in without the pause is not kept.
        state="active" if keeps else state.journey,
        depth=request.depth,
        key=request.key,
        now=state.now,
        late=request.late,
        restricted=state.restricted,
    )
    if keeps and reason is None:
        reason = request.refusal or "paused"
    reason = reason or request.refusal
    if reason is not None:
        return RefusedEntry(reason)
    if (
        request.event_id is None
        and not request.once
        and not await _may_start(conn, definition, request)
    ):
        return RefusedEntry("if")
    active = state.active
    restarted = False
    if active is not None and not await _exit_by_event(conn, catalog, active, request.event_id):
        if not await _may_restart(conn, definition, active):
            return RefusedEntry("active")
        if assignment.held:
            return RefusedEntry("holdout")
        restarted = await end_run(conn, active, "restarted", None, stop_workflow=True)
    if not restarted:
        reason = refuse_re_entry(
            journey,
            last_started=state.last_started_by_any_key if request.once else state.last_started,
            now=state.now,
            timezone=state.timezone,
        )
        if reason is not None:
            return RefusedEntry(reason)
        if assignment.held:
            return RefusedEntry("holdout")
    return () if active is None else (active,)


def _is_kept(definition: Definition, request: EntryRequest, refused: RefusedEntry) -> bool:
    """Whether an entry that the pause refuses comes in once the journey goes on."""
    return (
        refused.code == "paused"
        and definition.journey.while_paused == "keep"
        and request.event_id is not None
        and not request.once
    )


async def _may_start(conn: Connection, definition: Definition, request: EntryRequest) -> bool:
    """Whether a start by API may begin a run: if an entry `{api: true}` has no `if`, or it holds.

    A journey without such an entry may be started, too.
    """
    holds = start_condition(definition)
    if holds is None:
        return True
    return await evaluate_start(conn, request.contact_id, request.properties, holds)


def start_condition(definition: Definition) -> Predicate | None:
    """What must hold for a start by API; None if nothing must."""
    entries = [entry.if_ for entry in definition.journey.entry if isinstance(entry, ApiEntry)]
    conditions = [condition for condition in entries if condition is not None]
    if len(conditions) < len(entries) or not conditions:
        return None
    return definition.compiled.start(conditions)


async def _exit_by_event(
    conn: Connection, catalog: Catalog, active: UUID, event_id: int | None
) -> bool:
    """End the active run if an event up to this one fires an exit without `then`.

    Of one event, exits take effect before entries. False if the run goes on.
    """
    run = await lock_run(conn, active)
    if run is None or run.exit_rule is not None or event_id is None:
        return False
    definition = await catalog.definition(conn, run.journey, run.version)
    exits = definition.exits
    if exits is None:
        return False
    stamp = await event_stamp(conn, event_id)
    fired = await first_fired(conn, exits, run_id=active, visit=0, due=stamp)
    if fired is None or (fired.event_id is not None and fired.event_id > event_id):
        return False
    if definition.program.exits[fired.slot.number] is not None:
        return False
    await record_fired_exit(conn, active, run.visit, fired.slot.number, fired.slot.name)
    return await end_run(conn, active, fired.slot.outcome, fired.slot.name, stop_workflow=True)


async def _may_restart(conn: Connection, definition: Definition, active: UUID) -> bool:
    """Whether `if_active` lets the new run replace the active one.

    `restart` always does, `debounce` until the active run claims its first message.
    """
    if definition.journey.if_active == "restart":
        return True
    if definition.journey.if_active != "debounce":
        return False
    return not await fetch_value(conn, _HAS_MESSAGE, {"run": active})


def _new_run(definition: Definition, request: EntryRequest, state: _EntryState) -> NewRun:
    """The run. A start by API counts from the newest event, a derived event from its cause."""
    ref = state.last_event_id
    if request.event_id is not None:
        ref = request.event_id if state.cause_id is None else state.cause_id
    return NewRun(
        id=new_id(),
        definition=definition,
        contact_id=request.contact_id,
        timezone=state.timezone,
        key=request.key or "",
        entry=request.properties,
        entry_event_id=request.event_id,
        ref=ref,
        depth=request.depth,
        start_workflow=request.start_workflow,
        occurrence=request.occurrence,
    )
