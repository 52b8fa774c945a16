"""The end of a run."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.leaving.exits import ended_result, exit_taken_before, fired_exit, take_exit
from activities.locked_run import lock
from activities.versions.take_version import stale_version
from journeys.protocol.payloads import FinishInput, JourneyResult, StepResult
from store.operations.audit import OUTSIDE, record_audit
from store.runs.lifecycle import end_run
from store.runs.rows import RunRow


class FinishActivities:
    """The activity that ends runs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="finish")
    async def finish(self, request: FinishInput) -> StepResult:
        """End the run, unless an exit that was not seen yet comes first. Idempotent."""
        async with self._context.pool.connection() as conn, conn.transaction():
            run = await lock(conn, request.run_id)
            if (
                run.active
                and request.outcome != "removed"
                and (moved := stale_version(run, request))
            ):
                return moved
            if run.active and request.outcome == "removed":
                # Its workflow was cancelled: all else that removes a run ends its row first.
                await record_audit(
                    conn,
                    OUTSIDE,
                    "run.end",
                    f"run:{run.id}",
                    after={"outcome": request.outcome, "reason": request.reason},
                    journey=run.journey,
                )
            return await finish_run(
                conn, self._context, run, request.visit, request.outcome, request.reason
            )


async def finish_run(
    conn: AsyncConnection[Any],
    context: Context,
    run: RunRow,
    visit: int,
    outcome: str,
    reason: str | None,
) -> StepResult:
    """End a run that the caller has locked. After an exit's `then` the outcome is the exit's."""
    if not run.active:
        return ended_result(run)
    if outcome == "completed":
        if run.exit_rule is not None:
            if (taken := exit_taken_before(run, visit)) is not None:
                return taken
            outcome, reason = "exited", run.reason
        else:
            definition = await context.catalog.definition(conn, run.journey, run.version)
            fired = await fired_exit(conn, run, definition)
            if fired is not None:
                return await take_exit(conn, run, definition, visit, fired)
    if outcome == "exited" and reason is None:
        reason = run.reason
    await end_run(conn, run.id, outcome, reason)
    return StepResult(ended=JourneyResult(outcome=outcome, reason=reason))
