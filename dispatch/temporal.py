"""Calls to Temporal: starting and waking Journey workflows, some at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
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

from dispatch.run_words import run_details, run_page, run_summary
from journeys.protocol.names import QUEUE, WAKE, WORKFLOW, workflow_id
from journeys.protocol.payloads import JourneyInput, Wake
from journeys.protocol.program import Program
from store.traces import continued

JOURNEY_KEY = SearchAttributeKey.for_keyword("JourneyKey")
JOURNEY_VERSION = SearchAttributeKey.for_keyword("JourneyVersion")
CONTACT_ID = SearchAttributeKey.for_keyword("ContactId")

K = TypeVar("K", bound=Hashable)

RPC_TIMEOUT = timedelta(seconds=10)
_AT_ONCE = 50

_HEALTH_TIMEOUT = timedelta(seconds=2)
_PATIENCE, _LONGEST = 4.0, 10.0
"""Seconds that a round waits for its last calls. The client tries some errors again by itself."""

_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        # What is wrong with our key or namespace is wrong for every run.
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.NOT_FOUND,
    }
)
_UNANSWERED = frozenset(
    {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
)
_NOT_OURS = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED})
"""What a server says that never removes histories, or not for our key."""
_CUT = "transport error"
"""How the client says, as UNKNOWN, that a connection was lost and could not be made again."""
_REFUSED = frozenset(
    {
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.OUT_OF_RANGE,
        RPCStatusCode.UNIMPLEMENTED,
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class TemporalAway(Exception):
    """Temporal can't be reached now; what was not recorded can be done again."""


class TemporalBusy(TemporalAway):
    """Temporal takes fewer calls than were made: make fewer, and later."""


def is_away(error: BaseException) -> bool:
    """Whether the error is one of the connection: no call would succeed now.

    INTERNAL and UNKNOWN are faults of one run, but for the UNKNOWN of a connection that was cut.
    RuntimeError is what a client raises that has never been connected.
    """
    if isinstance(error, RPCError):
        return error.status in _AWAY or _is_cut(error)
    return isinstance(error, RuntimeError | TimeoutError)


def is_busy(error: BaseException) -> bool:
    """Whether Temporal asks for fewer calls."""
    return isinstance(error, RPCError) and error.status is RPCStatusCode.RESOURCE_EXHAUSTED


def is_refused(error: BaseException) -> bool:
    """Whether Temporal would refuse the same call each time."""
    return isinstance(error, RPCError) and error.status in _REFUSED


def code_of(error: BaseException) -> str:
    """The code under which a failed call is counted."""
    if isinstance(error, RPCError):
        return f"temporal_{error.status.name.lower()}"
    return "temporal_timeout" if isinstance(error, TimeoutError) else "internal"


async def make_calls(
    client: Client, calls: Mapping[K, Callable[[], Awaitable[object]]]
) -> dict[K, Exception]:
    """Make all calls, some at a time, and return the errors of those that failed.

    Raises TemporalAway if none got an answer and the server does not answer either. Otherwise a
    call without an answer has a fault of its own.
    """
    turn = asyncio.Semaphore(_AT_ONCE)
    failed: dict[K, Exception] = {}

    async def make(key: K, call: Callable[[], Awaitable[object]]) -> None:
        async with turn:
            try:
                await call()
            except Exception as error:
                failed[key] = error

    tasks = {asyncio.create_task(make(key, call)): key for key, call in calls.items()}
    try:
        late = await _wait_for_most(tasks)
        failed |= {tasks[task]: TimeoutError("no answer in time") for task in late}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failed and len(failed) == len(calls) and all(map(is_away, failed.values())):
        error = next(iter(failed.values()))
        if not _is_unanswered(error) or not await answers(client):
            raise TemporalAway(str(error) or type(error).__name__) from None
    return failed


async def answers(client: Client) -> bool:
    """Whether the server answers at all."""
    try:
        return await client.service_client.check_health(timeout=_HEALTH_TIMEOUT)
    except (RPCError, RuntimeError):
        return False


async def _wait_for_most(tasks: Collection[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait for the tasks; those that take far longer than half of the others are returned."""
    began = time.monotonic()
    half_after: float | None = 0.0 if len(tasks) == 1 else None
    left: set[asyncio.Task[None]] = set(tasks)
    while left:
        patience = _LONGEST if half_after is None else max(_PATIENCE, 4 * half_after)
        rest = began + min(patience, _LONGEST) - time.monotonic()
        if rest <= 0:
            return left
        _, left = await asyncio.wait(left, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        if half_after is None and len(left) * 2 <= len(tasks):
            half_after = time.monotonic() - began
    return left


def _is_unanswered(error: BaseException) -> bool:
    return not isinstance(error, RPCError) or error.status in _UNANSWERED or _is_cut(error)


def _is_cut(error: RPCError) -> bool:
    return error.status is RPCStatusCode.UNKNOWN and error.message.startswith(_CUT)


async def start_journey(
    client: Client,
    *,
    run_id: UUID,
    journey: str,
    version: int,
    contact_id: UUID,
    program: Program,
    name: str | None = None,
    public_url: str | None = None,
    trace: str | None = None,
) -> None:
    """Start a run's workflow; starting it again does nothing. Raises RPCError.

    `name`: the journey's, as its document says it. `public_url`: where operators find the run.
    `trace`: a `traceparent` that goes on with the run.
    """
    with continued(trace, "dispatch start"):
        await _start(client, run_id, journey, version, contact_id, program, name, public_url)


async def _start(
    client: Client,
    run_id: UUID,
    journey: str,
    version: int,
    contact_id: UUID,
    program: Program,
    name: str | None,
    public_url: str | None,
) -> None:
    try:
        await client.start_workflow(
            WORKFLOW,
            JourneyInput(run_id=run_id, program=program, page=run_page(run_id, public_url)),
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
            static_summary=run_summary(journey, version, name, program),
            static_details=run_details(run_id, contact_id, public_url),
            # A worker on the same client then gets the first task with the answer to the start.
            request_eager_start=True,
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


async def wake(
    client: Client, journey: str, run_id: UUID, visit: int, *, trace: str | None = None
) -> bool:
    """Wake a run; False if no workflow of it is running. Raises RPCError for other refusals."""
    handle: Any = client.get_workflow_handle(workflow_id(journey, run_id))
    try:
        with continued(trace, "dispatch wake"):
            await handle.signal(WAKE, Wake(visit=visit), rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def remove_workflow(client: Client, journey: str, run_id: UUID) -> None:
    """End a run's workflow and remove its histories from Temporal. Raises RPCError.

    A workflow that is not there any more is removed already. Where histories cannot be removed, it
    is only terminated: they name no person, and go when Temporal's own retention is over.
    """
    id_ = workflow_id(journey, run_id)
    listed = client.list_workflows(f"WorkflowId = '{id_}'", rpc_timeout=RPC_TIMEOUT)
    earlier = [WorkflowExecution(workflow_id=id_, run_id=each.run_id) async for each in listed]
    # The latest execution first: the removal of one that is running ends it, too.
    for execution in (WorkflowExecution(workflow_id=id_), *earlier):
        request = DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=execution
        )
        try:
            await client.workflow_service.delete_workflow_execution(request, timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status in _NOT_OURS:
                await _terminate(client, id_)
                return
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


async def _terminate(client: Client, id_: str) -> None:
    try:
        handle = client.get_workflow_handle(id_)
        await handle.terminate("contact erased", rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
