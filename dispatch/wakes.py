"""Wakes: the runs that listen for an event, whose conditions are tested for many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from dispatch.faults import FoundFault, raise_outage
from dispatch.shares import Listened
from store.definitions.catalog import Catalog
from store.events.outbox import OutboxEvent
from store.waits.due_listeners import make_due_by_events
from store.waits.listener_candidates import (
    Candidate,
    ListenedEvent,
    fired_among,
    listeners_for,
)
from store.waits.listener_queries import ListenerQuery

_LISTENERS = 4_000
"""Listeners that one round looks at, about."""
_FEWEST, _MOST = 25, 200
"""Of one event."""


async def look_at_listeners(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    events: Sequence[OutboxEvent],
    faults: list[FoundFault],
) -> dict[int, Listened]:
    """The runs that these events wake, by event; each run and visit at its first event only.

    Runs that listen for a condition are not among them: their conditions have become due.

    A run whose condition cannot be tested is woken: it then looks by itself, and its own attempts
    are retried.
    """
    limit = min(max(_LISTENERS // max(len(events), 1), _FEWEST), _MOST)
    candidates = await listeners_for(
        conn,
        [ListenedEvent(event.id, event.after_visit, event.after_run) for event in events],
        limit,
    )
    firing = await _firing(conn, catalog, candidates, faults)
    found: dict[int, Listened] = {}
    counts: dict[int, int] = {}
    woken: set[tuple[UUID, int]] = set()
    for candidate in candidates:
        listened = found.setdefault(candidate.event_id, Listened())
        counts[candidate.event_id] = counts.get(candidate.event_id, 0) + 1
        if counts[candidate.event_id] == limit:
            listened.last = candidate
        key = (candidate.run_id, candidate.visit)
        if key in firing and key not in woken:
            woken.add(key)
            listened.firing.append(candidate)
    return found


async def exits_of_new_runs(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    events: Sequence[OutboxEvent],
    new_runs: set[UUID],
    faults: list[FoundFault],
) -> list[Candidate]:
    """Those of the runs, begun in this round, that a later event of the round wakes."""
    await make_due_by_events(conn, [event.id for event in events])
    candidates = await listeners_for(conn, [ListenedEvent(event.id) for event in events], _MOST)
    candidates = [each for each in candidates if each.run_id in new_runs]
    firing = await _firing(conn, catalog, candidates, faults)
    return [each for each in candidates if (each.run_id, each.visit) in firing]


async def _firing(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    candidates: Sequence[Candidate],
    faults: list[FoundFault],
) -> set[tuple[UUID, int]]:
    """The runs, each at a visit, that fire: one statement for those that listen for the same."""
    firing = {(each.run_id, each.visit) for each in candidates if not each.rest}
    groups: dict[tuple[str, int, str | None], dict[tuple[UUID, int], Candidate]] = {}
    for each in candidates:
        key = (each.run_id, each.visit)
        if each.rest and key not in firing:
            step = each.step if each.visit else None
            groups.setdefault((each.journey, each.version, step), {})[key] = each
    for group in groups.values():
        firing |= await _fired_of_group(conn, catalog, list(group.values()), faults)
    return firing


async def _fired_of_group(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    group: Sequence[Candidate],
    faults: list[FoundFault],
) -> set[tuple[UUID, int]]:
    listening = [(each.run_id, each.visit) for each in group]
    try:
        known, query = await _query_of(conn, catalog, group[0])
        if not known:
            return set(listening)
        return set() if query is None else await fired_among(conn, query, listening)
    except Exception as error:
        raise_outage(error)
        if len(group) > 1:
            # The others need not be woken for the one that fails.
            fired: set[tuple[UUID, int]] = set()
            for each in group:
                fired |= await _fired_of_group(conn, catalog, [each], faults)
            return fired
        [only] = group
        faults.append(FoundFault("wake", error, run_id=only.run_id, visit=only.visit))
        return set(listening)


async def _query_of(
    conn: AsyncConnection[Any], catalog: Catalog, candidate: Candidate
) -> tuple[bool, ListenerQuery | None]:
    """Whether it is known what a run listens for, and the query of it; None: for nothing."""
    definition = await catalog.definition(conn, candidate.journey, candidate.version)
    if candidate.visit == 0:
        return True, definition.exits
    if candidate.step is None:
        return False, None
    return True, definition.wait_query(candidate.step)
