"""Entries: the events that begin runs are matched and admitted, then the workflows are started.

An entry by event matches the event's name, its `where` and its `if`. Whether it begins a run,
Postgres decides.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.round import Round, RunStart
from dispatch.temporal import run_all, start_journey
from journeys.model.paths import first
from journeys.model.triggers import EventEntry
from store.conditions import compile_condition, compile_where, evaluate_entries
from store.definitions.catalog import Active, Catalog, Definition
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter_all
from store.events.outbox import Leased, OutboxEvent

log = structlog.get_logger(__name__)

_Match = tuple[Definition, str | None]
"""A journey whose entry an event matches, and the value of the entry's key."""


async def admit_entries(
    conn: AsyncConnection[Any], catalog: Catalog, leased: Leased, round_: Round
) -> None:
    """Begin the runs that the events begin, in Postgres, and add them to the round."""
    active = await catalog.active(conn, leased.revision)
    matches = await _match_events(conn, active, leased.events)
    for requests in _waves(leased.events, matches):
        async with conn.transaction():
            answers = await enter_all(conn, catalog, requests)
        for (definition, request), answer in zip(requests, answers, strict=True):
            _add_answer(definition, request, answer, round_)


async def start_entered_runs(client: Client, round_: Round) -> None:
    """Start the workflows of the round's runs. Raises TemporalAway."""

    async def start(run: RunStart) -> None:
        try:
            await start_journey(
                client,
                run_id=run.run_id,
                journey=run.definition.key,
                version=run.definition.version,
                contact_id=run.contact_id,
                program=run.definition.program,
            )
        except RPCError as error:
            round_.refuse(run.event_id, run.contact_id, error)

    await run_all(start(run) for run in round_.starts)


def _waves(
    events: list[OutboxEvent], matches: dict[int, list[_Match]]
) -> list[list[tuple[Definition, EntryRequest]]]:
    """The entries to ask for, in waves: of one contact and journey each wave has one at most.

    The run that a contact's first event begins decides whether its next event begins another.
    """
    waves: list[list[tuple[Definition, EntryRequest]]] = []
    next_wave: dict[tuple[UUID, str], int] = {}
    for event in events:
        for definition, key in matches.get(event.id, []):
            request = EntryRequest(
                contact_id=event.contact_id,
                key=key,
                properties=event.properties,
                event_id=event.id,
                depth=event.depth,
            )
            wave = next_wave.get((event.contact_id, definition.key), 0)
            next_wave[(event.contact_id, definition.key)] = wave + 1
            if wave == len(waves):
                waves.append([])
            waves[wave].append((definition, request))
    return waves


async def _match_events(
    conn: AsyncConnection[Any], active: Active, events: list[OutboxEvent]
) -> dict[int, list[_Match]]:
    """The journeys whose entry each event matches, by event; an event of one run matches none."""
    matches: dict[int, list[_Match]] = {}
    matched: set[tuple[int, str]] = set()
    by_name: dict[str, list[OutboxEvent]] = {}
    for event in events:
        if event.run_id is None:
            by_name.setdefault(event.name, []).append(event)
    for name, named in by_name.items():
        for definition in active.by_event.get(name, []):
            for entry in definition.journey.entry:
                if not isinstance(entry, EventEntry) or entry.event != name:
                    continue
                matching = await _matching_events(conn, definition, entry, named)
                for event in named:
                    if event.id in matching and (event.id, definition.key) not in matched:
                        matched.add((event.id, definition.key))
                        key = _key_value(entry, event.properties)
                        matches.setdefault(event.id, []).append((definition, key))
    return matches


async def _matching_events(
    conn: AsyncConnection[Any],
    definition: Definition,
    entry: EventEntry,
    events: list[OutboxEvent],
) -> set[int]:
    """The ids of the events, all of the entry's name, that its `where` and `if` let in."""
    if not entry.where and entry.if_ is None:
        return {event.id for event in events}
    condition = where = None
    zone = definition.journey.timezone or "UTC"
    if entry.where:
        where = compile_where(entry.where, event="e", prefix="w_", default_zone=zone)
    if entry.if_ is not None:
        condition = compile_condition(
            entry.if_,
            prefix="i_",
            default_zone=zone,
            segments=definition.segments.conditions,
        )
    candidates = [(event.id, event.contact_id) for event in events]
    return await evaluate_entries(conn, candidates, condition, where)


def _key_value(entry: EventEntry, properties: dict[str, Any]) -> str | None:
    """The entry's key value as text; "" for an entry without key, None if the event lacks it."""
    if entry.key is None:
        return ""
    value = first(properties, entry.key)
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else str(value)


def _add_answer(
    definition: Definition,
    request: EntryRequest,
    answer: AdmittedEntry | RefusedEntry,
    round_: Round,
) -> None:
    assert request.event_id is not None
    entry_log = log.bind(
        journey=definition.key, contact_id=str(request.contact_id), event_id=request.event_id
    )
    if isinstance(answer, RefusedEntry):
        entry_log.info("entry_refused", code=answer.code)
        return
    round_.starts.append(RunStart(answer.run_id, definition, request.contact_id, request.event_id))
    for stopped in answer.stopped:
        round_.stops[stopped] = definition.key
    entry_log.info("run_entered", run_id=str(answer.run_id))
