"""New plan for a wait that goes on under another version, from the wait's start.

It counts events after the same event id as before, so that no event is lost or counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from journeys.model.journey import Journey
from journeys.model.steps import WaitStep
from journeys.model.waits import AnyWait, TriggerWait, Wait
from journeys.schedule.wait_plan import watched_attributes
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.runs.rows import RunRow
from store.runs.visits import VisitRow
from store.waits.listener_queries import ListenerQuery
from store.waits.wait_plans import WaitPlanner, no_message_was_sent
from store.waits.wait_visits import reference_before


@dataclass(frozen=True)
class ReplannedWait:
    """A wait's due time under the new version, and what it listens for."""

    due: datetime | None
    """None: time alone does not end it."""
    outcome: str
    """Its outcome at the due time."""
    ref: int
    """It counts events with a higher id."""
    facts: dict[str, Any]
    query: ListenerQuery | None
    """None: only time ends it."""
    watches: list[str]
    """The contact's attributes that its due time depends on."""


async def replan_wait(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: VisitRow,
    before: Definition,
    definition: Definition,
    step: str,
    *,
    speed: float,
    counts_from: datetime | None = None,
) -> ReplannedWait:
    """Plan the wait `step` of `definition` for a run at a wait of the version `before`.

    `counts_from` is when the message reached the status that the new wait counts `after`. Changes
    nothing.
    """
    wait = wait_of(definition.journey, step)
    query = definition.wait_query(step)
    zone = zone_of(run.timezone, definition.journey.timezone)
    planner = WaitPlanner(conn, run, wait, start=visit.started_at, zone=zone, speed=speed)
    plan = await planner.plan(status_at=counts_from)
    due, outcome, facts = plan.due, plan.outcome, dict(plan.facts)
    if query is not None and await no_message_was_sent(conn, run, query):
        due, outcome, facts["reason"] = visit.started_at, "timed_out", "message_not_sent"
    elif plan.at_once:
        due = visit.started_at
    if due is not None:
        facts["due_outcome"] = outcome
    ref, since = await _reference(
        conn, run, visit, wait_of(before.journey, visit.step), wait, planner
    )
    return ReplannedWait(due, outcome, ref, {**facts, **since}, query, watched_attributes(wait))


def wait_of(journey: Journey, step_id: str) -> Wait:
    """The wait of a step. Raises KeyError if there is no such step, or it is not a wait."""
    step = journey.step(step_id)
    if not isinstance(step, WaitStep):
        raise KeyError(step_id)
    return step.wait


async def _reference(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: VisitRow,
    old: Wait,
    new: Wait,
    planner: WaitPlanner,
) -> tuple[int, dict[str, Any]]:
    """The event id after which the wait counts, and facts about it.

    It stays as it was unless the new wait has another `since`.
    """
    old_since, new_since = (
        wait.since if isinstance(wait, TriggerWait | AnyWait) else None for wait in (old, new)
    )
    if old_since == new_since and visit.ref is not None:
        facts = {"since": visit.facts["since"]} if "since" in visit.facts else {}
        return visit.ref, facts
    if new_since == "now":
        return await reference_before(conn, run.contact_id, visit.started_at), {}
    return await planner.reference()
