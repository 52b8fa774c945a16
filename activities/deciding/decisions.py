"""The activities of steps that take no time: routing, changes of the contact, emit and enter.

Each decision is keyed by the visit: an activity that runs twice returns the outcome of the first,
and the effects of a decision happen in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.deciding.arrival import Decision, StepArrival
from activities.deciding.condition_check import check_condition
from activities.deciding.contact_changes import coupon, group, update
from activities.deciding.emit_and_enter import emit, enter_
from activities.deciding.routing import branch, exit_, goto
from activities.failures import final_error
from activities.leaving.exits import ended_result
from activities.locked_run import lock, read
from activities.versions.take_version import stale_version
from journeys.model.steps import Step
from journeys.protocol.payloads import StepInput, StepResult
from journeys.protocol.program import ROUTING, Kind
from store.runs.rows import RunRow
from store.runs.visits import decide as record_decision
from store.runs.visits import find_visit

Decide = Callable[[StepArrival, Any], Awaitable[Decision]]
"""Decides a visit to a step of its kind."""


DECIDERS: Final[dict[Kind, Decide]] = {
    "branch": branch,
    "goto": goto,
    "exit": exit_,
    "update": update,
    "group": group,
    "coupon": coupon,
    "emit": emit,
    "enter": enter_,
}


class DecisionActivities:
    """The activities of the steps that take no time, each named by the kind of its step."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def activities(self) -> list[Callable[..., Any]]:
        """One for each kind."""
        return [self.activity_of(kind) for kind in DECIDERS]

    def activity_of(self, kind: Kind) -> Callable[..., Any]:
        """The activity that decides for steps of a kind."""
        context = self._context

        @activity.defn(name=kind)
        async def decide_step(request: StepInput) -> StepResult:
            async with context.pool.connection() as conn:
                if kind in ROUTING:
                    return await decide_routing(conn, context, request, kinds=(kind,))
                async with conn.transaction():
                    run = await lock(conn, request.run_id)
                    visit = await find_visit(conn, request.run_id, request.visit)
                    if visit is not None and visit.outcome is not None:
                        return StepResult(outcome=visit.outcome)
                    result = await _decide_visit(conn, context, run, request, (kind,))
            context.nudge()
            return result

        return decide_step


async def decide_routing(
    conn: AsyncConnection[Any],
    context: Context,
    request: StepInput,
    *,
    kinds: Collection[Kind] = ROUTING,
) -> StepResult:
    """Decide a visit to a step that changes nothing but its visit.

    Contact and run are not locked: the insert of the visit is one statement, and the first one
    wins. Raises `unknown_step`, which is final, for a step of another kind than `kinds`.
    """
    run = await read(conn, request.run_id)
    return await _decide_visit(conn, context, run, request, kinds)


async def _decide_visit(
    conn: AsyncConnection[Any],
    context: Context,
    run: RunRow,
    request: StepInput,
    kinds: Collection[Kind],
) -> StepResult:
    if not run.active:
        # A workflow task that decided and ended the run is repeated if a signal came meanwhile.
        visit = await find_visit(conn, request.run_id, request.visit)
        return ended_result(run) if visit is None else StepResult(outcome=visit.outcome)
    if moved := stale_version(run, request):
        return moved
    definition = await context.catalog.definition(conn, run.journey, run.version)
    try:
        step = definition.journey.step(request.step)
    except KeyError:
        raise final_error("unknown_step") from None
    if step.kind not in kinds:
        raise final_error("unknown_step")
    arrival = StepArrival(conn, context, run, definition, request.visit)
    decision = await skip_unless(arrival, step) or await DECIDERS[step.kind](arrival, step)
    outcome = await record_decision(
        conn,
        run_id=request.run_id,
        visit=request.visit,
        step=request.step,
        kind=step.kind,
        outcome=decision.outcome,
        facts=decision.facts,
        output=decision.output,
    )
    return StepResult(outcome=outcome)


async def skip_unless(arrival: StepArrival, step: Step) -> Decision | None:
    """The decision to skip a step whose `if` does not hold; None if it holds."""
    if step.if_ is None:
        return None
    verdict = await check_condition(arrival.conn, arrival.run, arrival.definition, step.if_)
    return None if verdict.holds else Decision("skipped", {"reason": "if", **verdict.facts})
