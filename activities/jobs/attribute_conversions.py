"""The pages of an attribution: events of its period, and what led to them."""

from __future__ import annotations

import time
from typing import Final

from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.operations.jobs import end_job
from store.reports.attribution_jobs import attribution_job_page

_TURN: Final = 5.0
"""Seconds after which an activity hands over to the next, and so shows its progress."""


class AttributionActivities:
    """The page activity of the job `attribution`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["attribution"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Go through the next pages of events, each in a transaction of its own."""
        async with self._context.pool.connection() as conn:
            begun = time.monotonic()
            while True:
                job = await begin_page(conn, request)
                if isinstance(job, JobPage):
                    return job
                async with conn.transaction():
                    if await attribution_job_page(conn, job):
                        await end_job(conn, job.id, "done")
                activity.heartbeat()
                if time.monotonic() - begun > _TURN:
                    return await end_page(conn, job)
