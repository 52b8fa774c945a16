"""The pages of the jobs that judge all contacts by segments.

`segment` fills one that is new or has changed. `check` compares the members of all with their
conditions each night, and counts what it had to correct: that is nothing, unless there is a fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import raise_outage, record_faults
from dispatch.page_size import PageSize
from dispatch.segments import faults_of
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.operations.contact_progress import (
    contacts_after,
    count_contacts_of_job,
    read_counts,
    record_contacts,
)
from store.operations.jobs import JobRow, end_job, read_job
from store.segments.generations import mark_ready, read_segment_state, record_checked
from store.segments.judging import begin_judging, judge_contacts
from store.segments.judging_pass import Judged
from store.sql import is_database_busy

log = structlog.get_logger(__name__)

_SECONDS: Final = 3.0
"""The time that a page takes; it then ends with the contacts that it is at."""
_CONTACTS: Final = 200
"""Contacts of one transaction, at most. They are locked meanwhile, and their events wait."""
_FIRST_CONTACTS: Final = 25
"""Contacts of the first transaction, whose time is not known yet."""
_SIZES: Final = (_CONTACTS, 20, 1)
"""Of the contacts that are tried if more of them failed together: one that takes long is judged in
a transaction of its own."""


class _AlreadyDone(Exception):
    """Another attempt of the page has worked through these contacts, or the job has ended."""


class _JudgingActivities:
    """What both jobs share."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    async def _work(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        only: Collection[str] | None,
        page: PageSize,
    ) -> bool:
        """Judge the next contacts; False if there are none, or none for this attempt."""
        contacts = await contacts_after(conn, job.after, page.now)
        if not contacts:
            return False
        for size in _SIZES:
            some = contacts[:size]
            begun = monotonic()
            try:
                await self._judge(conn, job, some, only, alone=size == 1)
            except _AlreadyDone:
                return False
            except Exception as error:
                if size == 1:
                    raise
                if not is_database_busy(error):
                    raise_outage(error)
                log.warning("contacts_judged_in_parts", job=str(job.id), contacts=len(some))
                page.failed()
            else:
                page.took(len(some), monotonic() - begun)
                break
        return True

    async def _judge(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        contacts: Sequence[UUID],
        only: Collection[str] | None,
        *,
        alone: bool,
    ) -> None:
        async with conn.transaction():
            await begin_judging(conn)
            if not await self._goes_on(conn, job):
                await end_job(conn, job.id, "superseded")
                return
            judged = await judge_contacts(
                conn, self._context.catalog, contacts, by="fill", only=only, alone=alone
            )
            recorded = await record_contacts(
                conn,
                job,
                after=contacts[-1],
                done=len(contacts),
                changed=sum(judged.corrections.values()),
                failed=len(judged.failures),
                result=await self._result(conn, job, judged),
            )
            if not recorded:
                raise _AlreadyDone
        await record_faults(conn, faults_of(judged.failures))
        self._context.nudge()

    async def _goes_on(self, conn: AsyncConnection[Any], job: JobRow) -> bool:
        return True

    async def _result(
        self, conn: AsyncConnection[Any], job: JobRow, judged: Judged
    ) -> dict[str, int] | None:
        return None

    async def _pages(
        self, conn: AsyncConnection[Any], job: JobRow, only: Collection[str] | None
    ) -> tuple[JobRow, bool]:
        """Work for the time of a page; the job, and whether all contacts were judged."""
        begun = monotonic()
        page = PageSize(_CONTACTS, first=_FIRST_CONTACTS)
        if job.after is None:
            await count_contacts_of_job(conn, job.id)
        while job.state == "running" and job.paused_at is None and monotonic() - begun < _SECONDS:
            if not await self._work(conn, job, only, page):
                current = await read_job(conn, job.id) or job
                return current, current.state == "running" and current.after == job.after
            activity.heartbeat()
            job = await read_job(conn, job.id) or job
        return job, False


class FillSegmentActivities(_JudgingActivities):
    """The page activity of the job `segment`."""

    @activity.defn(name=JOBS["segment"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Judge the next contacts. The job ends when the segment gets another generation."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            if not await self._goes_on(conn, job):
                await end_job(conn, job.id, "superseded")
                return await end_page(conn, job)
            job, finished = await self._pages(conn, job, {job.subject})
            if finished:
                async with conn.transaction():
                    # The job first, as what begins the next generation does.
                    await end_job(conn, job.id, "done")
                    await mark_ready(conn, job.subject, int(job.plan["generation"]))
            return await end_page(conn, job)

    async def _goes_on(self, conn: AsyncConnection[Any], job: JobRow) -> bool:
        segment = await read_segment_state(conn, job.subject)
        return segment is not None and segment.generation == job.plan["generation"]


class CheckSegmentsActivities(_JudgingActivities):
    """The page activity of the job `check`."""

    @activity.defn(name=JOBS["check"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Compare the next contacts."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            job, finished = await self._pages(conn, job, None)
            if finished:
                corrected = await read_counts(conn, job.id)
                if corrected:
                    log.error("segments_corrected", **corrected)
                async with conn.transaction():
                    await record_checked(conn, corrected, job.started_at)
                    await end_job(conn, job.id, "done")
            return await end_page(conn, job)

    async def _result(
        self, conn: AsyncConnection[Any], job: JobRow, judged: Judged
    ) -> dict[str, int] | None:
        found = {key: count for key, count in judged.corrections.items() if count}
        if not found:
            return None
        return dict(Counter(await read_counts(conn, job.id)) + Counter(found))
