"""Calls to Temporal: starting and waking Journey workflows, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from journeys.protocol.names import QUEUE, WAKE, WORKFLOW, workflow_id
from journeys.protocol.payloads import JourneyInput, Wake
from journeys.protocol.program import Program

JOURNEY_KEY = SearchAttributeKey.for_keyword("JourneyKey")
JOURNEY_VERSION = SearchAttributeKey.for_keyword("JourneyVersion")
CONTACT_ID = SearchAttributeKey.for_keyword("ContactId")

RPC_TIMEOUT = timedelta(seconds=10)
_AT_ONCE = 50

_AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.ABORTED,
}


def is_away(error: RPCError) -> bool:
    """Whether the same call may succeed later; otherwise Temporal refuses it for ever."""
    return error.status in _AWAY


class TemporalAway(Exception):
    """Temporal can't be reached now; nothing was recorded, so the same work can be done again."""


async def run_all(calls: Iterable[Awaitable[None]]) -> None:
    """Await all calls, some at a time; raises the first error once no call is under way."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def run_one(call: Awaitable[None]) -> None:
        async with limit:
            await call

    results = await asyncio.gather(*(run_one(call) for call in calls), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def start_journey(
    client: Client,
    *,
    run_id: UUID,
    journey: str,
    version: int,
    contact_id: UUID,
    program: Program,
) -> None:
    """Start a run's workflow; starting it again does nothing. Raises RPCError."""
    try:
        await client.start_workflow(
            WORKFLOW,
            JourneyInput(run_id=run_id, program=program),
            id=workflow_id(journey, run_id),
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(JOURNEY_KEY, journey),
                    SearchAttributePair(JOURNEY_VERSION, str(version)),
                    SearchAttributePair(CONTACT_ID, str(contact_id)),
                ]
            ),
            static_summary=f"{journey} v{version}",
            # A worker on the same client then gets the first task with the answer to the start.
            request_eager_start=True,
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


async def wake(client: Client, journey: str, run_id: UUID, visit: int) -> bool:
    """Wake a run; False if no workflow of it is running. Raises RPCError for other refusals."""
    handle: Any = client.get_workflow_handle(workflow_id(journey, run_id))
    try:
        await handle.signal(WAKE, Wake(visit=visit), rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
