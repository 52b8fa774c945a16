"""The workflow that sends a message again whose step has ended: attempts on its channel's queue."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.names import SEND_AGAIN, SEND_MESSAGE_AGAIN
    from journeys.protocol.payloads import SendAgainInput, SendAgainResult

_ATTEMPT = timedelta(seconds=30)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))


@workflow.defn(name=SEND_AGAIN)
class SendAgain:
    """Sends the message of a visit again, for an operator."""

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
            remaining = max(result.due - workflow.now(), timedelta(0))
            await workflow.sleep(remaining, summary="until the next attempt")
            request = request.model_copy(update={"due": result.due})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
