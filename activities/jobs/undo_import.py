"""The pages of undoing an import: contacts that it created go, values that it set are put back."""

from __future__ import annotations

import time
from typing import Any, Final

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.page_attempts import attempt_page
from activities.jobs.pages import begin_page, end_page
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.imports.segments import SegmentJudge
from store.imports.undo import undo_page
from store.operations.jobs import JobRow, end_job

_PAGE: Final = 1_000
_TURN: Final = 5.0
"""Seconds after which an activity hands over to the next, and so shows its progress."""


class UndoImportActivities:
    """The page activity of the job `undo`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["undo"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Undo the next pages, each in a transaction of its own."""
        async with self._context.pool.connection() as conn:
            begun = time.monotonic()
            while True:
                job = await begin_page(conn, request)
                if isinstance(job, JobPage):
                    return job
                await self._undo_page(conn, job)
                activity.heartbeat()
                if time.monotonic() - begun > _TURN:
                    return await end_page(conn, job)

    async def _undo_page(self, conn: AsyncConnection[Any], job: JobRow) -> None:
        async def work(judge: SegmentJudge) -> None:
            last, contacts = await undo_page(conn, job, _PAGE)
            await judge.judge(conn, contacts)
            if last:
                await end_job(conn, job.id, "done")

        await attempt_page(conn, self._context.catalog, work)
        self._context.nudge()
