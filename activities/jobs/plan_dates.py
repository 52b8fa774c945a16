"""The pages of the job `dates`: the next moments of all contacts, when a journey goes live.

A page that is worked through twice sets the same moments.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, raise_outage, record_faults
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.dates.date_rows import next_contacts, plan_contacts
from store.dates.fills import record_fill_progress
from store.dates.live_journeys import LiveJourney, read_live_journeys
from store.definitions.catalog import Definition
from store.operations.jobs import JobRow, end_job
from store.segments.segment_conditions import read_revision

_PAGE = 500
_REPAIRED_AFTER = timedelta(seconds=30)
"""How soon a broken journey is read again."""


class PlanDatesActivities:
    """The page activity of the job `dates`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["dates"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Set the moments of the next contacts. Another version meanwhile ends the job."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            active = await self._context.catalog.active(conn, await read_revision(conn))
            live = (await read_live_journeys(conn, [job.of_journey])).get(job.of_journey)
            definition = active.dated.get(job.of_journey)
            if definition is None and active.broken and live is not None and live.is_live:
                # The dispatcher reports what is broken; its moments are set once it is repaired.
                return await end_page(conn, job, _REPAIRED_AFTER)
            if definition is None or live is None or job.plan["activation"] != live.activation:
                await end_job(conn, job.id, "superseded")
                return await end_page(conn, job)
            ids = await next_contacts(conn, job.after, _PAGE)
            if ids:
                await self._plan(conn, job, definition, live, ids)
            if len(ids) < _PAGE:
                await end_job(conn, job.id, "done")
            self._context.nudge_due_times()
            return await end_page(conn, job)

    async def _plan(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        definition: Definition,
        live: LiveJourney,
        ids: list[UUID],
    ) -> None:
        """Set moments with the progress in one transaction; a contact at fault is left out."""
        try:
            async with conn.transaction():
                await plan_contacts(conn, definition, live, ids)
                await record_fill_progress(conn, job, after=ids[-1], done=len(ids), failed=0)
        except Exception as error:
            raise_outage(error)
        else:
            return
        faults = []
        for contact_id in ids:
            activity.heartbeat()
            try:
                async with conn.transaction():
                    await plan_contacts(conn, definition, live, [contact_id])
            except Exception as error:
                raise_outage(error)
                faults.append(
                    FoundFault("dates", error, contact_id=contact_id, subject=f"job {job.id}")
                )
        await record_faults(conn, faults)
        await record_fill_progress(conn, job, after=ids[-1], done=len(ids), failed=len(faults))
