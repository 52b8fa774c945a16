"""Planning and closing a wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.deciding.condition_check import check_condition
from activities.failures import final_error
from activities.leaving.exits import ended_result, exit_taken_before, fired_exit, take_exit
from activities.locked_run import lock, read
from activities.versions.take_version import stale_version
from journeys.model.steps import ForWait, UntilWait, Wait, WaitStep
from journeys.model.triggers import ConditionTrigger
from journeys.protocol.payloads import StepInput, StepResult
from journeys.schedule.wait_plan import watched_attributes
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.runs.rows import RunRow
from store.runs.visits import VisitRow, decide, find_visit
from store.waits.listeners import Fired, add_listeners, first_fired
from store.waits.wait_plans import WaitPlanner, no_message_was_sent
from store.waits.wait_visits import (
    close_by_condition,
    close_by_event,
    close_by_exit,
    close_by_time,
    latest_change,
    message_status_at,
    plan_wait,
    replan_wait,
    starting_time,
    watch_attributes,
)


class WaitActivities:
    """Works out when a wait ends, registers what it listens for, and decides how it ended."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="plan_wait")
    async def plan(self, given: StepInput) -> StepResult:
        """Stand at a wait. Idempotent: a visit is planned once."""
        async with self._context.pool.connection() as conn:
            return await plan(conn, self._context, given)

    @activity.defn(name="close_wait")
    async def close(self, given: StepInput) -> StepResult:
        """Decide whether the wait has ended: an exit first, then an event, then its time."""
        async with self._context.pool.connection() as conn:
            return await close(conn, self._context, given)


async def plan(conn: AsyncConnection[Any], context: Context, given: StepInput) -> StepResult:
    """Plan a wait in a transaction of its own, then look for what came before its listeners."""
    async with conn.transaction():
        run = await read(conn, given.run_id)
        result, listening = await plan_within(conn, context, given, run)
    return await look_again(conn, context, given) if listening else result


async def plan_within(
    conn: AsyncConnection[Any],
    context: Context,
    given: StepInput,
    run: RunRow,
    *,
    after_send: bool = False,
) -> tuple[StepResult, bool]:
    """Plan a wait in the caller's transaction; `after_send`: a send was recorded just now.

    The second value is True if the run listens: the caller must then, after its commit, call
    `look_again`, because an event may have come before the listeners could be seen.
    """
    if not run.active:
        return ended_result(run), False
    if moved := stale_version(run, given):
        return moved, False
    definition = await context.catalog.definition(conn, run.journey, run.version)
    look = definition.wait_look(given.step)
    step, wait = _wait_of(definition, given.step)
    watches = watched_attributes(wait)
    # After a send the contact is locked: what changes it later sees the listeners.
    unseen = bool(watches) and not after_send
    listening = look is not None or definition.exits is not None or unseen
    until = isinstance(wait, UntilWait)
    if step.if_ is not None or look is not None or until or exit_taken_before(run, given.visit):
        # Otherwise planning it twice is told by the insert, and nothing is judged before.
        before = await find_visit(conn, given.run_id, given.visit)
        if before is not None:
            result = exit_taken_before(run, given.visit) or _as_planned(before)
            return result, before.outcome is None and listening
    if step.if_ is not None:
        verdict = await check_condition(conn, run, definition, step.if_)
        if not verdict.holds:
            facts = {"reason": "if", **verdict.facts}
            return await _ended_at_once(conn, given, "skipped", facts), False
    if look is not None and await no_message_was_sent(conn, run, look):
        return await _ended_at_once(conn, given, "timed_out", {"reason": "message_not_sent"}), False
    start = run.now if after_send else await starting_time(conn, run)
    planner = _planner(conn, context, run, definition, wait, start)
    plan = await planner.plan()
    if plan.at_once:
        return await _ended_at_once(conn, given, plan.outcome, plan.facts, start), False
    ref, since = await planner.reference()
    if not await plan_wait(
        conn,
        run_id=run.id,
        visit=given.visit,
        step=given.step,
        start=start,
        due=plan.due,
        ref=ref,
        facts={**plan.facts, **since},
    ):
        planned = await find_visit(conn, given.run_id, given.visit)
        assert planned is not None
        return _as_planned(planned), planned.outcome is None and listening
    if look is not None:
        await add_listeners(
            conn,
            look,
            run_id=run.id,
            visit=given.visit,
            contact_id=run.contact_id,
            ref=ref,
            entry=run.entry,
        )
    if watches:
        await watch_attributes(conn, run, given.visit, watches)
    return StepResult(due=plan.due), listening


async def look_again(conn: AsyncConnection[Any], context: Context, given: StepInput) -> StepResult:
    """What a freshly planned wait must do once its listeners can be seen by everyone."""
    async with conn.transaction():
        run = await read(conn, given.run_id)
        if run.active and (moved := stale_version(run, given)):
            return moved
        definition = await context.catalog.definition(conn, run.journey, run.version)
        look = definition.wait_look(given.step)
        fired = look and await first_fired(conn, look, run_id=run.id, visit=given.visit)
        fired = fired or await fired_exit(conn, run, definition)
        change = None
        if not fired and watched_attributes(_wait_of(definition, given.step)[1]):
            change = await latest_change(conn, run, given.visit, None)
        visit = await find_visit(conn, given.run_id, given.visit)
    over = visit is not None and visit.due_at is not None and visit.due_at <= run.now
    if fired or change or over:
        return await close(conn, context, given.model_copy(update={"due": None}))
    return _as_planned(visit) if visit else StepResult()


async def close(conn: AsyncConnection[Any], context: Context, given: StepInput) -> StepResult:
    """Close a wait if an exit or an event ends it, or if it is due."""
    async with conn.transaction():
        run = await lock(conn, given.run_id)
        if not run.active:
            return ended_result(run)
        if moved := stale_version(run, given):
            return moved
        visit = await find_visit(conn, given.run_id, given.visit)
        if visit is None:
            raise final_error("unknown_step")
        if visit.outcome is not None:
            return exit_taken_before(run, given.visit) or StepResult(outcome=visit.outcome)
        definition = await context.catalog.definition(conn, run.journey, run.version)
        look = definition.wait_look(given.step)
        # A wake may be faster than the timer, or have been held up together with it; a timer that
        # was set before the wait was planned anew is none.
        due = visit.due_at
        if due is not None and due > run.now and (given.due is None or given.due < due):
            due = None
        visit, due, outcome = await _planned_anew(conn, context, run, definition, given, visit, due)
        fired = look and await first_fired(conn, look, run_id=run.id, visit=given.visit, due=due)
        left = await fired_exit(conn, run, definition, due)
        if left is not None and (not fired or left.event_id <= fired.event_id):
            await close_by_exit(conn, run.id, given.visit, left.slot.outcome)
            return await take_exit(conn, run, definition, given.visit, left)
        if fired:
            return await _close_by(conn, run, definition, given, fired)
        if due is None:
            return StepResult(due=visit.due_at)
        await close_by_time(conn, run, given.visit, outcome, due)
        return StepResult(outcome=outcome)


async def _planned_anew(
    conn: AsyncConnection[Any],
    context: Context,
    run: RunRow,
    definition: Definition,
    given: StepInput,
    visit: VisitRow,
    due: datetime | None,
) -> tuple[VisitRow, datetime | None, str]:
    """The wait after what has moved its end: a zone, a date, or the fate it counts from.

    With it, when it is over (None: not yet), and the outcome that this has.
    """
    _, wait = _wait_of(definition, given.step)
    outcome = visit.facts.get("ends") or _by_itself(wait)
    judged: datetime | None = None
    fate: datetime | None = None
    if isinstance(wait, ForWait) and wait.after is not None:
        heard = visit.facts.get("fate")
        fate = datetime.fromisoformat(heard) if heard else None
        look = definition.wait_look(given.step)
        if fate is None and look is not None:
            fired = await first_fired(conn, look, run_id=run.id, visit=given.visit, due=due)
            if fired:
                fate = await message_status_at(conn, run.id, given.visit, fired.event_id)
                judged = fate
    facts: dict[str, Any] = {
        name: visit.facts[name] for name in ("change", "since") if name in visit.facts
    }
    if watched_attributes(wait):
        change = await latest_change(conn, run, given.visit, due)
        if change is not None and change.id > visit.facts.get("change", 0):
            facts["change"] = change.id
            judged = max(judged or change.stamped_at, change.stamped_at)
    if judged is None:
        return visit, due, outcome
    planner = _planner(conn, context, run, definition, wait, visit.started_at)
    plan = await planner.plan(known_at=judged, status_at=fate)
    await replan_wait(conn, run.id, given.visit, due=plan.due, facts={**facts, **plan.facts})
    if plan.at_once:
        return visit, judged, plan.outcome
    # It can't be over before it was known to be.
    over = None if plan.due is None else max(plan.due, judged)
    if over is None or over > (due or run.now):
        over = None
    return replace(visit, due_at=plan.due), over, plan.outcome


async def _close_by(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    given: StepInput,
    fired: Fired,
) -> StepResult:
    if isinstance(fired.slot.trigger, ConditionTrigger):
        verdict = await check_condition(conn, run, definition, fired.slot.trigger.if_)
        await close_by_condition(conn, run, given.visit, fired.slot.name, verdict.facts)
    else:
        await close_by_event(conn, run, given.visit, fired.slot.name, fired.event_id)
    return StepResult(outcome=fired.slot.name)


async def _ended_at_once(
    conn: AsyncConnection[Any],
    given: StepInput,
    outcome: str,
    facts: dict[str, Any],
    at: datetime | None = None,
) -> StepResult:
    held = await decide(
        conn,
        run_id=given.run_id,
        visit=given.visit,
        step=given.step,
        kind="wait",
        outcome=outcome,
        facts=facts,
        at=at,
    )
    return StepResult(outcome=held)


def _as_planned(visit: VisitRow) -> StepResult:
    return StepResult(outcome=visit.outcome, due=visit.due_at if visit.outcome is None else None)


def _wait_of(definition: Definition, step_id: str) -> tuple[WaitStep, Wait]:
    step = definition.journey.step(step_id)
    if not isinstance(step, WaitStep):
        raise final_error("unknown_step")
    return step, step.wait


def _planner(
    conn: AsyncConnection[Any],
    context: Context,
    run: RunRow,
    definition: Definition,
    wait: Wait,
    start: datetime,
) -> WaitPlanner:
    zone = zone_of(run.timezone, definition.journey.timezone)
    return WaitPlanner(conn, run, wait, start=start, zone=zone, speed=context.speed)


def _by_itself(wait: Wait) -> str:
    return "elapsed" if isinstance(wait, ForWait | UntilWait) else "timed_out"
