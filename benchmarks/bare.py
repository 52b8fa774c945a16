"""The bare workflow: the same two activities, timer and local activity as sample journey S, and
nothing else. Sends run eagerly on the workflow's own queue."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.bare_activities import Done, Given

QUEUE = "bare"


@workflow.defn(name="Bare")
class Bare:
    """Email, wait, branch, SMS."""

    @workflow.run
    async def run(self, given: Given) -> Done:
        """Do it."""
        timeout = timedelta(seconds=30)
        await workflow.execute_activity(
            "bare_send", given, result_type=Done, start_to_close_timeout=timeout
        )
        await workflow.sleep(given.pause)
        await workflow.execute_local_activity(
            "bare_branch", given, result_type=Done, start_to_close_timeout=timeout
        )
        done: Done = await workflow.execute_activity(
            "bare_send", given, result_type=Done, start_to_close_timeout=timeout
        )
        return done
