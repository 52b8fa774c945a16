"""Entries: the events that begin runs are matched and admitted.

An entry matches an event by its name, what it is about, its `where` and its `if`. Whether it begins
a run, Postgres decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from dispatch.faults import raise_outage
from dispatch.shares import Considered, EntryMatch, EventWork
from journeys.model.entry_events import EventfulEntry, begins_runs, subjects_of
from journeys.model.entry_rules import is_late, key_of_event
from journeys.time.zones import zone_of
from store.conditions import evaluate_entries
from store.definitions.catalog import Active, Catalog, Definition
from store.entries.admission import (
    AdmittedEntry,
    EntryRequest,
    RefusedEntry,
    enter_all,
)
from store.entries.refusals import refuse_broken
from store.events.outbox import OutboxEvent

log = structlog.get_logger(__name__)

_JOURNEYS = 100
"""Journeys that one round considers for an event."""
EventErrors = dict[int, Exception]
"""The first error of each event whose entries could not be decided."""


@dataclass(frozen=True)
class RunStart:
    """A run whose workflow is to be started, and the event that began it."""

    run_id: UUID
    definition: Definition
    contact_id: UUID
    event_id: int
    stopped: tuple[UUID, ...]
    """The runs that were ended for it."""


async def consider_entries(
    conn: AsyncConnection[Any],
    active: Active,
    events: Sequence[OutboxEvent],
    errors: EventErrors | None,
) -> dict[int, Considered]:
    """The journeys whose entry each event matches, by event; an event of one run matches none.

    `errors` takes those of single journeys; without it the first is raised.
    """
    found: dict[int, Considered] = {}
    groups: dict[tuple[str, str], list[OutboxEvent]] = {}
    for event in events:
        if event.run_id is None and begins_runs(event.name, event.properties):
            groups.setdefault((event.name, event.after_journey or ""), []).append(event)
    for (name, after), named in groups.items():
        about = {event.id: subjects_of(name, event.properties) for event in named}
        subjects = {subject for each in about.values() for subject in each}
        left = [each for each in active.considering(name, subjects) if each.key > after]
        for event in named:
            broken = [key for key in active.refusing(name, about[event.id]) if key > after]
            found[event.id] = Considered(
                broken=broken, last=left[_JOURNEYS - 1].key if len(left) > _JOURNEYS else None
            )
        for definition in left[:_JOURNEYS]:
            try:
                matches = await _match(conn, definition, name, named, about)
            except Exception as error:
                raise_outage(error)
                if errors is None:
                    raise
                errors.update(dict.fromkeys((event.id for event in named), error))
                continue
            for event_id, match in matches.items():
                found[event_id].matches.append(match)
    return found


async def admit_entries(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    works: Sequence[EventWork],
    errors: EventErrors | None,
) -> list[RunStart]:
    """Begin the runs that the events begin, in Postgres.

    `errors` takes those of single journeys; without it the first is raised.
    """
    starts: list[RunStart] = []
    for wave in _waves(works):
        for requests in [wave] if errors is None else [[each] for each in wave]:
            try:
                async with conn.transaction():
                    answers = await enter_all(conn, catalog, requests)
            except Exception as error:
                raise_outage(error)
                if errors is None:
                    raise
                errors[requests[0][1].event_id or 0] = error
                continue
            for (definition, request), answer in zip(requests, answers, strict=True):
                if start := _start_of(definition, request, answer):
                    starts.append(start)
    broken = [
        (journey, work.event.contact_id, work.event.id) for work in works for journey in work.broken
    ]
    if broken:
        await refuse_broken(conn, broken)
    return starts


def _waves(works: Sequence[EventWork]) -> list[list[tuple[Definition, EntryRequest]]]:
    """The entries to ask for, in waves: of one contact, journey and key each has one at most.

    The run that a contact's first event begins decides whether its next event begins another with
    the same key.
    """
    waves: list[list[tuple[Definition, EntryRequest]]] = []
    next_wave: dict[tuple[UUID, str, str | None], int] = {}
    for work in works:
        event = work.event
        for match in work.entries:
            request = EntryRequest(
                contact_id=event.contact_id,
                key=match.key,
                properties=event.properties,
                event_id=event.id,
                depth=event.depth,
                late=match.late,
            )
            place = (event.contact_id, match.definition.key, match.key)
            wave = next_wave.get(place, 0)
            next_wave[place] = wave + 1
            if wave == len(waves):
                waves.append([])
            waves[wave].append((match.definition, request))
    return waves


async def _match(
    conn: AsyncConnection[Any],
    definition: Definition,
    name: str,
    events: Sequence[OutboxEvent],
    about: Mapping[int, Sequence[str]],
) -> dict[int, EntryMatch]:
    """How events of this name match a journey: by its first entry for which they are not late.

    `about` has what each of them is about.
    """
    zone = zone_of(None, definition.journey.timezone)
    found: dict[int, EntryMatch] = {}
    for entry, trigger in definition.entries.get(name, []):
        concerned = [event for event in events if trigger.concerns(about[event.id])]
        matching = await _matching_events(conn, definition, entry, concerned)
        for event in concerned:
            known = found.get(event.id)
            if event.id not in matching or (known is not None and not known.late):
                continue
            late = is_late(
                entry, occurred_at=event.occurred_at, arrived_at=event.stamped_at, zone=zone
            )
            if known is None or not late:
                key = key_of_event(entry, event.properties)
                found[event.id] = EntryMatch(definition, key, late)
    return found


async def _matching_events(
    conn: AsyncConnection[Any],
    definition: Definition,
    entry: EventfulEntry,
    events: Sequence[OutboxEvent],
) -> set[int]:
    """The ids of the events, all of the entry's name, that its `where` and `if` let in."""
    where, condition = definition.compiled.entry(entry)
    if where is None and condition is None:
        return {event.id for event in events}
    candidates = [(event.id, event.contact_id) for event in events]
    return await evaluate_entries(conn, candidates, condition, where)


def _start_of(
    definition: Definition, request: EntryRequest, answer: AdmittedEntry | RefusedEntry
) -> RunStart | None:
    assert request.event_id is not None
    entry_log = log.bind(
        journey=definition.key, contact_id=str(request.contact_id), event_id=request.event_id
    )
    if isinstance(answer, RefusedEntry):
        kept = answer.code == "paused" and not answer.recorded
        entry_log.info("entry_kept" if kept else "entry_refused", code=answer.code)
        return None
    entry_log.info("run_entered", run_id=str(answer.run_id))
    return RunStart(answer.run_id, definition, request.contact_id, request.event_id, answer.stopped)
