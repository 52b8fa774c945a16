"""The pages of a migration of runs: each run in a transaction of its own, then a wake."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, code_of_fault, record_faults
from dispatch.goals import record_goal_met_before
from dispatch.versions import wake_migrated_run
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.migration_decision import MigrationDecision
from journeys.versions.overdue import Overdue
from store.operations.jobs import JobRow, end_job
from store.operations.migration_progress import (
    count_stragglers,
    finish_page,
    finish_stragglers,
    record_failures,
    runs_to_migrate,
    stragglers,
)
from store.runs.workflow_marks import park_calls
from store.sql import is_database_away
from store.versions.run_migration import Superseded, Target, migrate_run

_PAGE = 50
_AT_ONCE = 8
_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=0.25), timedelta(seconds=30)
"""Between two looks at runs that were at work."""

_TRIES = 5
"""How often a run that fails is tried, with growing delays, before it is set aside."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about runs, and the errors of those that failed."""

    decisions: dict[UUID, MigrationDecision]
    failures: dict[UUID, Exception]

    def runs(self, result: str) -> list[UUID]:
        """The runs with this result."""
        return [run_id for run_id, each in self.decisions.items() if each.result == result]


class MigrateRunsActivities:
    """The page activity of the job `move`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    @activity.defn(name=JOBS["move"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Move the next runs. A run that is at work is tried again until it waits or ends.

        One that fails keeps no other from being moved.
        """
        pool = self._context.pool
        # No connection is kept while runs are moved, each by one of its own: pages that kept one
        # could have all there are between them, and wait for one another.
        async with pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            assert job.version is not None
            target = Target(
                definition=await self._context.catalog.definition(
                    conn, job.of_journey, job.version
                ),
                mapping=job.plan.get("map") or {},
                overdue=Overdue.from_json(job.plan.get("overdue")),
                since=job.started_at,
                speed=self._context.speed,
            )
            runs = await runs_to_migrate(conn, job.of_journey, job.version, job.after, _PAGE)
            left = [] if runs else await stragglers(conn, job.id, _PAGE)
        decided = await self._migrate_all(job, runs or left, target)
        async with pool.connection() as conn:
            if not runs:
                return await self._finish_stragglers(conn, job, decided)
            await finish_page(
                conn,
                job,
                after=runs[-1],
                stragglers=[*decided.runs("at_work"), *decided.failures],
                kept=len(decided.runs("stays")),
                ended=len(decided.runs("ended")),
            )
            await self._record_failures(conn, job, decided)
            return await end_page(conn, job)

    async def _finish_stragglers(
        self, conn: AsyncConnection[Any], job: JobRow, decided: Decided
    ) -> JobPage:
        await finish_stragglers(
            conn,
            job.id,
            kept=decided.runs("stays"),
            ended=[*decided.runs("ended"), *decided.runs("up_to_date")],
        )
        await self._record_failures(conn, job, decided)
        remaining = await count_stragglers(conn, job.id)
        if remaining:
            rest = min(max(job.age / 10, _SHORTEST_REST), _LONGEST_REST)
            return await end_page(conn, job, rest)
        late = self._context.late_starts - job.age
        if late > timedelta(0):
            return await end_page(conn, job, late)
        await end_job(conn, job.id, "done")
        return await end_page(conn, job)

    async def _migrate_all(self, job: JobRow, runs: Sequence[UUID], target: Target) -> Decided:
        """Migrate runs, each by itself. Raises the errors of a database that is away."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def migrate(run_id: UUID) -> MigrationDecision:
            async with limit:
                decision = await self._migrate(job, run_id, target)
                activity.heartbeat()
                if decision.result == "moved":
                    await wake_migrated_run(self._client, job.of_journey, run_id)
            return decision

        results = await asyncio.gather(*map(migrate, runs), return_exceptions=True)
        decided = Decided({}, {})
        for run_id, result in zip(runs, results, strict=True):
            if isinstance(result, Superseded):
                continue
            if not isinstance(result, BaseException):
                decided.decisions[run_id] = result
            elif is_database_away(result) or not isinstance(result, Exception):
                raise result
            else:
                decided.failures[run_id] = result
        return decided

    async def _migrate(self, job: JobRow, run_id: UUID, target: Target) -> MigrationDecision:
        catalog = self._context.catalog
        async with self._context.pool.connection() as conn:
            decision = await migrate_run(conn, catalog, job.id, run_id, target)
            if decision.result != "moved" or target.definition.goal is None:
                return decision
            try:
                await record_goal_met_before(conn, catalog, run_id)
            except Exception as error:
                if is_database_away(error):
                    raise
                # The run has moved. A dispatcher looks at its goal.
                await park_calls(conn, [(run_id, "goal", 0)], timedelta(0))
                await record_faults(conn, [FoundFault("goal", error, run_id=run_id)])
        return decision

    async def _record_failures(
        self, conn: AsyncConnection[Any], job: JobRow, decided: Decided
    ) -> None:
        """Record the faults of runs; those that have failed too often are set aside.

        A run whose row is locked for long has no fault.
        """
        codes = {run_id: code_of_fault(error) for run_id, error in decided.failures.items()}
        failed = {run_id: code for run_id, code in codes.items() if code != "database_busy"}
        await record_failures(conn, job.id, failed, tries=_TRIES)
        await record_faults(
            conn,
            [
                FoundFault(JOBS["move"].page_activity, decided.failures[run_id], run_id=run_id)
                for run_id in failed
            ],
        )
