"""The pages of a migration of runs: each run in a transaction of its own, then a wake."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
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
    runs_to_migrate,
    stragglers,
)
from store.versions.run_migration import Superseded, Target, migrate_run

_PAGE = 50
_AT_ONCE = 8
_LATE_STARTS = timedelta(seconds=3)
"""How long a dispatcher may still start runs of the version that was active before."""

Decided = list[tuple[UUID, MigrationDecision]]
"""Runs, each with what was decided about it."""


class MigrateRunsActivities:
    """The page activity of the job `move`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    @activity.defn(name=JOBS["move"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Move the next runs. A run that is at work is tried again until it waits or ends."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            assert job.version is not None
            target = Target(
                definition=await self._context.catalog.definition(conn, job.journey, job.version),
                mapping=job.plan.get("map") or {},
                overdue=Overdue.from_json(job.plan.get("overdue")),
                since=job.started_at,
                speed=self._context.speed,
            )
            runs = await runs_to_migrate(conn, job.journey, job.version, job.after, _PAGE)
            if runs:
                decided = await self._migrate_all(job, runs, target)
                await finish_page(
                    conn,
                    job,
                    after=runs[-1],
                    stragglers=_runs_with(decided, "at_work"),
                    kept=len(_runs_with(decided, "stays")),
                    ended=len(_runs_with(decided, "ended")),
                )
                return await end_page(conn, job, timedelta(0))
            return await self._migrate_stragglers(conn, job, target)

    async def _migrate_stragglers(
        self, conn: AsyncConnection[Any], job: JobRow, target: Target
    ) -> JobPage:
        decided = await self._migrate_all(job, await stragglers(conn, job.id, _PAGE), target)
        await finish_stragglers(
            conn,
            job.id,
            kept=_runs_with(decided, "stays"),
            ended=[*_runs_with(decided, "ended"), *_runs_with(decided, "up_to_date")],
        )
        remaining = await count_stragglers(conn, job.id)
        if not remaining and job.age >= _LATE_STARTS:
            await end_job(conn, job.id, "done")
            return await end_page(conn, job, timedelta(0))
        rest = min(max(job.age / 10, timedelta(seconds=1)), timedelta(seconds=30))
        return await end_page(conn, job, rest)

    async def _migrate_all(self, job: JobRow, runs: Sequence[UUID], target: Target) -> Decided:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def migrate(run_id: UUID) -> tuple[UUID, MigrationDecision]:
            catalog = self._context.catalog
            async with limit:
                async with self._context.pool.connection() as conn:
                    decision = await migrate_run(conn, catalog, job.id, run_id, target)
                    if decision.result == "moved" and target.definition.goal is not None:
                        await record_goal_met_before(conn, catalog, run_id)
                activity.heartbeat()
                if decision.result == "moved":
                    await wake_migrated_run(self._client, job.journey, run_id)
            return run_id, decision

        results = await asyncio.gather(*map(migrate, runs), return_exceptions=True)
        decided: Decided = []
        for result in results:
            if isinstance(result, Superseded):
                continue
            if isinstance(result, BaseException):
                raise result
            decided.append(result)
        return decided


def _runs_with(decided: Decided, word: str) -> list[UUID]:
    return [run_id for run_id, decision in decided if decision.result == word]
