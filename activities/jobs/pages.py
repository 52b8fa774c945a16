"""What the pages of all jobs share: reading the job at their start, its progress at their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from journeys.protocol.jobs import STOP_ACTIVITY
from journeys.protocol.payloads import JobInput, JobPage
from store.imports.files import delete_chunks
from store.operations.audit import ENGINE
from store.operations.jobs import CLOSED, JobRow, read_job, stop_job

_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=1), timedelta(seconds=30)
"""Between two looks of a job that is paused."""


class StopJobActivities:
    """The activity that ends a job whose workflow was cancelled in Temporal."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name=STOP_ACTIVITY)
    async def stop(self, request: JobInput) -> JobPage:
        """Record that the job was stopped."""
        async with self._context.pool.connection() as conn:
            job = await stop_job(conn, request.job_id, ENGINE, reason=CLOSED)
            await delete_chunks(conn, request.job_id)
        return progress_of(job) if job else JobPage(state="stopped")


async def begin_page(conn: AsyncConnection[Any], request: JobInput) -> JobRow | JobPage:
    """The job to work on, or the page to answer with if the job is not running, or is paused."""
    job = await read_job(conn, request.job_id)
    if job is None:
        return JobPage(state="stopped")
    if job.state != "running":
        return progress_of(job)
    paused = job.paused_for
    if paused is None:
        return job
    # The longer the pause, the fewer looks, so that its workflow's history stays short.
    return progress_of(job, rest=min(max(paused / 10, _SHORTEST_REST), _LONGEST_REST))


async def end_page(
    conn: AsyncConnection[Any], job: JobRow, rest: timedelta = timedelta(0)
) -> JobPage:
    """The answer after a page: the job's progress, and how long to rest before the next page."""
    return progress_of(await read_job(conn, job.id) or job, rest=rest)


def progress_of(job: JobRow, *, rest: timedelta | None = None) -> JobPage:
    """The state and progress of a job, for its workflow."""
    return JobPage(
        state=job.state,
        rest=rest.total_seconds() if rest else 0.0,
        total=job.total,
        done=job.done,
        moved=job.moved,
        kept=job.kept,
        failed=job.failed,
    )
