"""Interceptors of a simulation: around each activity, and where workflows are started or woken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.client import (
    Interceptor as ClientInterceptor,
)
from temporalio.client import (
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.common import TypedSearchAttributes
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from dispatch.dispatcher import Dispatcher
from dispatch.due_times import DueTimes
from dispatch.temporal import CONTACT_ID
from journeys.protocol.payloads import FinishInput, JourneyInput, StepInput
from simulation.clock import Clock
from store.simulation.due_times import is_work_due

SENDING: ContextVar[tuple[UUID, str]] = ContextVar("SENDING")
"""The run and the step of the message that is being sent."""


class SerialDispatcher:
    """The dispatcher and what is due by time, used by one caller at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        clock: Clock,
        dispatcher: Dispatcher,
        due_times: DueTimes,
        others: Sequence[Callable[[], Awaitable[int]]],
    ) -> None:
        """`others`: each does what is due of another kind, and says how much there was."""
        self._pool = pool
        self._clock = clock
        self._dispatcher = dispatcher
        self._due_times = due_times
        self._others = tuple(others)
        self._turn = asyncio.Lock()
        self._drained_at: datetime | None = None
        """The latest time at which nothing was left."""

    async def drain(self) -> bool:
        """Dispatch, and look at conditions, until nothing is left; whether there was anything."""
        async with self._turn:
            found = False
            while await self._may_be_due():
                now = self._clock.now
                if not await self._step():
                    self._drained_at = now
                    break
                found = True
            return found

    async def _may_be_due(self) -> bool:
        """Whether it is worth a look: after most activities one statement says that it is not."""
        if self._clock.now != self._drained_at:
            return True
        async with self._pool.connection() as conn:
            return await is_work_due(conn)

    async def _step(self) -> bool:
        if await self._dispatcher.round() or await self._due_times.page():
            return True
        for other in self._others:
            if await other():
                return True
        return False


class SimulatedTimeInterceptor(Interceptor):
    """Gives activities the simulation's time, and dispatches what they record at that time."""

    def __init__(
        self, clock: Clock, dispatcher: SerialDispatcher, tracker: WorkflowTracker
    ) -> None:
        self._clock = clock
        self._dispatcher = dispatcher
        self._tracker = tracker

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the worker's word
    ) -> ActivityInboundInterceptor:
        """Called by the worker for its chain of interceptors."""
        return _SimulatedTimeActivities(next, self._clock, self._dispatcher, self._tracker)


class _SimulatedTimeActivities(ActivityInboundInterceptor):
    def __init__(
        self,
        following: ActivityInboundInterceptor,
        clock: Clock,
        dispatcher: SerialDispatcher,
        tracker: WorkflowTracker,
    ) -> None:
        super().__init__(following)
        self._clock = clock
        self._dispatcher = dispatcher
        self._tracker = tracker

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: A002 - the worker's word
    ) -> Any:
        workflow = activity.info().workflow_id or ""
        # A timer that fires early wakes the run without a start or a signal.
        self._tracker.unsettled.add(workflow)
        self._tracker.running_activities[workflow] += 1
        try:
            return await self._execute(input)
        finally:
            self._tracker.running_activities[workflow] -= 1

    async def _execute(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the worker's word
        request = input.args[0]
        if isinstance(request, StepInput):
            SENDING.set((request.run_id, request.step))
            due = request.due
            if due is not None and not await self._clock.wait_until_due(request.run_id, due):
                request = request.model_copy(update={"due": None})
        if isinstance(request, StepInput | FinishInput):
            input.args = [request.model_copy(update={"now": self._clock.now})]
        result = await super().execute_activity(input)
        await self._dispatcher.drain()
        return result


class WorkflowTracker(ClientInterceptor):
    """Gives each workflow its offset from the server's clock, and keeps which may be at work.

    An idle workflow works again only if it is signalled or its timer fires. So only the unsettled
    ones have to be checked, however many runs there are.
    """

    def __init__(self) -> None:
        self.offset = timedelta()
        self.open: dict[str, WorkflowHandle[Any, Any]] = {}
        """Workflows that were started and have not been seen to close, by id."""
        self.unsettled: set[str] = set()
        """Ids of workflows that were started or woken, and have not been seen idle since."""
        self.running_activities: Counter[str] = Counter()
        """How many activities of a workflow this process is executing."""
        self.contact_by_run: dict[UUID, UUID] = {}
        """The contact of each run."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Called by the client for its chain of interceptors."""
        return _TrackedCalls(next, self)


class _TrackedCalls(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, tracker: WorkflowTracker) -> None:
        super().__init__(following)
        self._tracker = tracker

    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002 - the client's word
    ) -> WorkflowHandle[Any, Any]:
        [request] = input.args
        if isinstance(request, JourneyInput):
            offset = self._tracker.offset.total_seconds()
            input.args = [request.model_copy(update={"offset": offset})]
            if isinstance(input.search_attributes, TypedSearchAttributes):
                contact = input.search_attributes[CONTACT_ID]
                self._tracker.contact_by_run[request.run_id] = UUID(contact)
        handle = await super().start_workflow(input)
        self._tracker.open[handle.id] = handle
        self._tracker.unsettled.add(handle.id)
        return handle

    async def signal_workflow(
        self,
        input: SignalWorkflowInput,  # noqa: A002 - the client's word
    ) -> None:
        await super().signal_workflow(input)
        # Only after the call the history contains the signal.
        self._tracker.unsettled.add(input.id)
