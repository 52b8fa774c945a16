"""What the pages of all jobs share: the job at their start, its progress at their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import activity

from journeys.protocol.jobs import STOP_ACTIVITY
from journeys.protocol.payloads import JobInput, JobPage
from store.operations.jobs import JobRow, end_job, read_job


class StopJobActivities:
    """What a job that is cancelled in Temporal leaves to be done."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    @activity.defn(name=STOP_ACTIVITY)
    async def stop(self, given: JobInput) -> JobPage:
        """Note that the job was stopped."""
        async with self._pool.connection() as conn:
            await end_job(conn, given.job_id, "stopped")
            job = await read_job(conn, given.job_id)
        return page_of(job) if job else JobPage(state="stopped")


async def begin_page(conn: AsyncConnection[Any], given: JobInput) -> JobRow | JobPage:
    """The job, to do a page of; what its workflow is told where there is nothing left to do."""
    job = await read_job(conn, given.job_id)
    if job is None:
        return JobPage(state="stopped")
    return job if job.state == "running" else page_of(job)


async def end_page(conn: AsyncConnection[Any], job: JobRow, rest: timedelta) -> JobPage:
    """What the workflow is told after a page: how the job stands now, and to rest before more."""
    return page_of(await read_job(conn, job.id) or job, rest=rest)


def page_of(job: JobRow, *, rest: timedelta | None = None) -> JobPage:
    """What a job's workflow is told of it."""
    return JobPage(
        state=job.state,
        rest=rest.total_seconds() if rest else 0.0,
        total=job.total,
        done=job.done,
        moved=job.moved,
        kept=job.kept,
    )
