"""The bare workflows: the activities and the timer of sample journey S, or a timer, alone.

Sends run eagerly on the workflow's own queue.
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
        due = workflow.time() + request.pause
        await workflow.sleep(request.pause)
        branched: BareResult = await workflow.execute_local_activity(
            "bare_branch",
            BareInput(run_id=request.run_id, due=due),
            result_type=BareResult,
            start_to_close_timeout=timeout,
        )
        done: BareResult = await workflow.execute_activity(
            "bare_send", request, result_type=BareResult, start_to_close_timeout=timeout
        )
        return BareResult(outcome=done.outcome, late=branched.late)


@workflow.defn(name="BareTimer")
class BareTimer:
    """A timer."""

    @workflow.run
    async def run(self, request: BareInput) -> None:
        """Sleep until the timer ends."""
        await workflow.sleep(request.pause)
