"""Splits: an arm by weight, or a wait until the arm that wins is known."""

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
from activities.leaving.exits import (
    ended_result,
    exit_facts,
    exit_taken_before,
    fired_exit,
    take_exit,
)
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
"""Contacts from which on scores are cached."""
_CACHED_FOR = timedelta(minutes=1)


class SplitActivities:
    """The activity of splits. A visit's arm is decided once, and so is its winner."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tallies = Tallies()

    @activity.defn(name="split")
    async def split(self, request: StepInput) -> StepResult:
        """Take an arm, or wait at a `winner` until it is due or an exit fires."""
        async with self._context.pool.connection() as conn:
            run = await read(conn, request.run_id)
            visit = await find_visit(conn, request.run_id, request.visit)
            if (result := _earlier_result(run, visit, request)) is not None:
                return result
            definition = await self._context.catalog.definition(conn, run.journey, run.version)
            step = _split_of(definition, request.step)
            if visit is not None:
                decision = Decision(visit.facts["arm"], visit.facts)
            else:
                arrival = StepArrival(conn, self._context, run, definition, request.visit)
                skipped = await skip_unless(arrival, step)
                decision = skipped or _by_weight(run, step)
                if skipped is not None or _winner(step, decision.outcome) is None:
                    outcome = await decide(
                        conn,
                        run_id=request.run_id,
                        visit=request.visit,
                        step=request.step,
                        kind="split",
                        outcome=decision.outcome,
                        facts=decision.facts,
                    )
                    return StepResult(outcome=outcome)
            async with conn.transaction():
                run = await lock(conn, request.run_id)
                return await self._wait_for_winner(conn, run, definition, step, request, decision)

    async def _wait_for_winner(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        step: SplitStep,
        request: StepInput,
        decision: Decision,
    ) -> StepResult:
        """Begin, continue or end the wait at a winner; the run is locked."""
        visit = await find_visit(conn, request.run_id, request.visit)
        if (result := _earlier_result(run, visit, request)) is not None:
            return result
        name = decision.outcome
        winner = _winner(step, name)
        if winner is None:
            # The run was moved to a version in which this arm is no winner.
            await close_by_time(conn, run, request.visit, name, run.now)
            return StepResult(outcome=name)
        if visit is None:
            visit = await self._plan(conn, run, definition, request, winner, decision.facts)
        due = visit.due_at
        assert due is not None
        # A wake may come before the timer that is due, when both were delayed.
        over = due <= run.now or (request.due is not None and request.due >= due)
        exit_rule = await fired_exit(conn, run, definition, due if over else None)
        if exit_rule is not None:
            left = await exit_facts(conn, run, definition, exit_rule)
            await close_by_exit(conn, run.id, request.visit, exit_rule.slot.outcome, left)
            return await take_exit(conn, run, definition, request.visit, exit_rule)
        if not over:
            words = f"{name} waits {Duration.parse(winner.after).words()}"
            return StepResult(due=due, held=words)
        scores = self._context.given_scores.get(step.id) or await self._tallies.scores(
            conn, run, step, winner, due
        )
        best = winner_of(scores).arm
        shares = {
            score.arm: {"contacts": score.contacts, winner.by: score.won, "share": score.share}
            for score in scores
        }
        facts = {"winner": best, "shares": shares}
        await close_by_time(conn, run, request.visit, name, due, facts)
        return StepResult(outcome=name, way=best)

    async def _plan(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        definition: Definition,
        request: StepInput,
        winner: Winner,
        facts: dict[str, Any],
    ) -> VisitRow:
        start = await starting_time(conn, run)
        zone = zone_of(run.timezone, definition.journey.timezone)
        await plan_wait(
            conn,
            run_id=run.id,
            visit=request.visit,
            step=request.step,
            kind="split",
            start=start,
            due=scaled_end(winner.after, start, zone, self._context.speed),
            ref=run.ref,
            facts={**facts, "by": winner.by, "length": winner.after, "zone": zone.key},
        )
        planned = await find_visit(conn, request.run_id, request.visit)
        assert planned is not None
        return planned


class Tallies:
    """The scores of splits. Those over many contacts are cached for a minute.

    After a launch the waits of all its contacts end in the same minute, and each counts them all.
    """

    def __init__(self) -> None:
        self._cached: dict[tuple[str, int, str, str], tuple[datetime, list[Score]]] = {}
        self._locks: defaultdict[tuple[str, int, str, str], asyncio.Lock] = defaultdict(
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
        """The scores of the arms with steps, in their order, as of `due`."""
        key = (run.journey, run.version, step.id, winner.by)
        async with self._locks[key]:
            if key in self._cached and abs(due - self._cached[key][0]) < _CACHED_FOR:
                return self._cached[key][1]
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
                self._cached[key] = due, scores
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


def _earlier_result(run: RunRow, visit: VisitRow | None, request: StepInput) -> StepResult | None:
    """The result that this visit already has; None if it is still to be decided."""
    if run.active and (moved := stale_version(run, request)):
        return moved
    if visit is not None and (visit.due_at is None or "winner" in visit.facts):
        return StepResult(outcome=visit.outcome, way=visit.facts.get("winner"))
    if not run.active:
        return ended_result(run)
    if visit is None or visit.outcome is None:
        return None
    return exit_taken_before(run, request.visit) or StepResult(outcome=visit.outcome)
