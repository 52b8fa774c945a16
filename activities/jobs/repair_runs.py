"""The pages of repairs of many: each run in a transaction of its own, at a set rate, then a wake.

A page may be worked through twice. A run's repair and its item change in one transaction, so the
second attempt finds it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, ClassVar, Final

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, code_of_fault, record_faults
from dispatch.messages_again import start_messages_again
from dispatch.temporal import TemporalAway
from dispatch.versions import wake_migrated_run
from journeys.protocol.jobs import JOBS, JobKind
from journeys.protocol.payloads import JobInput, JobPage
from store.operations.jobs import JobRow, end_job, read_job
from store.repairs.item_repairs import RATE, RepairPlan, repair_item
from store.repairs.job_items import (
    ItemRow,
    ItemTaken,
    change_item,
    mark_started,
    next_items,
    put_off,
    refresh_progress,
    sending_items,
)
from store.sql import is_database_away

log = structlog.get_logger(__name__)

_SECONDS: Final = 4.0
"""How long a page works."""
_AT_ONCE: Final = 8
_PAGE: Final = 50
_TRIES: Final = 5
"""How often a run with a fault is tried, with growing delays, before it is given up."""
_LOOKS: Final = 40
"""How often a run that is at work is looked at, with growing delays: within 20 minutes."""
_SHORTEST_REST: Final = timedelta(seconds=0.25)
_LONGEST_REST: Final = timedelta(seconds=15)
"""Between two looks at what is at work, or with its provider."""
_LONGEST_DELAY: Final = timedelta(seconds=30)
_STARTED_AT_ONCE: Final = 20
"""Workflows of messages that are sent again that are started side by side."""


class _RepairingActivities:
    """What both jobs share."""

    kind: ClassVar[JobKind]

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    async def _work(self, request: JobInput) -> JobPage:
        # No connection is kept while runs are repaired, each by one of its own: pages that kept one
        # could have all there are between them, and wait for one another.
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
        if isinstance(job, JobPage):
            return job
        rest = await self._repair_next(job, RepairPlan.from_json(job.plan))
        async with self._context.pool.connection() as conn:
            try:
                await self._start_sending(conn, job)
            except TemporalAway as error:
                log.warning("messages_not_sent_again", job=str(job.id), error=str(error))
            waiting, sending = await refresh_progress(conn, job.id)
            if not waiting and not sending:
                await end_job(conn, job.id, "done")
            elif not await next_items(conn, job.id, 1):
                # All that is left is at work, or with its provider.
                rest = min(max(job.age / 10, _SHORTEST_REST), _LONGEST_REST)
            return await end_page(conn, job, rest)

    async def _repair_next(self, job: JobRow, plan: RepairPlan) -> timedelta:
        """Repair runs for the time of a page; how long to rest, so that the rate is kept."""
        pool = self._context.pool
        begun = monotonic()
        rate = plan.rate or RATE
        limit = max(1, min(_PAGE, int(rate)))
        repaired = 0
        while job.state == "running" and job.paused_at is None and monotonic() - begun < _SECONDS:
            async with pool.connection() as conn:
                items = await next_items(conn, job.id, limit)
            if not items:
                return timedelta(0)
            repaired += await self._repair_all(plan, items)
            ahead = repaired / rate - (monotonic() - begun)
            if monotonic() - begun + ahead >= _SECONDS:
                break
            await asyncio.sleep(max(ahead, 0.0))
            async with pool.connection() as conn:
                job = await read_job(conn, job.id) or job
        return timedelta(seconds=max(repaired / rate - (monotonic() - begun), 0.0))

    async def _repair_all(self, plan: RepairPlan, items: Sequence[ItemRow]) -> int:
        """Repair runs, each by itself; how many. Raises the errors of a database that is away."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def repair(item: ItemRow) -> bool:
            async with limit:
                repaired = await self._repair(plan, item)
                activity.heartbeat()
            return repaired

        results = await asyncio.gather(*map(repair, items), return_exceptions=True)
        repaired = 0
        for item, result in zip(items, results, strict=True):
            if isinstance(result, ItemTaken):
                continue
            if not isinstance(result, BaseException):
                repaired += result
            elif is_database_away(result) or not isinstance(result, Exception):
                raise result
            else:
                async with self._context.pool.connection() as conn:
                    await self._put_off_fault(conn, item, result)
        return repaired

    async def _repair(self, plan: RepairPlan, item: ItemRow) -> bool:
        """Repair one run, and wake its workflow; whether it was repaired."""
        async with self._context.pool.connection() as conn:
            async with conn.transaction():
                done = await repair_item(conn, self._context.catalog, plan, item)
            if done.result == "at_work":
                if item.attempts >= _LOOKS:
                    await change_item(conn, item, "left", "at_work")
                else:
                    await put_off(conn, item, "at_work", _delay(item.attempts))
                return False
        if done.journey is not None:
            await wake_migrated_run(self._client, done.journey, item.run_id)
        return done.result in ("repaired", "sending")

    async def _put_off_fault(
        self, conn: AsyncConnection[Any], item: ItemRow, error: Exception
    ) -> None:
        """Try a run with a fault again later; one that has failed too often is given up."""
        code = code_of_fault(error)
        if code == "database_busy":
            await put_off(conn, item, code, _delay(item.attempts))
            return
        page = JOBS[self.kind].page_activity
        await record_faults(conn, [FoundFault(page, error, run_id=item.run_id)])
        if item.attempts + 1 < _TRIES:
            await put_off(conn, item, code, _delay(item.attempts))
            return
        try:
            await change_item(conn, item, "failed", code)
        except ItemTaken:
            return

    async def _start_sending(self, conn: AsyncConnection[Any], job: JobRow) -> None:
        """Start the workflows of messages that are to be sent again. Raises TemporalAway.

        One that is at work goes on, and one that was closed by a fault is started again.
        """
        if self.kind != "retry":
            return
        begun = monotonic()
        while items := await sending_items(conn, job.id, _STARTED_AT_ONCE):
            await start_messages_again(conn, self._client, items)
            await mark_started(conn, job.id, items)
            activity.heartbeat()
            if monotonic() - begun >= _SECONDS:
                return


class RepairRunsActivities(_RepairingActivities):
    """The page activity of the job `repair`."""

    kind = "repair"

    @activity.defn(name=JOBS["repair"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Repair the next runs. One that has gone on is left alone, one at work comes later."""
        return await self._work(request)


class RetrySendsActivities(_RepairingActivities):
    """The page activity of the job `retry`."""

    kind = "retry"

    @activity.defn(name=JOBS["retry"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Try the next sends at once, or begin to send messages again whose step has ended."""
        return await self._work(request)


def _delay(attempts: int) -> timedelta:
    """When a run that is at work, or has failed, is looked at again after so many attempts."""
    return min(timedelta(seconds=2 ** min(attempts, 10)), _LONGEST_DELAY)
