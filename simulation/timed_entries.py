"""What begins runs by time in a simulation: dates, schedules, and the jobs that they begin.

In production the Schedules of Temporal begin occurrences, and workflows work through jobs. Here the
same functions are called in their place, whenever the simulation's clock comes to them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.registry import JOB_ACTIVITIES
from dispatch.date_entries import date_queue, make_date_fills
from dispatch.occurrences import begin_occurrences, coming
from journeys.protocol.payloads import JobInput
from journeys.schedule.occurrences import turns
from simulation.clock import Clock
from store.dates.occurrence_jobs import occurrence_of
from store.definitions.catalog import Active, Catalog
from store.operations.jobs import JobRow, running_jobs
from store.segments.segment_conditions import read_revision
from store.simulation.due_times import first_dates, has_anyone_moved


class TimedEntries:
    """Dates, schedules and jobs of a simulation, worked through as far as its clock has come."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        context: Context,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._context = context
        self._clock = clock
        self._dates = date_queue(pool, catalog, lambda: None)
        self._begun_until: datetime | None = None
        """Occurrences up to this time were begun; None before the journeys are active."""
        self._occurred = False
        """Whether an occurrence of a schedule has come."""
        self._resting: dict[UUID, datetime] = {}
        """Jobs that rest, and until when."""

    async def begin(self) -> None:
        """Count dates and schedules from now on; the journeys were activated."""
        self._begun_until = self._clock.now
        async with self._pool.connection() as conn:
            await make_date_fills(conn)

    async def work(self) -> int:
        """Do what is due by now; how much there was."""
        if self._begun_until is None:
            return 0
        return await self._begin_occurrences() + await self._work_jobs() + await self._dates.page()

    async def next_due(self) -> datetime | None:
        """When the next date, occurrence or page of a job comes; None if none does."""
        if self._begun_until is None:
            return None
        async with self._pool.connection() as conn:
            dates = await first_dates(conn)
            occurrence = self._next_occurrence(await self._active(conn))
        times = [*dates.values(), *self._resting.values()]
        if occurrence is not None:
            times.append(occurrence)
        return min(times, default=None)

    async def first_due(self, entered: set[UUID]) -> datetime | None:
        """Until when a simulation goes on so that each contact comes to its first moment.

        That is the latest of the next dates of contacts that have not `entered`, of the first
        occurrence of a schedule unless one has come or runs began otherwise, and of what jobs
        still have to do.
        """
        if self._begun_until is None:
            return None
        async with self._pool.connection() as conn:
            dates = await first_dates(conn)
            occurrence = self._next_occurrence(await self._active(conn))
        times = [due for contact, due in dates.items() if contact not in entered]
        times += self._resting.values()
        if occurrence is not None and not self._occurred and not entered:
            times.append(occurrence)
        return max(times, default=None)

    async def _begin_occurrences(self) -> int:
        now, since = self._clock.now, self._begun_until
        assert since is not None
        if since >= now:
            return 0
        begun = 0
        async with self._pool.connection() as conn:
            for journey in (await self._active(conn)).scheduled:
                jobs, _ = await begin_occurrences(
                    conn, None, self._catalog, journey, since=since, until=now
                )
                begun += len(jobs)
        self._begun_until = now
        self._occurred = self._occurred or begun > 0
        return begun

    async def _work_jobs(self) -> int:
        """Work through the pages of the jobs that do not rest."""
        async with self._pool.connection() as conn:
            jobs = [job for job, _ in await running_jobs(conn)]
            moved = bool(self._resting) and await has_anyone_moved(conn)
        self._resting = {job.id: self._resting[job.id] for job in jobs if job.id in self._resting}
        pages = 0
        for job in jobs:
            # In production an occurrence looks every ten minutes who has moved.
            looks = moved and job.kind == "occurrence"
            if self._resting.get(job.id, self._clock.now) > self._clock.now and not looks:
                continue
            self._resting.pop(job.id, None)
            page, done = JOB_ACTIVITIES[job.kind](self._context, self._client).page, job.done
            while True:
                answer = await ActivityEnvironment().run(page, JobInput(job_id=job.id, subject=""))
                pages += answer.rest == 0 or answer.done > done
                done = answer.done
                if answer.state != "running":
                    break
                if answer.rest > 0:
                    self._resting[job.id] = await self._next_turn(job, answer.rest)
                    break
        return pages

    async def _next_turn(self, job: JobRow, rest: float) -> datetime:
        """When a job goes on; an occurrence at local times goes on in the next zone."""
        now = self._clock.now
        rested = now + timedelta(seconds=rest)
        if job.kind != "occurrence":
            return rested
        async with self._pool.connection() as conn:
            definition = (await self._active(conn)).scheduled.get(job.of_journey)
        zone = None if definition is None else definition.journey.timezone
        later = [turn.at for turn in turns(occurrence_of(job), zone) if turn.at > now]
        return min(later, default=rested)

    def _next_occurrence(self, active: Active) -> datetime | None:
        assert self._begun_until is not None
        times = [
            occurrence.at
            for definition in active.scheduled.values()
            for occurrence in coming(definition, self._begun_until, 1)
        ]
        return min(times, default=None)

    async def _active(self, conn: AsyncConnection[Any]) -> Active:
        return await self._catalog.active(conn, await read_revision(conn))
