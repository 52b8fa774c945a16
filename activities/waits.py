"""Planning and closing a wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.exits import ended, fired_exit, leave, left_before
from activities.failures import refuse
from activities.guards import guard
from activities.reading import locked, unlocked
from journeys.durations import Duration
from journeys.exchange import StepInput, StepResult
from journeys.steps import AnyWait, ForWait, TriggerWait, WaitStep
from journeys.triggers import MessageTrigger
from journeys.zones import zone_of
from store.catalog import Definition
from store.listening import Fired, Look, listen, look_at
from store.messages import was_sent
from store.runs import RunRow
from store.transactions import transaction
from store.visits import VisitRow, decide, find_visit
from store.waits import (
    close_by_condition,
    close_by_event,
    close_by_time,
    leave_wait,
    plan_wait,
    starting_time,
)


class Waits:
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
    async with transaction(conn):
        run = await unlocked(conn, given.run_id)
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
        return ended(run), False
    definition = await context.catalog.definition(conn, run.journey, run.version)
    look = definition.wait_look(given.step)
    listening = look is not None or definition.exits is not None
    step, wait = _wait_of(definition, given.step)
    if step.if_ is not None or look is not None or left_before(run, given.visit):
        # Otherwise planning it twice is told by the insert, and nothing is judged before.
        before = await find_visit(conn, given.run_id, given.visit)
        if before is not None:
            result = left_before(run, given.visit) or _as_planned(before)
            return result, before.outcome is None and listening
    if step.if_ is not None:
        verdict = await guard(conn, run, definition, step.if_)
        if not verdict.holds:
            return await _ended_at_once(conn, given, "skipped", verdict.facts), False
    if look is not None and await _waits_in_vain(conn, run, look):
        return await _ended_at_once(conn, given, "timed_out", {"reason": "message_not_sent"}), False
    start = run.now if after_send else await starting_time(conn, run)
    zone = zone_of(run.timezone, definition.journey.timezone)
    length = wait.for_ if isinstance(wait, ForWait) else wait.up_to
    if length is not None and not isinstance(length, str):
        raise refuse("unknown_step")
    due = _due(length, start, zone, context.speed)
    ref = _reference(wait, run)
    if not await plan_wait(
        conn,
        run_id=run.id,
        visit=given.visit,
        step=given.step,
        start=start,
        due=due,
        ref=ref,
        facts={"zone": zone.key, "length": str(length)} if length else {},
    ):
        planned = await find_visit(conn, given.run_id, given.visit)
        assert planned is not None
        return _as_planned(planned), planned.outcome is None and listening
    if look is not None:
        await listen(
            conn,
            look,
            run_id=run.id,
            visit=given.visit,
            contact_id=run.contact_id,
            ref=ref,
            entry=run.entry,
        )
    return StepResult(due=due), listening


async def look_again(conn: AsyncConnection[Any], context: Context, given: StepInput) -> StepResult:
    """What a freshly planned wait must do once its listeners can be seen by everyone."""
    async with transaction(conn):
        run = await unlocked(conn, given.run_id)
        definition = await context.catalog.definition(conn, run.journey, run.version)
        look = definition.wait_look(given.step)
        fired = look and await look_at(conn, look, run_id=run.id, visit=given.visit)
        fired = fired or await fired_exit(conn, run, definition)
    if fired:
        return await close(conn, context, given.model_copy(update={"due": None}))
    visit = await find_visit(conn, given.run_id, given.visit)
    return _as_planned(visit) if visit else StepResult()


async def close(conn: AsyncConnection[Any], context: Context, given: StepInput) -> StepResult:
    """Close a wait if an exit or an event ends it, or if it is due."""
    async with transaction(conn):
        run = await locked(conn, given.run_id)
        if not run.active:
            return ended(run)
        visit = await find_visit(conn, given.run_id, given.visit)
        if visit is None:
            raise refuse("unknown_step")
        if visit.outcome is not None:
            return left_before(run, given.visit) or StepResult(outcome=visit.outcome)
        definition = await context.catalog.definition(conn, run.journey, run.version)
        look = definition.wait_look(given.step)
        # A wake may be faster than the timer, or have been held up together with it.
        due = visit.due_at if visit.due_at and visit.due_at <= run.now else given.due
        fired = look and await look_at(conn, look, run_id=run.id, visit=given.visit, due=due)
        left = await fired_exit(conn, run, definition, due)
        if left is not None and (not fired or left.event_id <= fired.event_id):
            await leave_wait(conn, run.id, given.visit)
            return await leave(conn, run, definition, given.visit, left)
        if fired:
            return await _close_by(conn, run, given, fired)
        if due is None:
            return StepResult(due=visit.due_at)
        _, wait = _wait_of(definition, given.step)
        outcome = "elapsed" if isinstance(wait, ForWait) else "timed_out"
        await close_by_time(conn, run, given.visit, outcome, due)
        return StepResult(outcome=outcome)


async def _close_by(
    conn: AsyncConnection[Any], run: RunRow, given: StepInput, fired: Fired
) -> StepResult:
    if fired.slot.event_name is None:
        await close_by_condition(conn, run, given.visit, fired.slot.name)
    else:
        await close_by_event(conn, run, given.visit, fired.slot.name, fired.event_id)
    return StepResult(outcome=fired.slot.name)


async def _ended_at_once(
    conn: AsyncConnection[Any], given: StepInput, outcome: str, facts: dict[str, Any]
) -> StepResult:
    held, _ = await decide(
        conn,
        run_id=given.run_id,
        visit=given.visit,
        step=given.step,
        kind="wait",
        outcome=outcome,
        facts=facts,
    )
    return StepResult(outcome=held)


async def _waits_in_vain(conn: AsyncConnection[Any], run: RunRow, look: Look) -> bool:
    """A wait on messages alone, none of which was sent, ends at once."""
    messages = [
        slot.trigger.message for slot in look.slots if isinstance(slot.trigger, MessageTrigger)
    ]
    if len(messages) < len(look.slots):
        return False
    return not await was_sent(conn, run.id, messages)


def _as_planned(visit: VisitRow) -> StepResult:
    return StepResult(outcome=visit.outcome, due=visit.due_at if visit.outcome is None else None)


def _wait_of(
    definition: Definition, step_id: str
) -> tuple[WaitStep, ForWait | TriggerWait | AnyWait]:
    step = definition.journey.step(step_id)
    if not isinstance(step, WaitStep) or not isinstance(step.wait, ForWait | TriggerWait | AnyWait):
        raise refuse("unknown_step")
    return step, step.wait


def _due(length: str | None, start: datetime, zone: ZoneInfo, speed: float) -> datetime | None:
    if length is None:
        return None
    duration = Duration.parse(length)
    end = duration.add_to(start, zone)
    return end if speed == 1 else start + (end - start) / speed


def _reference(wait: ForWait | TriggerWait | AnyWait, run: RunRow) -> int:
    since = None if isinstance(wait, ForWait) else wait.since
    if since == "entry":
        return run.entry_ref
    if since == "now":
        return run.last_event_id
    return run.ref
