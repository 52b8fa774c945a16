"""The workflow of a test message: one attempt at it, on the queue of its channel."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.names import SEND_TEST, TEST_MESSAGE
    from journeys.protocol.payloads import TestMessageInput, TestMessageResult
    from journeys.protocol.program import FIRST_PRIORITY

_ATTEMPT = timedelta(seconds=30)
_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=10,
)


@workflow.defn(name=TEST_MESSAGE)
class TestMessage:
    """Sends a template to an address that somebody gave."""

    __test__ = False

    @workflow.run
    async def run(self, request: TestMessageInput) -> TestMessageResult:
        """Send it, at most once; a second attempt finds what the first has left."""
        result: TestMessageResult = await workflow.execute_activity(
            SEND_TEST,
            request,
            result_type=TestMessageResult,
            task_queue=request.queue,
            start_to_close_timeout=_ATTEMPT,
            retry_policy=_RETRY,
            priority=Priority(priority_key=FIRST_PRIORITY),
            summary="send a test message",
        )
        return result
