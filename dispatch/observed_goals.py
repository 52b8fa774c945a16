"""Goals of contacts that holdouts compare: of those who entered, and of those who were held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from dispatch.faults import FoundFault, raise_outage
from journeys.model.well_known_events import CONTACT_CHANGED
from store.definitions.catalog import Catalog
from store.events.outbox import OutboxEvent
from store.holdouts.observations import (
    MetObservation,
    ObservedCandidate,
    candidates_by_contact,
    candidates_by_event,
    candidates_by_observation,
    evaluate_observed,
    observations_looked_at,
    put_off_observations,
    record_met_observations,
    take_observations_to_look_at,
)


async def record_observed_goals_of(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    revision: int,
    events: Sequence[OutboxEvent],
    faults: list[FoundFault],
) -> None:
    """Record the goals that these events meet, as `record_met_goals_of` does for runs.

    Nothing is asked where there are no holdouts. Goals that could not be judged are judged later.
    """
    if not events or not (await catalog.holdouts(conn, revision)).any_stored:
        return
    candidates = await candidates_by_event(conn, [event.id for event in events])
    merged = [
        event.contact_id
        for event in events
        if event.name == CONTACT_CHANGED and event.properties.get("merged") is True
    ]
    if merged:
        candidates += await candidates_by_contact(conn, merged)
    await _record(conn, catalog, candidates, faults)


async def judge_observations_again(
    conn: AsyncConnection[Any], catalog: Catalog, limit: int
) -> list[FoundFault]:
    """Judge goals that could not be judged before; the faults of those that still cannot."""
    faults: list[FoundFault] = []
    async with conn.transaction():
        observations = await take_observations_to_look_at(conn, limit)
        if observations:
            await observations_looked_at(conn, observations)
            found = await candidates_by_observation(conn, observations)
            await _record(conn, catalog, found, faults)
    return faults


async def _record(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    candidates: Sequence[ObservedCandidate],
    faults: list[FoundFault],
) -> None:
    by_version: dict[tuple[str, int], list[ObservedCandidate]] = {}
    for each in candidates:
        by_version.setdefault((each.journey, each.version), []).append(each)
    for (journey, version), group in by_version.items():
        try:
            async with conn.transaction():
                await _record_group(conn, catalog, journey, version, group)
        except Exception as error:
            raise_outage(error)
            faults.append(FoundFault("goal", error, subject=f"journey {journey}"))
            await put_off_observations(conn, [each.id for each in group])


async def _record_group(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    journey: str,
    version: int,
    group: Sequence[ObservedCandidate],
) -> None:
    goal = (await catalog.definition(conn, journey, version)).observed_goal
    if goal is None:
        return
    matching = [each for each in group if not each.rest]
    matching += await evaluate_observed(conn, goal, [each for each in group if each.rest])
    found: dict[int, MetObservation] = {}
    for each in sorted(matching, key=lambda each: each.event_id):
        found.setdefault(each.id, MetObservation(each.id, each.event_id, goal.value))
    if found:
        await record_met_observations(conn, list(found.values()))
