"""Goals: recording which runs met theirs, by which event, whether or not they are still active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from dispatch.faults import FoundFault, raise_outage
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
from store.runs.workflow_marks import CallKey


async def record_met_goals_of(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    events: Sequence[OutboxEvent],
    faults: list[FoundFault],
) -> list[CallKey]:
    """Record the goals that these events meet, each once and by its first event.

    Returns the goals that could not be judged; they are to be parked, and judged again later.

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
    return await _record(conn, catalog, candidates, faults)


async def record_goal_met_before(
    conn: AsyncConnection[Any], catalog: Catalog, run_id: UUID
) -> None:
    """Record that the goal of a run was met by an event that was dispatched before.

    Raises what keeps it from being judged.
    """
    faults: list[FoundFault] = []
    await _record(conn, catalog, await goals_by_owner(conn, runs=[run_id]), faults)
    for fault in faults:
        raise fault.error


async def _record(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    candidates: Sequence[GoalCandidate],
    faults: list[FoundFault],
) -> list[CallKey]:
    by_version: dict[tuple[str, int], list[GoalCandidate]] = {}
    for each in candidates:
        by_version.setdefault((each.journey, each.version), []).append(each)
    parked: list[CallKey] = []
    for (journey, version), group in by_version.items():
        try:
            query = (await catalog.definition(conn, journey, version)).goal
            if query is None:
                continue
            matching = [each for each in group if not each.rest]
            matching += await evaluate_goals(conn, query, [each for each in group if each.rest])
            found: dict[UUID, MetGoal] = {}
            for each in sorted(matching, key=lambda each: each.event_id):
                found.setdefault(each.run_id, MetGoal(each.run_id, each.event_id, query.value))
            if found:
                await record_met_goals(conn, list(found.values()))
        except Exception as error:
            raise_outage(error)
            runs = {each.run_id for each in group}
            faults += [FoundFault("goal", error, run_id=run_id) for run_id in runs]
            parked += [(run_id, "goal", 0) for run_id in runs]
    return parked
