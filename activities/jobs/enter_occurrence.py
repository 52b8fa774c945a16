"""The pages of the job `occurrence`: contacts enter a journey at an occurrence of its schedule.

Contacts come in the order of their ids. At their local time they come zone by zone, from UTC+14 on,
each at its instant. Between two turns those are looked for who have moved to a zone whose turn is
over, and once more after the last one: by then no change of a zone is unseen. A page and its
progress are one transaction, so each contact enters once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
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
from journeys.schedule.occurrences import turns
from store.dates.live_journeys import read_live_journeys
from store.dates.occurrence_jobs import (
    OccurrenceProgress,
    occurrence_of,
    record_occurrence_progress,
)
from store.dates.occurrence_pages import (
    AtTurn,
    contacts_at_turn,
    enter_at_turn,
    moves,
)
from store.definitions.catalog import Definition
from store.definitions.timed_entries import ScheduledEntry
from store.operations.jobs import JobRow, end_job, read_job
from store.segments.segment_conditions import read_revision

_PAGE = 200
_LONGEST_REST = timedelta(minutes=10)
"""Between two turns, so that a pause or a cancellation of the job is seen, and who has moved."""
_COMMITTED_WITHIN = timedelta(minutes=1)
"""How long before the occurrence a change of a zone may be stamped that is seen in it only."""
_REPAIRED_AFTER = timedelta(seconds=30)
"""How soon a broken journey is read again."""


class RecordedBefore(Exception):
    """Another attempt has worked through the page."""


class EnterOccurrenceActivities:
    """The page activity of the job `occurrence`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["occurrence"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Enter the next contacts; rests until the next turn. The live version decides."""
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            active = await self._context.catalog.active(conn, await read_revision(conn))
            definition = active.scheduled.get(job.of_journey)
            slot = job.plan["slot"]
            if definition is None or slot >= len(definition.timed.schedules):
                live = (await read_live_journeys(conn, [job.of_journey])).get(job.of_journey)
                if definition is None and active.broken and live is not None and live.is_live:
                    # The dispatcher reports what is broken.
                    return await end_page(conn, job, _REPAIRED_AFTER)
                await end_job(conn, job.id, "superseded")
                return await end_page(conn, job)
            scheduled = definition.timed.schedules[slot]
            rest = await self._enter_next(conn, job, definition, scheduled)
            self._context.nudge()
            return await end_page(conn, job, rest)

    async def _enter_next(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        definition: Definition,
        scheduled: ScheduledEntry,
    ) -> timedelta:
        """Work through a page; how long to rest after it."""
        occurrence = occurrence_of(job)
        zone = definition.journey.timezone
        progress = OccurrenceProgress.of(job)
        if progress.moved:
            more = await self._enter_moved(conn, job, definition, scheduled, progress, None)
            if not more:
                await end_job(conn, job.id, "done")
            return timedelta(0)
        in_turn = () if occurrence.local is None else turns(occurrence, zone)
        begun, since = progress.turn, occurrence.since
        left = [
            turn
            for turn in in_turn
            if (begun is None or turn.at >= begun) and (since is None or turn.at > since)
        ]
        turn = left[0] if left else None
        at = occurrence.at if turn is None else turn.at
        if at > job.now:
            if await self._enter_moved(conn, job, definition, scheduled, progress, at):
                return timedelta(0)
            return min(at - job.now, _LONGEST_REST)
        contacts = await contacts_at_turn(conn, turn, at, job.after, _PAGE)
        entered = not contacts or await self._enter(
            conn, job, definition, scheduled, contacts, progress.at(at), contacts[-1].contact_id
        )
        if not entered or len(contacts) == _PAGE:
            return timedelta(0)
        if occurrence.local is None:
            await end_job(conn, job.id, "done")
            return timedelta(0)
        job = await read_job(conn, job.id) or job
        if contacts and job.after != contacts[-1].contact_id:
            return timedelta(0)
        progress = OccurrenceProgress.of(job)
        following = left[1].at if len(left) > 1 else None
        progress = progress.after_all_turns() if following is None else progress.at(following)
        await record_occurrence_progress(conn, job, progress, after=None)
        return timedelta(0)

    async def _enter_moved(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        definition: Definition,
        scheduled: ScheduledEntry,
        progress: OccurrenceProgress,
        before: datetime | None,
    ) -> bool:
        """Enter those who have moved to where the time is over; whether there may be more.

        `before`: the next turn. Those whose turn is that one or a later one enter at it.
        """
        occurrence = occurrence_of(job)
        if occurrence.local is None:
            return False
        found = await moves(
            conn,
            job.of_journey,
            occurrence,
            definition.journey.timezone,
            progress.looked or (occurrence.at - _COMMITTED_WITHIN, UUID(int=0)),
            _PAGE,
        )
        if not found:
            return False
        missed = [
            each.contact
            for each in found
            if not each.answered and (before is None or each.contact.at < before)
        ]
        progress = progress.beyond(found[-1].changed_at, found[-1].contact.contact_id)
        entered = await self._enter(conn, job, definition, scheduled, missed, progress, job.after)
        return not entered or len(found) == _PAGE

    async def _enter(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        definition: Definition,
        scheduled: ScheduledEntry,
        contacts: Sequence[AtTurn],
        progress: OccurrenceProgress,
        after: UUID | None,
    ) -> bool:
        """Enter contacts with the progress in one transaction; one at fault is left out.

        False if another attempt has worked through the page.
        """
        occurrence = occurrence_of(job)
        try:
            async with conn.transaction():
                counts = await enter_at_turn(
                    conn, self._context.catalog, definition, scheduled, occurrence, contacts
                )
                await _record(conn, job, progress.plus(*counts), after, len(contacts), 0)
        except RecordedBefore:
            return False
        except Exception as error:
            raise_outage(error)
        else:
            return True
        try:
            await self._enter_one_by_one(
                conn, job, definition, scheduled, contacts, progress, after
            )
        except RecordedBefore:
            return False
        return True

    async def _enter_one_by_one(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        definition: Definition,
        scheduled: ScheduledEntry,
        contacts: Sequence[AtTurn],
        progress: OccurrenceProgress,
        after: UUID | None,
    ) -> None:
        occurrence = occurrence_of(job)
        faults: list[FoundFault] = []
        async with conn.transaction():
            for each in contacts:
                activity.heartbeat()
                try:
                    async with conn.transaction():
                        counts = await enter_at_turn(
                            conn, self._context.catalog, definition, scheduled, occurrence, [each]
                        )
                except Exception as error:
                    raise_outage(error)
                    faults.append(
                        FoundFault(
                            "occurrence",
                            error,
                            contact_id=each.contact_id,
                            subject=f"job {job.id}",
                        )
                    )
                else:
                    progress = progress.plus(*counts)
            await _record(conn, job, progress, after, len(contacts), len(faults))
        await record_faults(conn, faults)


async def _record(
    conn: AsyncConnection[Any],
    job: JobRow,
    progress: OccurrenceProgress,
    after: UUID | None,
    done: int,
    failed: int,
) -> None:
    """Record the progress. Raises RecordedBefore, which rolls the page back."""
    recorded = await record_occurrence_progress(
        conn, job, progress, after=after, done=done, failed=failed
    )
    if not recorded:
        raise RecordedBefore
