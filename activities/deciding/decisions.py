"""The activities of steps that take no time: routing, changes of the contact, emit and enter.

Each decision is keyed by the visit: an activity that runs twice returns the outcome of the first,
and the effects of a decision happen in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

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
from journeys.protocol.program import Kind
from store.runs.rows import RunRow
from store.runs.visits import decide as record_decision
from store.runs.visits import find_visit

Decide = Callable[[StepArrival, Any], Awaitable[Decision]]
"""Decides a visit to a step of its kind."""


@dataclass(frozen=True)
class StepDecider:
    """How steps of a kind are decided."""

    decide: Decide
    acts: bool = True
    """Whether it changes more than its visit: then contact and run are locked while it decides."""


DECIDERS: dict[Kind, StepDecider] = {
    "branch": StepDecider(branch, acts=False),
    "goto": StepDecider(goto, acts=False),
    "exit": StepDecider(exit_),
    "update": StepDecider(update),
    "group": StepDecider(group),
    "coupon": StepDecider(coupon),
    "emit": StepDecider(emit),
    "enter": StepDecider(enter_),
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
        decider = DECIDERS[kind]

        @activity.defn(name=kind)
        async def decide_step(request: StepInput) -> StepResult:
            async with self._context.pool.connection() as conn:
                if not decider.acts:
                    # The insert of the visit is one statement, and the first one wins.
                    run = await read(conn, request.run_id)
                    return await self._decide_visit(conn, run, request, kind, decider.decide)
                async with conn.transaction():
                    run = await lock(conn, request.run_id)
                    visit = await find_visit(conn, request.run_id, request.visit)
                    if visit is not None and visit.outcome is not None:
                        return StepResult(outcome=visit.outcome)
                    result = await self._decide_visit(conn, run, request, kind, decider.decide)
            self._context.nudge()
            return result

        return decide_step

    async def _decide_visit(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        request: StepInput,
        kind: Kind,
        decide: Decide,
    ) -> StepResult:
        if not run.active:
            # A workflow task that decided and ended the run is repeated if a signal came meanwhile.
            visit = await find_visit(conn, request.run_id, request.visit)
            return ended_result(run) if visit is None else StepResult(outcome=visit.outcome)
        if moved := stale_version(run, request):
            return moved
        definition = await self._context.catalog.definition(conn, run.journey, run.version)
        try:
            step = definition.journey.step(request.step)
        except KeyError:
            raise final_error("unknown_step") from None
        if step.kind != kind:
            raise final_error("unknown_step")
        arrival = StepArrival(conn, self._context, run, definition, request.visit)
        decision = await skip_unless(arrival, step) or await decide(arrival, step)
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
