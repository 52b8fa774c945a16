"""Exit rules: whether one has fired, and its effect on the run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from activities.deciding.condition_check import check_condition
from journeys.model.triggers import ConditionTrigger
from journeys.protocol.payloads import JourneyResult, StepResult
from store.definitions.catalog import Definition
from store.runs.lifecycle import end_run, record_fired_exit
from store.runs.rows import RunRow
from store.waits.listeners import Check, Fired, check, first_fired


async def fired_exit(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, due: datetime | None = None
) -> Fired | None:
    """The exit rule that fired first, dispatched or not; the caller holds the run's lock.

    None once a rule has been taken: its `then` runs to the end.
    """
    if definition.exits is None or run.exit_rule is not None:
        return None
    return await first_fired(conn, definition.exits, run_id=run.id, visit=0, due=due)


async def check_exits(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, due: datetime | None = None
) -> Check:
    """`fired_exit`, with looks at conditions that may be unfinished."""
    if definition.exits is None or run.exit_rule is not None:
        return Check(None)
    return await check(conn, definition.exits, run_id=run.id, visit=0, due=due)


async def take_exit(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, visit: int, fired: Fired
) -> StepResult:
    """End the run by the rule: at once, or after its `then`."""
    await record_fired_exit(conn, run.id, visit, fired.slot.number, fired.slot.name)
    if definition.program.exits[fired.slot.number] is not None:
        return StepResult(exit_rule=fired.slot.number)
    outcome, reason = fired.slot.outcome, fired.slot.name
    await end_run(conn, run.id, outcome, reason)
    return StepResult(ended=JourneyResult(outcome=outcome, reason=reason))


async def exit_facts(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, fired: Fired
) -> dict[str, Any]:
    """The values that decided an exit by a condition, and when it held; empty for an event's."""
    if not isinstance(fired.slot.trigger, ConditionTrigger):
        return {}
    verdict = await check_condition(conn, run, definition, fired.slot.trigger.if_, at=fired.at)
    return {"exit": {"at": fired.at.isoformat(), **verdict.facts}}


def exit_taken_before(run: RunRow, visit: int) -> StepResult | None:
    """The earlier result of `take_exit` at this visit, for an activity that a reset repeats."""
    if run.exit_rule is None or run.exit_visit != visit:
        return None
    return StepResult(exit_rule=run.exit_rule)


def ended_result(run: RunRow) -> StepResult:
    """The result for a run that has ended elsewhere."""
    return StepResult(ended=JourneyResult(outcome=run.outcome or "removed", reason=run.reason))
