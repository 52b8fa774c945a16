"""Goals that events meet, whether or not their runs go on."""

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
    """Note the goals that these events meet, each by its first event and once.

    A contact's events come here in their order, so the first that fits is the first there is; those
    that came with a merge are older than it, and are looked for among all.
    """
    candidates = await goals_by_event(conn, [event.id for event in events])
    merged = [
        event.contact_id
        for event in events
        if event.name == CONTACT_CHANGED and event.properties.get("merged") is True
    ]
    if merged:
        candidates += await goals_by_owner(conn, contacts=merged)
    await _note(conn, catalog, candidates)


async def record_goal_met_before(
    conn: AsyncConnection[Any], catalog: Catalog, run_id: UUID
) -> None:
    """Note that a run's goal, which is new, was met by an event that was dispatched already."""
    await _note(conn, catalog, await goals_by_owner(conn, runs=[run_id]))


async def _note(
    conn: AsyncConnection[Any], catalog: Catalog, candidates: Sequence[GoalCandidate]
) -> None:
    by_version: dict[tuple[str, int], list[GoalCandidate]] = {}
    for each in candidates:
        by_version.setdefault((each.journey, each.version), []).append(each)
    met: dict[UUID, MetGoal] = {}
    for (journey, version), some in by_version.items():
        look = (await catalog.definition(conn, journey, version)).goal
        if look is None:
            continue
        fitting = [each for each in some if not each.rest]
        fitting += await evaluate_goals(conn, look, [each for each in some if each.rest])
        for each in sorted(fitting, key=lambda each: each.event_id):
            met.setdefault(each.run_id, MetGoal(each.run_id, each.event_id, look.value))
    if met:
        await record_met_goals(conn, list(met.values()))
