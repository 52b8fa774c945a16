"""The pages of a preview: runs are counted by what a move would do to them, and none is moved."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, code_of_fault, record_faults
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Definition
from store.operations.jobs import JobRow, end_job, read_job
from store.operations.preview_progress import read_preview, record_previewed
from store.versions.migration_preview import MigrationPreview, preview_page
from store.versions.planned_version import PlannedVersion
from store.versions.run_migration import Target

_SECONDS: Final = 3.0
"""The time that a page takes; it then ends with the runs that it is at."""


class PreviewMoveActivities:
    """The page activity of the job `preview`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["preview"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Preview the next runs. One that fails is counted as failed, and has a fault."""
        begun = monotonic()
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            planned, result = await read_preview(conn, job.id)
            target = Target(
                definition=await self._definition(conn, job, planned),
                mapping=job.plan.get("map") or {},
                overdue=Overdue.from_json(job.plan.get("overdue")),
                since=job.started_at,
                speed=self._context.speed,
            )
            found = MigrationPreview.from_json(result)
            while (
                job.state == "running" and job.paused_at is None and monotonic() - begun < _SECONDS
            ):
                if not await self._preview_next(conn, job, target, found):
                    break
                activity.heartbeat()
                job = await read_job(conn, job.id) or job
            return await end_page(conn, job)

    async def _definition(
        self, conn: AsyncConnection[Any], job: JobRow, planned: dict[str, Any] | None
    ) -> Definition:
        assert job.version is not None
        if planned is None:
            return await self._context.catalog.definition(conn, job.of_journey, job.version)
        return await PlannedVersion.from_json(planned).definition(conn, job.of_journey, job.version)

    async def _preview_next(
        self, conn: AsyncConnection[Any], job: JobRow, target: Target, found: MigrationPreview
    ) -> bool:
        """Add the next runs to what was found; False if there are none, or not for this attempt."""
        paused = bool(job.plan.get("paused"))
        page = await preview_page(
            conn, self._context.catalog, job.of_journey, target, job.after, paused=paused
        )
        if page is None:
            await end_job(conn, job.id, "done")
            return False
        found.add(page.preview)
        recorded = await record_previewed(
            conn,
            job,
            after=page.after,
            result=found.as_json(),
            done=page.preview.total,
            failed={run_id: code_of_fault(error) for run_id, error in page.failures.items()},
        )
        if recorded:
            await record_faults(
                conn,
                [
                    FoundFault(JOBS["preview"].page_activity, error, run_id=run_id)
                    for run_id, error in page.failures.items()
                ],
            )
        return recorded
