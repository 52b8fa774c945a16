"""Steps that take no time: choosing a way, changing the contact, beginning something else.

Each decision is keyed by the visit: an activity that runs twice returns the first one's outcome,
and its effects happen in the transaction that records it.
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
from store.runs.visits import decide, find_visit

Choose = Callable[[StepArrival, Any], Awaitable[Decision]]
"""Decides for a step of its own kind."""


@dataclass(frozen=True)
class StepDecider:
    """How steps of a kind are decided."""

    choose: Choose
    acts: bool = True
    """It changes more than its visit: contact and run are locked, and nobody has decided yet."""


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
    """The activities of the steps that take no time, each named by its step's kind."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def activities(self) -> list[Callable[..., Any]]:
        """One for each kind."""
        return [self.activity_of(kind) for kind in DECIDERS]

    def activity_of(self, kind: Kind) -> Callable[..., Any]:
        """The activity that decides for steps of a kind."""
        chooser = DECIDERS[kind]

        @activity.defn(name=kind)
        async def decide_step(given: StepInput) -> StepResult:
            async with self._context.pool.connection() as conn:
                if not chooser.acts:
                    # One statement, of which the first to come wins, needs no transaction.
                    run = await read(conn, given.run_id)
                    return await self._decide(conn, run, given, kind, chooser.choose)
                async with conn.transaction():
                    run = await lock(conn, given.run_id)
                    before = await find_visit(conn, given.run_id, given.visit)
                    if before is not None and before.outcome is not None:
                        return StepResult(outcome=before.outcome)
                    result = await self._decide(conn, run, given, kind, chooser.choose)
            self._context.nudge()
            return result

        return decide_step

    async def _decide(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        given: StepInput,
        kind: Kind,
        choose: Choose,
    ) -> StepResult:
        if not run.active:
            # A task that decided and ended the run may be refused for a signal, and done anew.
            before = await find_visit(conn, given.run_id, given.visit)
            return ended_result(run) if before is None else StepResult(outcome=before.outcome)
        if moved := stale_version(run, given):
            return moved
        definition = await self._context.catalog.definition(conn, run.journey, run.version)
        try:
            step = definition.journey.step(given.step)
        except KeyError:
            raise final_error("unknown_step") from None
        if step.kind != kind:
            raise final_error("unknown_step")
        arrival = StepArrival(conn, self._context, run, definition, given.visit)
        decision = await skip_unless(arrival, step) or await choose(arrival, step)
        outcome = await decide(
            conn,
            run_id=given.run_id,
            visit=given.visit,
            step=given.step,
            kind=step.kind,
            outcome=decision.outcome,
            facts=decision.facts,
            output=decision.output,
        )
        return StepResult(outcome=outcome)


async def skip_unless(arrival: StepArrival, step: Step) -> Decision | None:
    """The decision not to take a step whose `if` does not hold; None if it is to be taken."""
    if step.if_ is None:
        return None
    verdict = await check_condition(arrival.conn, arrival.run, arrival.definition, step.if_)
    return None if verdict.holds else Decision("skipped", {"reason": "if", **verdict.facts})
