"""The activities of waits: planning when one ends, and deciding how it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.deciding.condition_check import check_condition
from activities.deciding.following import with_routing
from activities.failures import final_error
from activities.leaving.exits import (
    check_exits,
    ended_result,
    exit_facts,
    exit_taken_before,
    fired_exit,
    take_exit,
)
from activities.locked_run import lock, read
from activities.versions.take_version import stale_version
from journeys.model.steps import WaitStep
from journeys.model.triggers import ConditionTrigger
from journeys.model.waits import ForWait, UntilWait, Wait
from journeys.protocol.payloads import StepInput, StepResult
from journeys.schedule.wait_plan import watched_attributes
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.metrics import counter, histogram
from store.runs.rows import RunRow
from store.runs.visits import VisitRow, decide, find_visit
from store.waits.listeners import Check, Fired, add_listeners, check, first_fired, keep_looks
from store.waits.wait_plans import WaitPlanner, no_message_was_sent
from store.waits.wait_visits import (
    change_due_time,
    close_by_condition,
    close_by_event,
    close_by_exit,
    close_by_time,
    latest_change,
    plan_wait,
    remove_status_listener,
    starting_time,
    watch_attributes,
)

_ENDED: Final = counter("parcours_waits_ended")
_LATENESS: Final = histogram("parcours_wait_lateness_seconds")


class WaitActivities:
    """The activities that plan and close waits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="plan_wait")
    async def plan(self, request: StepInput) -> StepResult:
        """Work out when the wait ends, and register its listeners. A visit is planned once."""
        async with self._context.pool.connection() as conn:
            return await plan(conn, self._context, request)

    @activity.defn(name="close_wait")
    async def close(self, request: StepInput) -> StepResult:
        """Decide whether the wait has ended: an exit first, then an event, then its time.

        If it has, the routing that follows it with any outcome is decided as well.
        """
        async with self._context.pool.connection() as conn:
            result = await close(conn, self._context, request)
            return await with_routing(conn, self._context, request, result)


async def plan(conn: AsyncConnection[Any], context: Context, request: StepInput) -> StepResult:
    """Plan a wait in its own transaction, then check for events that came before its listeners."""
    async with conn.transaction():
        run = await read(conn, request.run_id)
        result, listening = await plan_within(conn, context, request, run)
    return await recheck(conn, context, request) if listening else result


async def plan_within(
    conn: AsyncConnection[Any],
    context: Context,
    request: StepInput,
    run: RunRow,
    *,
    after_send: bool = False,
) -> tuple[StepResult, bool]:
    """Plan a wait in the caller's transaction; `after_send`: this transaction recorded a send.

    The second value is True if the run listens. The caller must then call `recheck` after its
    commit, because an event may have come before its transaction saw the listeners.
    """
    if not run.active:
        return ended_result(run), False
    if moved := stale_version(run, request):
        return moved, False
    definition = await context.catalog.definition(conn, run.journey, run.version)
    query = definition.wait_query(request.step)
    step, wait = _wait_of(definition, request.step)
    watches = watched_attributes(wait)
    # After a send the contact is locked, so a later change sees the listeners.
    unseen_changes = bool(watches) and not after_send
    listening = query is not None or definition.exits is not None or unseen_changes
    until = isinstance(wait, UntilWait)
    if step.if_ is not None or query is not None or until or exit_taken_before(run, request.visit):
        # For the other waits the insert below finds that the visit was planned before.
        visit = await find_visit(conn, request.run_id, request.visit)
        if visit is not None:
            result = exit_taken_before(run, request.visit) or _planned_result(visit)
            return result, visit.outcome is None and listening
    if step.if_ is not None:
        verdict = await check_condition(conn, run, definition, step.if_)
        if not verdict.holds:
            facts = {"reason": "if", **verdict.facts}
            return await _end_at_once(conn, request, "skipped", facts), False
    if query is not None and await no_message_was_sent(conn, run, query):
        return await _end_at_once(conn, request, "timed_out", {"reason": "message_not_sent"}), False
    start = run.now if after_send else await starting_time(conn, run)
    planner = _planner(conn, context, run, definition, wait, start)
    plan = await planner.plan()
    if plan.at_once:
        return await _end_at_once(conn, request, plan.outcome, plan.facts, start), False
    ref, since = await planner.reference()
    if not await plan_wait(
        conn,
        run_id=run.id,
        visit=request.visit,
        step=request.step,
        start=start,
        due=plan.due,
        ref=ref,
        facts={**plan.facts, **since},
    ):
        planned = await find_visit(conn, request.run_id, request.visit)
        assert planned is not None
        return _planned_result(planned), planned.outcome is None and listening
    if query is not None:
        await add_listeners(
            conn,
            query,
            run_id=run.id,
            visit=request.visit,
            contact_id=run.contact_id,
            ref=ref,
            entry=run.entry,
            since=start,
        )
    if watches:
        await watch_attributes(conn, run, request.visit, watches)
    return StepResult(due=plan.due), listening


async def recheck(conn: AsyncConnection[Any], context: Context, request: StepInput) -> StepResult:
    """Close a wait planned just now if an event that came before its listeners ends it."""
    async with conn.transaction():
        run = await read(conn, request.run_id)
        if run.active and (moved := stale_version(run, request)):
            return moved
        definition = await context.catalog.definition(conn, run.journey, run.version)
        query = definition.wait_query(request.step)
        waited = Check(None)
        if query is not None:
            waited = await check(conn, query, run_id=run.id, visit=request.visit)
        fired = waited.fired or await fired_exit(conn, run, definition)
        change = None
        if not fired and watched_attributes(_wait_of(definition, request.step)[1]):
            change = await latest_change(conn, run, request.visit, None)
        visit = await find_visit(conn, request.run_id, request.visit)
        await keep_looks(conn, waited)
    if waited.looks:
        context.nudge_due_times()
    over = visit is not None and visit.due_at is not None and visit.due_at <= run.now
    if fired or change or over:
        return await close(conn, context, request.model_copy(update={"due": None}))
    return _planned_result(visit) if visit else StepResult()


async def close(conn: AsyncConnection[Any], context: Context, request: StepInput) -> StepResult:
    """Close a wait if an exit or an event ends it, or if it is due."""
    async with conn.transaction():
        run = await lock(conn, request.run_id)
        if not run.active:
            return ended_result(run)
        if moved := stale_version(run, request):
            return moved
        visit = await find_visit(conn, request.run_id, request.visit)
        if visit is None:
            raise final_error("unknown_step")
        if visit.outcome is not None:
            return exit_taken_before(run, request.visit) or StepResult(outcome=visit.outcome)
        definition = await context.catalog.definition(conn, run.journey, run.version)
        query = definition.wait_query(request.step)
        # A wake may come before the timer that is due, when both were delayed. A timer that was set
        # before the wait was planned again does not count.
        due = visit.due_at
        if due is not None and due > run.now and (request.due is None or request.due < due):
            due = None
        visit, due, outcome = await _replan(conn, context, run, definition, request, visit, due)
        waited = Check(None)
        if query is not None:
            waited = await check(conn, query, run_id=run.id, visit=request.visit, due=due)
        leaving = await check_exits(conn, run, definition, due)
        fired, exit_rule = waited.fired, leaving.fired
        if not (waited.finished and leaving.finished):
            # An earlier instant may still be found: the looks go on from where they ended.
            await keep_looks(conn, waited)
            await keep_looks(conn, leaving)
            context.nudge_due_times()
            return StepResult(due=visit.due_at)
        if exit_rule is not None and (fired is None or exit_rule.precedes(fired)):
            facts = await exit_facts(conn, run, definition, exit_rule)
            await close_by_exit(conn, run.id, request.visit, exit_rule.slot.outcome, facts)
            _ENDED.labels("exit").inc()
            return await take_exit(conn, run, definition, request.visit, exit_rule)
        if fired:
            _ENDED.labels("trigger").inc()
            return await _close_by_trigger(conn, run, definition, request, fired)
        if due is None:
            await keep_looks(conn, waited)
            await keep_looks(conn, leaving)
            return StepResult(due=visit.due_at)
        await close_by_time(conn, run, request.visit, outcome, due)
        _ENDED.labels("time").inc()
        _LATENESS.observe(max((run.now - due).total_seconds(), 0.0))
        return StepResult(outcome=outcome)


async def _replan(
    conn: AsyncConnection[Any],
    context: Context,
    run: RunRow,
    definition: Definition,
    request: StepInput,
    visit: VisitRow,
    due: datetime | None,
) -> tuple[VisitRow, datetime | None, str]:
    """Plan the wait again after a change of its zone, its date or the status it counts from.

    Returns the visit, the instant at which the wait was over (None: not yet) and its outcome.
    """
    _, wait = _wait_of(definition, request.step)
    # Visits that were planned before have the fact under its earlier name.
    outcome = visit.facts.get("due_outcome", visit.facts.get("ends")) or _timed_outcome(wait)
    changed_at: datetime | None = None
    status_at: datetime | None = None
    if isinstance(wait, ForWait) and wait.after is not None:
        known = visit.facts.get("fate")
        status_at = datetime.fromisoformat(known) if known else None
        query = definition.wait_query(request.step)
        if status_at is None and query is not None:
            fired = await first_fired(conn, query, run_id=run.id, visit=request.visit, due=due)
            if fired:
                status_at = changed_at = fired.at
                await remove_status_listener(conn, run.id, request.visit)
    facts: dict[str, Any] = {
        name: visit.facts[name] for name in ("change", "since") if name in visit.facts
    }
    if watched_attributes(wait):
        change = await latest_change(conn, run, request.visit, due)
        if change is not None and change.id > visit.facts.get("change", 0):
            facts["change"] = change.id
            changed_at = max(changed_at or change.stamped_at, change.stamped_at)
    if changed_at is None:
        return visit, due, outcome
    planner = _planner(conn, context, run, definition, wait, visit.started_at)
    plan = await planner.plan(known_at=changed_at, status_at=status_at)
    await change_due_time(conn, run.id, request.visit, due=plan.due, facts={**facts, **plan.facts})
    if plan.at_once:
        return visit, changed_at, plan.outcome
    # The new end holds from the change on, so the wait was not over before it.
    over = None if plan.due is None else max(plan.due, changed_at)
    if over is None or over > (due or run.now):
        over = None
    return replace(visit, due_at=plan.due), over, plan.outcome


async def _close_by_trigger(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    request: StepInput,
    fired: Fired,
) -> StepResult:
    if isinstance(fired.slot.trigger, ConditionTrigger):
        condition = fired.slot.trigger.if_
        verdict = await check_condition(conn, run, definition, condition, at=fired.at)
        await close_by_condition(conn, run, request.visit, fired.slot.name, fired.at, verdict.facts)
    elif fired.event_id is not None:
        await close_by_event(conn, run, request.visit, fired.slot.name, fired.event_id)
    return StepResult(outcome=fired.slot.name)


async def _end_at_once(
    conn: AsyncConnection[Any],
    request: StepInput,
    outcome: str,
    facts: dict[str, Any],
    at: datetime | None = None,
) -> StepResult:
    recorded = await decide(
        conn,
        run_id=request.run_id,
        visit=request.visit,
        step=request.step,
        kind="wait",
        outcome=outcome,
        facts=facts,
        at=at,
    )
    return StepResult(outcome=recorded)


def _planned_result(visit: VisitRow) -> StepResult:
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


def _timed_outcome(wait: Wait) -> str:
    return "elapsed" if isinstance(wait, ForWait | UntilWait) else "timed_out"
