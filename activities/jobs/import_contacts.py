"""The pages of an import: lines are read, checked in a thread, and written in set statements."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.page_attempts import attempt_page
from activities.jobs.pages import begin_page, end_page
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.imports.contact_pages import import_contacts
from store.imports.event_pages import import_events
from store.imports.files import WindowReader, delete_chunks
from store.imports.jobs import forget_dry_run, read_state, record_page
from store.imports.lines import ContactLine, EventLine, Line, LineReader, SuppressionLine
from store.imports.outcomes import Outcome
from store.imports.plans import SAMPLE, ImportPlan, ImportResult
from store.imports.problems import LineRefused
from store.imports.records import WINDOW, Place, read_records
from store.imports.segments import SegmentJudge
from store.imports.suppression_pages import import_suppressions
from store.operations.jobs import JobRow, end_job

log = structlog.get_logger(__name__)

_PAGE: Final = 2_000
"""Lines of one transaction."""
_TURN: Final = 5.0
"""Seconds after which an activity hands over to the next, and so shows its progress."""


@dataclass(slots=True)
class _Read:
    """A page of lines that were read and checked."""

    place: Place
    """Where the next page begins."""
    contents: dict[int, Any]
    """By the number of each line, what it holds; None for one that cannot be read."""
    lines: list[Line]
    refused: list[tuple[int, str, str, str | None]]
    last: bool
    """Whether the file ends with them."""


class _Pages:
    """Reads pages of a file, the next one in a thread while the one before is written."""

    def __init__(self, job_id: UUID) -> None:
        self._reader = WindowReader(job_id, WINDOW)
        self._next: tuple[Place, asyncio.Task[_Read]] | None = None

    async def read(self, conn: AsyncConnection[Any], plan: ImportPlan, place: Place) -> _Read:
        """The page that begins at a place."""
        if self._next is not None:
            begins, task = self._next
            self._next = None
            read = await task
            if begins == place:
                return read
        window, final = await self._reader.window(conn, place.at)
        return await asyncio.to_thread(_read, window, plan, place, final)

    def read_ahead(self, plan: ImportPlan, place: Place) -> None:
        """Begin to read the page at a place, if its part of the file is in memory."""
        found = self._reader.ahead(place.at)
        if found is not None:
            window, final = found
            reading = asyncio.to_thread(_read, window, plan, place, final)
            self._next = place, asyncio.create_task(reading)


_Kind = TypeVar("_Kind", ContactLine, EventLine, SuppressionLine)


class ImportContactsActivities:
    """The page activity of the job `import`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    @activity.defn(name=JOBS["import"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Import the next pages of lines, each in a transaction of its own."""
        async with self._context.pool.connection() as conn:
            begun = time.monotonic()
            pages = _Pages(request.job_id)
            longest = 0.0
            while True:
                job = await begin_page(conn, request)
                if isinstance(job, JobPage):
                    return job
                plan = ImportPlan.from_json(job.plan)
                started = time.monotonic()
                # What is read ahead by the last page of a turn would be read again in the next.
                goes_on = started - begun + longest < _TURN
                read = await self._import_page(conn, job, plan, pages, ahead=goes_on)
                longest = max(longest, time.monotonic() - started)
                activity.heartbeat()
                rest = timedelta(0)
                if plan.rate is not None:
                    seconds = read / plan.rate - (time.monotonic() - started)
                    rest = timedelta(seconds=max(seconds, 0.0))
                if rest or time.monotonic() - begun > _TURN:
                    return await end_page(conn, job, rest)

    async def _import_page(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        plan: ImportPlan,
        pages: _Pages,
        *,
        ahead: bool,
    ) -> int:
        """Import one page; the number of its lines."""
        place, before, done = await read_state(conn, job.id, plan)
        read = await pages.read(conn, plan, place)
        if ahead:
            pages.read_ahead(plan, read.place)

        async def work(judge: SegmentJudge) -> bool:
            result = ImportResult.from_json(done)
            await _write(conn, job.id, plan, before, result, read, judge)
            return True

        if not await attempt_page(conn, self._context.catalog, work):
            return 0
        if read.last:
            async with conn.transaction():
                if plan.dry_run:
                    await forget_dry_run(conn, job.id)
                await delete_chunks(conn, job.id)
                await end_job(conn, job.id, "done")
        self._context.nudge()
        return len(read.contents)


async def _write(
    conn: AsyncConnection[Any],
    job_id: UUID,
    plan: ImportPlan,
    before: Any,
    result: ImportResult,
    read: _Read,
    judge: SegmentJudge,
) -> None:
    shown = result.created + result.updated + result.unchanged + result.events + result.suppressed
    show = max(SAMPLE - shown, 0) if plan.dry_run else 0
    outcome = await _import(conn, plan, job_id, read.lines, show=show)
    outcome.refused += read.refused
    await judge.judge(conn, outcome.contacts)
    await record_page(conn, job_id, before, read.place, result, outcome, read.contents)


async def _import(
    conn: AsyncConnection[Any], plan: ImportPlan, job_id: UUID, lines: Sequence[Line], *, show: int
) -> Outcome:
    match plan.what:
        case "suppressions":
            addresses = _only(SuppressionLine, lines)
            return await import_suppressions(conn, plan, job_id, addresses, show=show)
        case "events":
            return await import_events(conn, plan, job_id, _only(EventLine, lines), show=show)
        case _:
            return await import_contacts(conn, plan, job_id, _only(ContactLine, lines), show=show)


def _only(kind: type[_Kind], lines: Sequence[Line]) -> list[_Kind]:
    return [line for line in lines if isinstance(line, kind)]


def _read(window: bytes, plan: ImportPlan, place: Place, final: bool) -> _Read:
    """Read and check a page of lines, without the database."""
    limit = _PAGE if plan.rate is None else min(_PAGE, plan.rate)
    records, following = read_records(window, plan.dialect, place, final=final, limit=limit)
    reader = LineReader(plan)
    last = final and following.at >= place.at + len(window)
    read = _Read(following, {}, [], [], last)
    for record in records:
        number, cells = record
        read.contents[number] = cells.text if isinstance(cells, LineRefused) else cells
        try:
            read.lines.append(reader.read(record))
        except LineRefused as refused:
            read.refused.append((number, refused.code, str(refused), None))
    return read
