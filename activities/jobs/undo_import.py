"""The pages of undoing an import: contacts that it created go, values that it set are put back."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.events.recording import ConcurrentChange
from store.imports.jobs import PageSuperseded
from store.imports.undo import undo_page
from store.operations.jobs import JobRow, end_job
from store.sql import is_database_busy

_PAGE: Final = 1_000
_TURN: Final = 5.0
"""Seconds after which an activity hands over to the next, and so shows its progress."""
_ATTEMPTS: Final = 10
_RETRY: Final = 0.05


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
        for attempt in range(_ATTEMPTS):
            try:
                async with conn.transaction():
                    last, _ = await undo_page(conn, job, _PAGE)
                    if last:
                        await end_job(conn, job.id, "done")
                return
            except PageSuperseded:
                return
            except ConcurrentChange:
                if attempt == _ATTEMPTS - 1:
                    raise
            except Exception as error:
                if attempt == _ATTEMPTS - 1 or not is_database_busy(error):
                    raise
            await asyncio.sleep(_RETRY * (attempt + 1))
