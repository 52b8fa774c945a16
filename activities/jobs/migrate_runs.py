"""The pages of a move: each run in a transaction of its own, then its workflow is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.client import Client

from activities.jobs.pages import begin_page, end_page
from dispatch.goals import record_goal_met_before
from dispatch.versions import wake_migrated_run
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.migration_decision import MigrationDecision
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from store.operations.jobs import (
    JobRow,
    count_stragglers,
    end_job,
    finish_page,
    finish_stragglers,
    runs_to_migrate,
    stragglers,
)
from store.versions.run_migration import Superseded, Target, migrate_run

_PAGE = 50
_AT_ONCE = 8
_LATECOMERS = timedelta(seconds=3)
"""For so long a dispatcher may still begin runs of the version that was active before."""


class MigrateRunsActivities:
    """The activities of the job `Move`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        *,
        speed: float = 1.0,
    ) -> None:
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._speed = speed

    @activity.defn(name=JOBS["move"].page_activity)
    async def page(self, given: JobInput) -> JobPage:
        """Move the next runs; those that are at work are tried again until they stand or end."""
        async with self._pool.connection() as conn:
            job = await begin_page(conn, given)
            if isinstance(job, JobPage):
                return job
            assert job.version is not None
            target = Target(
                definition=await self._catalog.definition(conn, job.journey, job.version),
                mapping=job.plan.get("map") or {},
                overdue=Overdue.from_json(job.plan.get("overdue")),
                since=job.started_at,
                speed=self._speed,
            )
            runs = await runs_to_migrate(conn, job.journey, job.version, job.after, _PAGE)
            if runs:
                came = await self._move_all(job, runs, target)
                await finish_page(
                    conn,
                    job,
                    after=runs[-1],
                    stragglers=_those(came, "at_work"),
                    kept=len(_those(came, "stays")),
                    ended=len(_those(came, "ended")),
                )
                return await end_page(conn, job, timedelta(0))
            return await self._move_stragglers(conn, job, target)

    async def _move_stragglers(
        self, conn: AsyncConnection[Any], job: JobRow, target: Target
    ) -> JobPage:
        came = await self._move_all(job, await stragglers(conn, job.id, _PAGE), target)
        await finish_stragglers(
            conn,
            job.id,
            kept=_those(came, "stays"),
            ended=[*_those(came, "ended"), *_those(came, "up_to_date")],
        )
        left = await count_stragglers(conn, job.id)
        if not left and job.age >= _LATECOMERS:
            await end_job(conn, job.id, "done")
            return await end_page(conn, job, timedelta(0))
        waits = min(max(job.age / 10, timedelta(seconds=1)), timedelta(seconds=30))
        return await end_page(conn, job, waits)

    async def _move_all(
        self, job: JobRow, runs: Sequence[UUID], target: Target
    ) -> list[tuple[UUID, MigrationDecision]]:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(run_id: UUID) -> tuple[UUID, MigrationDecision]:
            async with limit:
                async with self._pool.connection() as conn:
                    judged = await migrate_run(conn, self._catalog, job.id, run_id, target)
                    if judged.result == "moved" and target.definition.goal is not None:
                        await record_goal_met_before(conn, self._catalog, run_id)
                activity.heartbeat()
                if judged.result == "moved":
                    await wake_migrated_run(self._client, job.journey, run_id)
            return run_id, judged

        results = await asyncio.gather(*map(one, runs), return_exceptions=True)
        came: list[tuple[UUID, MigrationDecision]] = []
        for result in results:
            if isinstance(result, Superseded):
                continue
            if isinstance(result, BaseException):
                raise result
            came.append(result)
        return came


def _those(came: list[tuple[UUID, MigrationDecision]], word: str) -> list[UUID]:
    return [run_id for run_id, judged in came if judged.result == word]
