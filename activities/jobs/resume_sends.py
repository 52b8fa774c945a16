"""The pages of a resume: wakes the sends that a pause deferred, at a set rate, each in its turn.

Entries that were kept come in first.

The claim of a send decides by the overdue policy that the journey keeps whether it goes out. So a
wake that comes too early, or twice, changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, record_faults
from dispatch.kept_entries import admit_kept_entries
from dispatch.temporal import TemporalAway, make_calls, wake
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.overdue import Overdue
from store.definitions.journeys import read_resumption
from store.entries.kept_entries import next_kept
from store.messages.paused_sends import paused_sends, schedule_paused_sends, scheduled_paused_sends
from store.operations.jobs import JobRow, end_job
from store.operations.resume_progress import (
    record_admitted,
    record_all_admitted,
    record_all_scheduled,
    record_resume_progress,
    record_woken_until,
)
from store.runs.workflow_marks import park_calls

log = structlog.get_logger(__name__)

_RATE = 200
"""Sends woken per second, at most."""
_PAGE = 200
_SPREAD_PAGE = 1_000
_AT_ONCE = 50
_RETRY = timedelta(seconds=5)
"""When wakes that failed are made again."""
_LONGEST_REST = timedelta(seconds=60)
"""The time between two pages of a spread, at most."""
_EPOCH = datetime.fromtimestamp(0, UTC)


class ResumeSendsActivities:
    """The page activity of the job `resume`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    @activity.defn(name=JOBS["resume"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Wake the next sends. Another pause meanwhile ends the job and defers the rest again."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            if job.plan.get("kept") and (job.progress or {}).get("admitted") is None:
                rest = await self._admit_next(conn, job)
                return await end_page(conn, job, rest)
            overdue = Overdue.from_json(job.plan.get("overdue"))
            try:
                if overdue.policy != "spread":
                    rest = await self._wake_next(conn, job)
                elif not job.spreading:
                    rest = await self._schedule_next(conn, job, overdue)
                else:
                    rest = await self._wake_due(conn, job)
            except TemporalAway as error:
                log.warning("sends_not_woken", job=str(job.id), error=str(error))
                rest = _RETRY
            return await end_page(conn, job, rest)

    async def _admit_next(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta:
        """Let the next entries in that were kept while the journey was paused."""
        begun = time.monotonic()
        reached = int((job.progress or {}).get("event", 0))
        entries = await next_kept(conn, job.of_journey, reached, _PAGE)
        faults, entered = await admit_kept_entries(
            conn, self._context.catalog, entries, activity.heartbeat
        )
        await record_faults(conn, faults)
        if entered:
            self._context.nudge()
        if entries:
            await record_admitted(conn, job, event=entries[-1].event_id, done=len(entries))
        if len(entries) < _PAGE:
            await record_all_admitted(conn, job)
        return _rest_after(len(entries), begun)

    async def _wake_next(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta:
        begun = time.monotonic()
        sends = await paused_sends(conn, job.of_journey, job.after, _PAGE)
        await self._wake(conn, job.of_journey, [(each.run_id, each.visit) for each in sends])
        if sends:
            await record_resume_progress(conn, job, after=sends[-1].run_id, done=len(sends))
        if len(sends) < _PAGE:
            await end_job(conn, job.id, "done")
        return _rest_after(len(sends), begun)

    async def _schedule_next(
        self, conn: AsyncConnection[Any], job: JobRow, overdue: Overdue
    ) -> timedelta:
        since = await read_resumption(conn, job.of_journey)
        sends = await paused_sends(conn, job.of_journey, job.after, _SPREAD_PAGE)
        if since is not None:
            turns = [(each, overdue.turn(each.contact_id, job.of_journey, since)) for each in sends]
            await schedule_paused_sends(conn, turns)
        if sends:
            await record_resume_progress(conn, job, after=sends[-1].run_id, done=0)
        if len(sends) < _SPREAD_PAGE:
            await record_all_scheduled(conn, job)
        return timedelta(0)

    async def _wake_due(self, conn: AsyncConnection[Any], job: JobRow) -> timedelta:
        begun = time.monotonic()
        sends = await scheduled_paused_sends(conn, job.of_journey, job.reached or _EPOCH, _PAGE)
        due = [each for each in sends if each.due_at is not None and each.due_at <= job.now]
        await self._wake(conn, job.of_journey, [(each.run_id, each.visit) for each in due])
        if due:
            assert due[-1].due_at is not None
            await record_woken_until(conn, job, due[-1].due_at, len(due))
        if len(due) == len(sends) < _PAGE:
            await end_job(conn, job.id, "done")
            return timedelta(0)
        if len(due) == len(sends):
            return _rest_after(len(due), begun)
        next_due = sends[len(due)].due_at
        assert next_due is not None
        # At least a second, so that a page has more than a few sends.
        return min(max(next_due - job.now, timedelta(seconds=1)), _LONGEST_REST)

    async def _wake(
        self, conn: AsyncConnection[Any], journey: str, visits: Sequence[tuple[UUID, int]]
    ) -> None:
        """Wake runs at their visits. A wake that fails is parked, and made later.

        Raises TemporalAway.
        """
        failed: dict[tuple[UUID, int], Exception] = {}
        for start in range(0, len(visits), _AT_ONCE):
            calls = {
                (run_id, visit): partial(wake, self._client, journey, run_id, visit)
                for run_id, visit in visits[start : start + _AT_ONCE]
            }
            failed |= await make_calls(self._client, calls)
            activity.heartbeat()
        if failed:
            await park_calls(conn, [(run_id, "wake", visit) for run_id, visit in failed], _RETRY)
            await record_faults(
                conn,
                [
                    FoundFault("wake", error, run_id=run_id, visit=visit)
                    for (run_id, visit), error in failed.items()
                ],
            )


def _rest_after(woken: int, begun: float) -> timedelta:
    """The time to rest after `woken` wakes since `begun` (monotonic), so that `_RATE` is kept."""
    return timedelta(seconds=max(woken / _RATE - (time.monotonic() - begun), 0.0))
