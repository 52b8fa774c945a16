"""The pages of an export: contacts, and what belongs to them, written into a file of its job."""

from __future__ import annotations

import time
from typing import Final

from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.imports.exports import export_page
from store.imports.jobs import PageSuperseded
from store.operations.jobs import end_job

_TURN: Final = 5.0
"""Seconds after which an activity hands over to the next, and so shows its progress."""


class ExportContactsActivities:
    """The page activity of the job `export`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["export"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Write the next pages, each in a transaction of its own."""
        async with self._context.pool.connection() as conn:
            begun = time.monotonic()
            while True:
                job = await begin_page(conn, request)
                if isinstance(job, JobPage):
                    return job
                try:
                    async with conn.transaction():
                        if await export_page(conn, job):
                            await end_job(conn, job.id, "done")
                except PageSuperseded:
                    pass
                activity.heartbeat()
                if time.monotonic() - begun > _TURN:
                    return await end_page(conn, job)
