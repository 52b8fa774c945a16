"""Routes of repairs: retry, skip, go to, exit and cancel one run, each with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER, StrictBody
from api.runs.bodies import RepairBody, repair_body
from api.runs.runs import RunId, parse_run, unknown_run
from api.services import UsedServices
from dispatch.jobs import start_job
from dispatch.messages_again import hurry_message
from dispatch.versions import wake_migrated_run
from store.definitions.catalog import BrokenDocument
from store.operations.audit import Actor, record_audit
from store.operations.audit_actions import ActionName
from store.repairs.item_repairs import RepairPlan, retry_message
from store.repairs.message_retries import message_to_retry
from store.repairs.run_repairs import (
    REASON_LIMIT,
    Repaired,
    RepairRefused,
    RepairRequest,
    RepairRow,
    repair_run,
)
from store.sql import Connection
from store.tables.repairs import RepairAction

router = APIRouter(
    prefix="/v1/runs/{run}",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

log = structlog.get_logger(__name__)

_WAKE_SECONDS = 1.5
"""How long a caller waits for the workflow to be woken."""
_ANSWERS = responses(404, 409, 422)
_ACTIONS: Final[Mapping[RepairAction, ActionName]] = {
    "retry": "run.retry",
    "skip": "run.skip",
    "goto": "run.goto",
    "exit": "run.exit",
    "cancel": "run.cancel",
}
_REASON = StringConstraints(min_length=1, max_length=REASON_LIMIT, pattern=r"\S")


class RepairOrder(StrictBody):
    """Why a run is repaired, and optionally at which visit."""

    reason: Annotated[str, _REASON]
    visit: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None
    """The visit at which the run was seen: refused as `gone_on` if it has left it. With it, a call
    may be repeated safely at any time."""


class RetryOrder(RepairOrder):
    """Why a send is tried at once, or sent again."""

    may_arrive_twice: bool = False
    """Send it again although the provider may have taken it (`unknown`)."""


class GotoOrder(RepairOrder):
    """Why a run is to go to a step, and to which."""

    step: Annotated[str, Field(min_length=1, max_length=64)]


@router.post("/retry", summary="Retry a send", responses=_ANSWERS)
async def post_retry(
    run: RunId, order: RetryOrder, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """Try a send that is being retried (`held: retry`) at once, or send a message again.

    Without `visit` it is the send at which the run stands, else the newest message of the run that
    has failed. A message whose step has ended is sent again by a `job`, under its id: consent,
    suppression and caps are asked again, the run's exits and state are not, and the run keeps its
    way.
    """
    return await retry(services, actor, run, order.visit, order)


@router.post("/skip", summary="Skip a step", responses=_ANSWERS)
async def post_skip(
    run: RunId, order: RepairOrder, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """End the wait or the deferred send at which the run stands, and go on with the next step."""
    return await _repair(services, actor, run, "skip", order)


@router.post("/goto", summary="Go to a step", responses=_ANSWERS)
async def post_goto(
    run: RunId, order: GotoOrder, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """End the wait or the deferred send at which the run stands, and go on with another step."""
    return await _repair(services, actor, run, "goto", order, order.step)


@router.post("/exit", summary="End a run", responses=_ANSWERS)
async def post_exit(
    run: RunId, order: RepairOrder, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """End a run as `removed`, by an operator; a send that is under way is still recorded."""
    return await _repair(services, actor, run, "exit", order)


@router.post("/cancel", summary="Cancel a run", responses=_ANSWERS)
async def post_cancel(
    run: RunId, order: RepairOrder, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """End a run as `removed`, `cancelled`, as the cancellation of its workflow does."""
    return await _repair(services, actor, run, "cancel", order)


async def retry(
    services: UsedServices, actor: Actor, run: str, visit: int | None, order: RetryOrder
) -> RepairBody:
    """Retry the send of a run at a visit, or at the one that is meant without. Raises Problem."""
    run_id = parse_run(run)
    plan = RepairPlan(
        "retry", order.reason.strip(), key_id=actor.key_id, unknown=order.may_arrive_twice
    )
    try:
        async with services.pool.connection() as conn:
            async with conn.transaction():
                place = await message_to_retry(conn, run_id, visit)
                if place is not None:
                    retried = await retry_message(conn, run_id, place, plan)
                    if retried.new:
                        await _record(conn, actor, retried.repair, retried.journey)
            if place is not None:
                await start_job(conn, services.temporal, retried.job_id)
                if not retried.new:
                    await hurry_message(services.temporal, retried.job_id, run_id, place)
                return repair_body(retried.repair, job=retried.job_id)
    except RepairRefused as refused:
        raise _problem(run, refused) from None
    return await _repair(services, actor, run, "retry", order.model_copy(update={"visit": visit}))


def _problem(run: str, refused: RepairRefused) -> Problem:
    if refused.code == "unknown_run":
        return unknown_run(run)
    return Problem(422 if refused.code == "unknown_step" else 409, refused.code, str(refused))


async def _repair(
    services: UsedServices,
    actor: Actor,
    run: str,
    action: RepairAction,
    order: RepairOrder,
    target: str | None = None,
) -> RepairBody:
    request = RepairRequest(
        action, order.reason.strip(), key_id=actor.key_id, target=target, visit=order.visit
    )
    try:
        async with services.pool.connection() as conn, conn.transaction():
            repaired = await repair_run(conn, services.catalog, parse_run(run), request)
            if repaired.new:
                await _record(conn, actor, repaired.repair, repaired.journey)
    except RepairRefused as refused:
        raise _problem(run, refused) from None
    except BrokenDocument as error:
        raise Problem(409, "broken", f"the run's version no longer validates: {error}") from None
    await _wake(services, repaired)
    return repair_body(repaired.repair)


async def _record(conn: Connection, actor: Actor, repair: RepairRow, journey: str) -> None:
    await record_audit(
        conn,
        actor,
        _ACTIONS[repair.action],
        f"run:{repair.run_id}",
        before={"step": repair.step, "visit": repair.visit},
        after=None if repair.target is None else {"step": repair.target},
        reason=repair.reason,
        journey=journey,
    )


async def _wake(services: UsedServices, repaired: Repaired) -> None:
    """Wake the workflow, which then looks where its run is. If that fails, a worker does it."""
    if not repaired.new:
        return
    services.notifier.wake()
    try:
        async with asyncio.timeout(_WAKE_SECONDS):
            await wake_migrated_run(services.temporal, repaired.journey, repaired.repair.run_id)
    except (RuntimeError, TimeoutError) as error:
        log.warning("repaired_run_not_woken", error=type(error).__name__)
