"""Steps that take no time: choosing a branch, changing the contact, jumping, leaving.

Each decision is keyed by the visit: an activity that runs twice returns the first one's outcome,
and its effects happen in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.exits import ended
from activities.failures import refuse
from activities.guards import guard, judge_all
from activities.moving import moved_on
from activities.reading import locked, unlocked
from journeys.exchange import StepInput, StepResult
from journeys.steps import BranchStep, ExitStep, GotoStep, GroupStep, Step, UpdateStep
from store.catalog import Definition
from store.changes import change_attributes, change_groups
from store.operands import resolve_all
from store.runs import RunRow, give_reason
from store.visits import decide, find_visit, visits_of


@dataclass(frozen=True)
class Decision:
    """An outcome, why, and what it does to the contact."""

    outcome: str
    facts: dict[str, Any] = field(default_factory=dict)
    effect: Callable[[], Awaitable[None]] | None = None


Choose = Callable[[AsyncConnection[Any], RunRow, Definition, Step, StepInput], Awaitable[Decision]]


class Decisions:
    """The activities of the steps that take no time, each named by its step's kind."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="branch")
    async def branch(self, given: StepInput) -> StepResult:
        """Take the first case whose condition holds, else `else`."""
        return await self._decide(given, self._branch, lock=False)

    @activity.defn(name="update")
    async def update(self, given: StepInput) -> StepResult:
        """Change the contact's attributes."""
        return await self._decide(given, self._update, lock=True)

    @activity.defn(name="group")
    async def group(self, given: StepInput) -> StepResult:
        """Add the contact to groups, or remove it."""
        return await self._decide(given, self._group, lock=True)

    @activity.defn(name="goto")
    async def goto(self, given: StepInput) -> StepResult:
        """Jump, unless the target's visits are spent."""
        return await self._decide(given, self._goto, lock=False)

    @activity.defn(name="exit")
    async def exit(self, given: StepInput) -> StepResult:
        """Leave the journey; the run's end carries the reason."""
        return await self._decide(given, self._exit, lock=True)

    async def _decide(self, given: StepInput, choose: Choose, *, lock: bool) -> StepResult:
        """Judge and record. Only a decision that changes more than its visit needs the lock, and
        a transaction: the others are one statement, of which the first to come wins."""
        async with self._context.pool.connection() as conn:
            if not lock:
                run = await unlocked(conn, given.run_id)
                return await self._judge_and_record(conn, run, given, choose)
            async with conn.transaction():
                run = await locked(conn, given.run_id)
                before = await find_visit(conn, given.run_id, given.visit)
                if before is not None and before.outcome is not None:
                    return StepResult(outcome=before.outcome)
                result = await self._judge_and_record(conn, run, given, choose)
        self._context.nudge()
        return result

    async def _judge_and_record(
        self, conn: AsyncConnection[Any], run: RunRow, given: StepInput, choose: Choose
    ) -> StepResult:
        if not run.active:
            # A task that decided and ended the run may be refused for a signal, and done anew.
            before = await find_visit(conn, given.run_id, given.visit)
            return ended(run) if before is None else StepResult(outcome=before.outcome)
        if moved := moved_on(run, given):
            return moved
        definition = await self._context.catalog.definition(conn, run.journey, run.version)
        try:
            step = definition.journey.step(given.step)
        except KeyError:
            raise refuse("unknown_step") from None
        decision = await self._guarded(conn, run, definition, step, given, choose)
        outcome, first = await decide(
            conn,
            run_id=given.run_id,
            visit=given.visit,
            step=given.step,
            kind=step.kind,
            outcome=decision.outcome,
            facts=decision.facts,
        )
        if first and decision.effect is not None:
            await decision.effect()
        return StepResult(outcome=outcome)

    async def _guarded(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
        choose: Choose,
    ) -> Decision:
        if step.if_ is not None:
            verdict = await guard(conn, run, definition, step.if_)
            if not verdict.holds:
                return Decision("skipped", {"reason": "if", **verdict.facts})
        return await choose(conn, run, definition, step, given)

    async def _branch(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
    ) -> Decision:
        if not isinstance(step, BranchStep):
            raise refuse("unknown_step")
        cases = step.branch
        verdicts = await judge_all(conn, run, definition, [case.if_ for case in cases])
        for case, verdict in zip(cases, verdicts, strict=True):
            if verdict.holds:
                return Decision(case.name, {"case": case.name, **verdict.facts})
        seen = [
            {"case": case.name, **verdict.facts}
            for case, verdict in zip(cases, verdicts, strict=True)
        ]
        return Decision("else", {"case": "else", "tried": seen})

    async def _update(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
    ) -> Decision:
        if not isinstance(step, UpdateStep):
            raise refuse("unknown_step")
        change = step.update
        values = await resolve_all(conn, run, change.set)
        amounts = {
            name: amount
            for name, amount in (await resolve_all(conn, run, change.add)).items()
            if isinstance(amount, int | float) and not isinstance(amount, bool)
        }

        async def effect() -> None:
            await change_attributes(
                conn,
                run.contact_id,
                set_=values,
                unset=change.unset,
                add=amounts,
                depth=run.depth + 1,
            )

        names = sorted({*change.set, *change.unset, *change.add})
        return Decision("done", {"changed": names}, effect)

    async def _group(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
    ) -> Decision:
        if not isinstance(step, GroupStep):
            raise refuse("unknown_step")
        change = step.group

        async def effect() -> None:
            await change_groups(
                conn, run.contact_id, add=change.add, remove=change.remove, depth=run.depth + 1
            )

        return Decision("done", {"add": change.add, "remove": change.remove}, effect)

    async def _goto(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
    ) -> Decision:
        if not isinstance(step, GotoStep):
            raise refuse("unknown_step")
        made = await visits_of(conn, run.id, step.goto)
        facts = {"visits": made, "max_visits": step.max_visits}
        return Decision("jumped" if made < step.max_visits else "spent", facts)

    async def _exit(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: Step,
        given: StepInput,
    ) -> Decision:
        if not isinstance(step, ExitStep):
            raise refuse("unknown_step")

        async def effect() -> None:
            await give_reason(conn, run.id, step.exit)

        return Decision("exited", {"reason": step.exit}, effect)
