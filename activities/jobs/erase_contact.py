"""The pages of an erasure: the rows that are left, the workflows in Temporal, and mentions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.temporal import TemporalAway, make_calls, remove_workflow
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.contacts.erasure import finish_erasure
from store.contacts.erasure_pages import (
    add_to_erasure,
    erase_page,
    lock_erasure,
    read_erasure,
    workflows_removed,
)
from store.contacts.mentions import search_page
from store.operations.jobs import JobRow, end_job

log = structlog.get_logger(__name__)

_RETRY: Final = timedelta(seconds=5)
"""When what failed in Temporal is tried again."""
_SECONDS: Final = 3.0
"""How long one page works."""


class EraseContactActivities:
    """The page activity of the job `erase`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    @activity.defn(name=JOBS["erase"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Remove the next rows and workflows. Doing so again finds none of them."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            until = time.monotonic() + _SECONDS
            rest = timedelta(0)
            while time.monotonic() < until:
                activity.heartbeat()
                try:
                    if await self._go_on(conn, job):
                        break
                except TemporalAway as error:
                    log.warning(
                        "workflows_not_removed", job=str(job.id), error=type(error).__name__
                    )
                    rest = _RETRY
                    break
            return await end_page(conn, job, rest)

    async def _go_on(self, conn: AsyncConnection[Any], job: JobRow) -> bool:
        """Take one step of the job; whether it is done. Raises TemporalAway."""
        erasure_id = UUID(job.plan["erasure"])
        erasure = await read_erasure(conn, erasure_id)
        if erasure is None or erasure.contact_id is None:
            await end_job(conn, job.id, "done")
            return True
        if erasure.workflows:
            # The rows that knew of them are gone, so these come first.
            await self._remove_workflows(conn, erasure_id, erasure.workflows)
            return False
        async with conn.transaction():
            if erasure.searching is None and await erase_page(conn, erasure_id):
                return False
            return await self._search(conn, job, erasure_id)

    async def _search(self, conn: AsyncConnection[Any], job: JobRow, erasure_id: UUID) -> bool:
        erasure = await lock_erasure(conn, erasure_id)
        if erasure is None or erasure.contact_id is None or erasure.workflows:
            return False
        table, removed, more = await search_page(
            conn, erasure_id, erasure.words or [], erasure.searching, erasure.searched
        )
        await add_to_erasure(conn, erasure_id, {table: removed})
        if more:
            return False
        await finish_erasure(conn, erasure_id)
        await end_job(conn, job.id, "done")
        return True

    async def _remove_workflows(
        self, conn: AsyncConnection[Any], erasure_id: UUID, workflows: Mapping[str, str]
    ) -> None:
        calls = {
            run_id: partial(remove_workflow, self._client, journey, UUID(run_id))
            for run_id, journey in workflows.items()
        }
        failed = await make_calls(self._client, calls)
        await workflows_removed(conn, erasure_id, workflows.keys() - failed.keys())
        if failed:
            raise TemporalAway("some workflows could not be removed")
