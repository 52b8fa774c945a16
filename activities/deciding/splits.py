"""Splits: taking an arm by weight, and standing still until a winner can be told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.deciding.arrival import Decision, StepArrival
from activities.deciding.decisions import skip_unless
from activities.failures import final_error
from activities.leaving.exits import ended_result, exit_taken_before, fired_exit, take_exit
from activities.locked_run import lock, read
from activities.versions.take_version import stale_version
from journeys.model.arms import Score, arm_at, bucket, contenders, winner_of
from journeys.model.steps import SplitStep, Winner
from journeys.protocol.payloads import StepInput, StepResult
from journeys.schedule.wait_plan import scaled_end
from journeys.time.durations import Duration
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.reports.split_scores import tally
from store.runs.rows import RunRow
from store.runs.visits import VisitRow, decide, find_visit
from store.waits.wait_visits import close_by_exit, close_by_time, plan_wait, starting_time

_MANY = 1_000
_KEPT_FOR = timedelta(minutes=1)


class SplitActivities:
    """The activity of splits. A visit is decided once, and so is the way that a winner goes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tallies = Tallies()

    @activity.defn(name="split")
    async def split(self, given: StepInput) -> StepResult:
        """Take an arm, or stand still at a `winner` until it is due or an exit fires."""
        async with self._context.pool.connection() as conn:
            run = await read(conn, given.run_id)
            visit = await find_visit(conn, given.run_id, given.visit)
            if (before := _before(run, visit, given)) is not None:
                return before
            definition = await self._context.catalog.definition(conn, run.journey, run.version)
            step = _split_of(definition, given.step)
            if visit is not None:
                decision = Decision(visit.facts["arm"], visit.facts)
            else:
                arrival = StepArrival(conn, self._context, run, definition, given.visit)
                not_taken = await skip_unless(arrival, step)
                decision = not_taken or _by_weight(run, step)
                if not_taken is not None or _winner(step, decision.outcome) is None:
                    outcome = await decide(
                        conn,
                        run_id=given.run_id,
                        visit=given.visit,
                        step=given.step,
                        kind="split",
                        outcome=decision.outcome,
                        facts=decision.facts,
                    )
                    return StepResult(outcome=outcome)
            async with conn.transaction():
                run = await lock(conn, given.run_id)
                return await self._stand(conn, run, definition, step, given, decision)

    async def _stand(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: SplitStep,
        given: StepInput,
        decision: Decision,
    ) -> StepResult:
        """Stand at a winner from now on, or still, or no longer; the run is locked."""
        visit = await find_visit(conn, given.run_id, given.visit)
        if (before := _before(run, visit, given)) is not None:
            return before
        name = decision.outcome
        winner = _winner(step, name)
        if winner is None:
            # Whoever moved the run to another version took the wait away.
            await close_by_time(conn, run, given.visit, name, run.now)
            return StepResult(outcome=name)
        if visit is None:
            visit = await self._plan(conn, run, definition, given, winner, decision.facts)
        due = visit.due_at
        assert due is not None
        # A wake may be faster than the timer, or have been held up together with it.
        over = due <= run.now or (given.due is not None and given.due >= due)
        left = await fired_exit(conn, run, definition, due if over else None)
        if left is not None:
            await close_by_exit(conn, run.id, given.visit, left.slot.outcome)
            return await take_exit(conn, run, definition, given.visit, left)
        if not over:
            waits = f"{name} waits {Duration.parse(winner.after).words()}"
            return StepResult(due=due, held=waits)
        scores = await self._tallies.scores(conn, run, step, winner, due)
        taken = winner_of(scores).arm
        shares = {
            score.arm: {"contacts": score.contacts, winner.by: score.won, "share": score.share}
            for score in scores
        }
        decided = {"winner": taken, "shares": shares}
        await close_by_time(conn, run, given.visit, name, due, decided)
        return StepResult(outcome=name, way=taken)

    async def _plan(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        given: StepInput,
        winner: Winner,
        facts: dict[str, Any],
    ) -> VisitRow:
        start = await starting_time(conn, run)
        zone = zone_of(run.timezone, definition.journey.timezone)
        await plan_wait(
            conn,
            run_id=run.id,
            visit=given.visit,
            step=given.step,
            kind="split",
            start=start,
            due=scaled_end(winner.after, start, zone, self._context.speed),
            ref=run.ref,
            facts={**facts, "by": winner.by, "length": winner.after, "zone": zone.key},
        )
        planned = await find_visit(conn, given.run_id, given.visit)
        assert planned is not None
        return planned


class Tallies:
    """The scores of splits. One over many contacts is kept for a minute.

    A launch brings its winners' contacts to the same minute, and each would count them all.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, str, str], tuple[datetime, list[Score]]] = {}
        self._turns: defaultdict[tuple[str, int, str, str], asyncio.Lock] = defaultdict(
            asyncio.Lock
        )

    async def scores(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        step: SplitStep,
        winner: Winner,
        due: datetime,
    ) -> list[Score]:
        """The scores of the arms with steps, in their order, as they stood at `due`."""
        key = (run.journey, run.version, step.id, winner.by)
        async with self._turns[key]:
            if key in self._kept and abs(due - self._kept[key][0]) < _KEPT_FOR:
                return self._kept[key][1]
            scores = await tally(
                conn,
                journey=run.journey,
                version=run.version,
                step=step.id,
                arms=contenders(step),
                by=winner.by,
                until=due,
            )
            if sum(score.contacts for score in scores) >= _MANY:
                self._kept[key] = due, scores
            return scores


def _split_of(definition: Definition, step_id: str) -> SplitStep:
    try:
        step = definition.journey.step(step_id)
    except KeyError:
        raise final_error("unknown_step") from None
    if not isinstance(step, SplitStep):
        raise final_error("unknown_step")
    return step


def _winner(step: SplitStep, arm: str) -> Winner | None:
    return next((each.winner for each in step.split if each.name == arm), None)


def _by_weight(run: RunRow, step: SplitStep) -> Decision:
    place = bucket(run.contact_id, run.journey, step.id)
    arm = arm_at(step.split, place)
    weights = {each.name: each.weight for each in step.split}
    return Decision(arm.name, {"arm": arm.name, "bucket": place, "weights": weights})


def _before(run: RunRow, visit: VisitRow | None, given: StepInput) -> StepResult | None:
    """What was answered at this visit before, or nothing if it is still to be decided."""
    if run.active and (moved := stale_version(run, given)):
        return moved
    if visit is not None and (visit.due_at is None or "winner" in visit.facts):
        return StepResult(outcome=visit.outcome, way=visit.facts.get("winner"))
    if not run.active:
        return ended_result(run)
    if visit is None or visit.outcome is None:
        return None
    return exit_taken_before(run, given.visit) or StepResult(outcome=visit.outcome)
