"""Where a simulation takes part in the engine's work: before and after each activity, and where
workflows are started."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from uuid import UUID

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
from dispatch.temporal import CONTACT_ID
from journeys.protocol.payloads import FinishInput, JourneyInput, StepInput
from simulation.clock import Clock

SENDING: ContextVar[tuple[UUID, str]] = ContextVar("SENDING")
"""The run and the step whose message is being sent."""


class Dispatching:
    """The dispatcher, run to empty by one caller at a time."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._turn = asyncio.Lock()

    async def drain(self) -> bool:
        """Dispatch all there is; whether there was anything."""
        async with self._turn:
            found = False
            while await self._dispatcher.round():
                found = True
            return found


class OnTime(Interceptor):
    """Activities see the simulation's time, and what they record is dispatched before it moves."""

    def __init__(self, clock: Clock, dispatching: Dispatching, starts: Starts) -> None:
        self._clock = clock
        self._dispatching = dispatching
        self._starts = starts

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the worker's word
    ) -> ActivityInboundInterceptor:
        """Called by the worker for its chain of interceptors."""
        return _Timing(next, self._clock, self._dispatching, self._starts)


class _Timing(ActivityInboundInterceptor):
    def __init__(
        self,
        following: ActivityInboundInterceptor,
        clock: Clock,
        dispatching: Dispatching,
        starts: Starts,
    ) -> None:
        super().__init__(following)
        self._clock = clock
        self._dispatching = dispatching
        self._starts = starts

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: A002 - the worker's word
    ) -> Any:
        workflow = activity.info().workflow_id or ""
        # A timer that fires early has stirred it without a word.
        self._starts.stirred.add(workflow)
        self._starts.working[workflow] += 1
        try:
            return await self._on_time(input)
        finally:
            self._starts.working[workflow] -= 1

    async def _on_time(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the worker's word
        given = input.args[0]
        if isinstance(given, StepInput):
            SENDING.set((given.run_id, given.step))
            if given.due is not None and not await self._clock.reaches(given.run_id, given.due):
                given = given.model_copy(update={"due": None})
        if isinstance(given, StepInput | FinishInput):
            input.args = [given.model_copy(update={"now": self._clock.now})]
        result = await super().execute_activity(input)
        await self._dispatching.drain()
        return result


class Starts(ClientInterceptor):
    """Gives each workflow its distance from the server's clock, and remembers it.

    What has come to rest is at work again only if it is started, woken, or due: so what need not be
    looked at is known, however many runs there are.
    """

    def __init__(self) -> None:
        self.offset = timedelta()
        self.open: dict[str, WorkflowHandle[Any, Any]] = {}
        """Workflows that were started and have not been seen to close, by id."""
        self.stirred: set[str] = set()
        """Those that were started or woken, and have not been seen at rest since."""
        self.working: Counter[str] = Counter()
        """Of how many activities of a workflow this process is in the middle."""
        self.contacts: dict[UUID, UUID] = {}
        """Whose run it is, by its id."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Called by the client for its chain of interceptors."""
        return _Starting(next, self)


class _Starting(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, starts: Starts) -> None:
        super().__init__(following)
        self._starts = starts

    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002 - the client's word
    ) -> WorkflowHandle[Any, Any]:
        [given] = input.args
        if isinstance(given, JourneyInput):
            offset = self._starts.offset.total_seconds()
            input.args = [given.model_copy(update={"offset": offset})]
            if isinstance(input.search_attributes, TypedSearchAttributes):
                contact = input.search_attributes[CONTACT_ID]
                self._starts.contacts[given.run_id] = UUID(contact)
        handle = await super().start_workflow(input)
        self._starts.open[handle.id] = handle
        self._starts.stirred.add(handle.id)
        return handle

    async def signal_workflow(
        self,
        input: SignalWorkflowInput,  # noqa: A002 - the client's word
    ) -> None:
        await super().signal_workflow(input)
        # Only now is the signal in its history.
        self._starts.stirred.add(input.id)
