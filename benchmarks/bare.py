"""The bare workflow: the activities and the timer of sample journey S, and nothing else.

It has two activities, a timer and a local activity. Sends run eagerly on the workflow's own queue.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.bare_activities import BareInput, BareResult

QUEUE = "bare"


@workflow.defn(name="Bare")
class Bare:
    """E-mail, wait, branch, SMS."""

    @workflow.run
    async def run(self, request: BareInput) -> BareResult:
        """Run the four steps."""
        timeout = timedelta(seconds=30)
        await workflow.execute_activity(
            "bare_send", request, result_type=BareResult, start_to_close_timeout=timeout
        )
        await workflow.sleep(request.pause)
        await workflow.execute_local_activity(
            "bare_branch", request, result_type=BareResult, start_to_close_timeout=timeout
        )
        done: BareResult = await workflow.execute_activity(
            "bare_send", request, result_type=BareResult, start_to_close_timeout=timeout
        )
        return done
