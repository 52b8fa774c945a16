"""Goals: recording which runs met theirs, by which event, whether or not they are still active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.well_known_events import CONTACT_CHANGED
from store.definitions.catalog import Catalog
from store.events.outbox import OutboxEvent
from store.goals.goal_rows import (
    GoalCandidate,
    MetGoal,
    evaluate_goals,
    goals_by_event,
    goals_by_owner,
    record_met_goals,
)


async def record_met_goals_of(
    conn: AsyncConnection[Any], catalog: Catalog, events: Sequence[OutboxEvent]
) -> None:
    """Record the goals that these events meet, each once and by its first event.

    The events of a contact are dispatched in their order, so the first that meets a goal here is
    the first of all. Events that a merge has brought are older than it: for these contacts all
    events are checked.
    """
    candidates = await goals_by_event(conn, [event.id for event in events])
    merged = [
        event.contact_id
        for event in events
        if event.name == CONTACT_CHANGED and event.properties.get("merged") is True
    ]
    if merged:
        candidates += await goals_by_owner(conn, contacts=merged)
    await _record(conn, catalog, candidates)


async def record_goal_met_before(
    conn: AsyncConnection[Any], catalog: Catalog, run_id: UUID
) -> None:
    """Record that the new goal of a run was met by an event that was dispatched before."""
    await _record(conn, catalog, await goals_by_owner(conn, runs=[run_id]))


async def _record(
    conn: AsyncConnection[Any], catalog: Catalog, candidates: Sequence[GoalCandidate]
) -> None:
    by_version: dict[tuple[str, int], list[GoalCandidate]] = {}
    for each in candidates:
        by_version.setdefault((each.journey, each.version), []).append(each)
    met: dict[UUID, MetGoal] = {}
    for (journey, version), group in by_version.items():
        query = (await catalog.definition(conn, journey, version)).goal
        if query is None:
            continue
        matching = [each for each in group if not each.rest]
        matching += await evaluate_goals(conn, query, [each for each in group if each.rest])
        for each in sorted(matching, key=lambda each: each.event_id):
            met.setdefault(each.run_id, MetGoal(each.run_id, each.event_id, query.value))
    if met:
        await record_met_goals(conn, list(met.values()))
