"""A wait that goes on under another version: planned anew from its start, as that one says.

What it listens for counts from where it counted before, so that nothing is lost or counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from journeys.model.journey import Journey
from journeys.model.steps import AnyWait, TriggerWait, Wait, WaitStep
from journeys.schedule.wait_plan import watched_attributes
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.runs.rows import RunRow
from store.runs.visits import VisitRow
from store.waits.listeners import ListenerQuery
from store.waits.wait_plans import WaitPlanner, no_message_was_sent
from store.waits.wait_visits import reference_before


@dataclass(frozen=True)
class ReplannedWait:
    """When the wait ends by itself, and what it listens for."""

    due: datetime | None
    outcome: str
    """How it ends then."""
    ref: int
    facts: dict[str, Any]
    look: ListenerQuery | None
    watches: list[str]


async def replan_wait(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: VisitRow,
    before: Definition,
    definition: Definition,
    to: str,
    *,
    speed: float,
    fate: datetime | None = None,
) -> ReplannedWait:
    """Plan the wait `to` of `definition` for a run that stands at a wait of `before`.

    `fate` is when the message came to it that the new wait counts `after`. Changes nothing.
    """
    wait = wait_of(definition.journey, to)
    look = definition.wait_look(to)
    zone = zone_of(run.timezone, definition.journey.timezone)
    planner = WaitPlanner(conn, run, wait, start=visit.started_at, zone=zone, speed=speed)
    plan = await planner.plan(status_at=fate)
    due, outcome, facts = plan.due, plan.outcome, dict(plan.facts)
    if look is not None and await no_message_was_sent(conn, run, look):
        due, outcome, facts["reason"] = visit.started_at, "timed_out", "message_not_sent"
    elif plan.at_once:
        due = visit.started_at
    if due is not None:
        facts["ends"] = outcome
    ref, since = await _reference(
        conn, run, visit, wait_of(before.journey, visit.step), wait, planner
    )
    return ReplannedWait(due, outcome, ref, {**facts, **since}, look, watched_attributes(wait))


def wait_of(journey: Journey, step_id: str) -> Wait:
    """The wait of a step. Raises KeyError if it is unknown or none."""
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
    """Where the wait counts from: where it did, unless its `since` is another one now."""
    said = [wait.since if isinstance(wait, TriggerWait | AnyWait) else None for wait in (old, new)]
    if said[0] == said[1] and visit.ref is not None:
        kept = {"since": visit.facts["since"]} if "since" in visit.facts else {}
        return visit.ref, kept
    if said[1] == "now":
        return await reference_before(conn, run.contact_id, visit.started_at), {}
    return await planner.reference()
