"""The pages of an erasure: the rows that are left, the workflows in Temporal, and mentions.

Rows and files that mention the contact are searched for once its own rows are gone.
"""

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
    ErasureRow,
    add_to_erasure,
    erase_page,
    lock_erasure,
    read_erasure,
    workflows_removed,
)
from store.contacts.mentions import FILES, search_page, set_place
from store.imports.file_mentions import search_next_file
from store.operations.jobs import JobRow, end_job

log = structlog.get_logger(__name__)

_RETRY: Final = timedelta(seconds=5)
"""When what failed in Temporal is tried again."""
_IN_USE: Final = timedelta(seconds=20)
"""When a file is looked at again that an import or an export is working on."""
_AT_ONCE: Final = timedelta(0)
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
            rest = _AT_ONCE
            while rest == _AT_ONCE and time.monotonic() < until:
                activity.heartbeat()
                try:
                    following = await self._go_on(conn, job)
                    if following is None:
                        break
                    rest = following
                except TemporalAway as error:
                    log.warning(
                        "workflows_not_removed", job=str(job.id), error=type(error).__name__
                    )
                    rest = _RETRY
            return await end_page(conn, job, rest)

    async def _go_on(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta | None:
        """Take one step of the job; how long to rest after it, or None if the job is done.

        Raises TemporalAway.
        """
        erasure_id = UUID(job.plan["erasure"])
        erasure = await read_erasure(conn, erasure_id)
        if erasure is None or erasure.contact_id is None:
            await end_job(conn, job.id, "done")
            return None
        if erasure.workflows:
            # The rows that knew of them are gone, so these come first.
            await self._remove_workflows(conn, erasure_id, erasure.workflows)
            return _AT_ONCE
        async with conn.transaction():
            if erasure.searching is None and await erase_page(conn, erasure_id):
                return _AT_ONCE
            locked = await lock_erasure(conn, erasure_id)
            if locked is None or locked.contact_id is None or locked.workflows:
                return _AT_ONCE
            if locked.searching != FILES:
                words, place = locked.words or [], (locked.searching, locked.searched)
                table, removed = await search_page(conn, erasure_id, words, *place)
                await add_to_erasure(conn, erasure_id, {table: removed})
                return _AT_ONCE
            return await self._search_file(conn, job, locked)

    async def _search_file(
        self, conn: AsyncConnection[Any], job: JobRow, erasure: ErasureRow
    ) -> timedelta | None:
        after = UUID(erasure.searched) if erasure.searched else UUID(int=0)
        file = await search_next_file(conn, erasure.words or [], after)
        if file is None:
            await finish_erasure(conn, erasure.id)
            await end_job(conn, job.id, "done")
            return None
        if file.in_use:
            return _IN_USE
        await add_to_erasure(conn, erasure.id, {FILES: int(file.removed)})
        await set_place(conn, erasure.id, FILES, str(file.id))
        return _AT_ONCE

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
