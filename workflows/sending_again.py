"""The workflow that sends a message again whose step has ended: attempts on its channel's queue."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.names import HURRY, SEND_AGAIN, SEND_MESSAGE_AGAIN
    from journeys.protocol.payloads import SendAgainInput, SendAgainResult

_ATTEMPT = timedelta(seconds=30)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))


@workflow.defn(name=SEND_AGAIN)
class SendAgain:
    """Sends the message of a visit again, for an operator."""

    def __init__(self) -> None:
        """Nothing is hurried yet."""
        self._hurried = False

    @workflow.signal(name=HURRY)
    def hurry(self) -> None:
        """Make the next attempt at once, if it waits for one."""
        self._hurried = True

    @workflow.run
    async def run(self, request: SendAgainInput) -> SendAgainResult:
        """Attempt it until it is sent, refused, unclear, or may not be sent."""
        while True:
            result: SendAgainResult = await workflow.execute_activity(
                SEND_MESSAGE_AGAIN,
                request,
                result_type=SendAgainResult,
                task_queue=request.queue,
                start_to_close_timeout=_ATTEMPT,
                retry_policy=_RETRY,
                priority=Priority(priority_key=request.priority, fairness_key=request.fairness),
                # A claimed send is never abandoned.
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=request.summary,
            )
            if result.due is None:
                return result
            code = f" ({result.code})" if result.code else ""
            workflow.set_current_details(
                f"Tried again at {result.due:%Y-%m-%d %H:%M:%S} UTC{code}."
            )
            await self._wait_until(result.due)
            due = None if self._hurried else result.due
            request = request.model_copy(update={"due": due})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)

    async def _wait_until(self, due: datetime) -> None:
        """Wait for the time, or until an operator hurries."""
        self._hurried = False
        remaining = max(due - workflow.now(), timedelta(0))
        timer = asyncio.create_task(workflow.sleep(remaining, summary="until the next attempt"))
        try:
            await workflow.wait_condition(lambda: self._hurried or timer.done())
        finally:
            if not timer.done():
                timer.cancel()
                with suppress(asyncio.CancelledError):
                    await timer
