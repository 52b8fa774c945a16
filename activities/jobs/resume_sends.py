"""Waking the sends that a pause held, once it is over: at a set rate, each when its turn comes.

What becomes of a send that was held, its claim decides by the policy that the journey keeps. So
whoever else wakes it, too early or twice, changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.client import Client

from activities.jobs.pages import begin_page, end_page
from dispatch.temporal import wake
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.overdue import Overdue
from store.definitions.journeys import read_resumption
from store.messages.paused_sends import paused_sends, schedule_paused_sends, scheduled_paused_sends
from store.operations.jobs import JobRow, end_job
from store.operations.resume_progress import (
    record_all_scheduled,
    record_resume_progress,
    record_woken_until,
)

_RATE = 200
"""Sends woken a second, at most."""
_PAGE = 200
_SPREAD_PAGE = 1_000
_AT_ONCE = 20
_LOOK = timedelta(seconds=60)
"""A spread is looked at so often, at least."""
_EPOCH = datetime.fromtimestamp(0, UTC)


class ResumeSendsActivities:
    """The activities of the job `Resume`."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], client: Client) -> None:
        self._pool = pool
        self._client = client

    @activity.defn(name=JOBS["resume"].page_activity)
    async def page(self, given: JobInput) -> JobPage:
        """Wake the next sends. A pause that comes meanwhile ends the job: they are held again."""
        async with self._pool.connection() as conn:
            job = await begin_page(conn, given)
            if isinstance(job, JobPage):
                return job
            overdue = Overdue.from_json(job.plan.get("overdue"))
            if overdue.policy != "spread":
                rest = await self._wake_next(conn, job)
            elif not job.spreading:
                rest = await self._spread_next(conn, job, overdue)
            else:
                rest = await self._wake_due(conn, job)
            return await end_page(conn, job, rest)

    async def _wake_next(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta:
        begun = time.monotonic()
        held = await paused_sends(conn, job.journey, job.after, _PAGE)
        await self._wake(job.journey, ((each.run_id, each.visit) for each in held))
        if held:
            await record_resume_progress(conn, job, after=held[-1].run_id, done=len(held))
        if len(held) < _PAGE:
            await end_job(conn, job.id, "done")
        return _rest(len(held), begun)

    async def _spread_next(
        self, conn: AsyncConnection[Any], job: JobRow, overdue: Overdue
    ) -> timedelta:
        since = await read_resumption(conn, job.journey)
        held = await paused_sends(conn, job.journey, job.after, _SPREAD_PAGE)
        if since is not None:
            turns = [(each, overdue.turn(each.contact_id, job.journey, since)) for each in held]
            await schedule_paused_sends(conn, turns)
        if held:
            await record_resume_progress(conn, job, after=held[-1].run_id, done=0)
        if len(held) < _SPREAD_PAGE:
            await record_all_scheduled(conn, job)
        return timedelta(0)

    async def _wake_due(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta:
        begun = time.monotonic()
        coming = await scheduled_paused_sends(conn, job.journey, job.reached or _EPOCH, _PAGE)
        due = [each for each in coming if each.due_at is not None and each.due_at <= job.now]
        await self._wake(job.journey, ((each.run_id, each.visit) for each in due))
        if due:
            assert due[-1].due_at is not None
            await record_woken_until(conn, job, due[-1].due_at, len(due))
        if len(due) == len(coming) < _PAGE:
            await end_job(conn, job.id, "done")
            return timedelta(0)
        if len(due) == len(coming):
            return _rest(len(due), begun)
        following = coming[len(due)].due_at
        assert following is not None
        # Never for less than a second's worth of them, so that pages are worth their while.
        return min(max(following - job.now, timedelta(seconds=1)), _LOOK)

    async def _wake(self, journey: str, visits: Iterable[tuple[UUID, int]]) -> None:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(run_id: UUID, visit: int) -> None:
            async with limit:
                await wake(self._client, journey, run_id, visit)
            activity.heartbeat()

        await asyncio.gather(*(one(run_id, visit) for run_id, visit in visits))


def _rest(woken: int, begun: float) -> timedelta:
    """What is left of the time that so many may be woken in."""
    return timedelta(seconds=max(woken / _RATE - (time.monotonic() - begun), 0.0))
