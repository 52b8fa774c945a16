"""The pages of jobs that enter many contacts: by API, and when a journey goes live.

A page is a transaction with its progress, so that each contact enters once, though a page is
worked through again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any, ClassVar, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from activities.jobs.pages import begin_page, end_page
from dispatch.faults import FoundFault, raise_outage, record_faults
from journeys.model.backfills import Backfill, backfills_of
from journeys.model.entry_rules import key_of_start
from journeys.protocol.jobs import JOBS
from journeys.protocol.payloads import JobInput, JobPage
from store.conditions import Predicate
from store.definitions.catalog import BrokenDocument, Definition
from store.definitions.journeys import LiveJourney, read_live
from store.entries.admission import start_condition
from store.entries.bulk_entry import (
    SHOWN,
    BulkCounts,
    Entering,
    enter_contacts,
    preview_entries,
)
from store.entries.bulk_selection import Page, SegmentNotReady, Selection, read_selection
from store.operations.entry_progress import record_entries, record_total
from store.operations.jobs import JobRow, end_job, read_job, read_result

log = structlog.get_logger(__name__)

RATE: Final = 200
"""Contacts that enter per second, unless the job says otherwise."""
_SECONDS: Final = 3.0
"""The time that a page takes; it then ends with the contacts that it is at."""
_CONTACTS: Final = 200
"""Contacts of one transaction."""
_PREVIEWED: Final = 1_000
"""Contacts that are previewed by one statement."""
_WHILE_PAUSED: Final = timedelta(seconds=10)
"""Between two looks at a journey that is paused."""
_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=1), timedelta(seconds=30)
"""Between two looks at a segment that is being filled, or at a journey that can't be read."""


class _AlreadyDone(Exception):
    """Another attempt of the page has worked through these contacts, or the job has ended."""


@dataclass
class _Results:
    """What one transaction did with its contacts."""

    counts: BulkCounts = field(default_factory=BulkCounts)
    failures: dict[UUID, Exception] = field(default_factory=dict)


class _EnteringActivities(ABC):
    """What both jobs share."""

    begins_after: ClassVar[timedelta] = timedelta(0)
    """How long the first page waits."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context

    async def _work(self, request: JobInput) -> JobPage:
        async with self._context.pool.connection() as conn:
            job = await begin_page(conn, request)
            if isinstance(job, JobPage):
                return job
            live = await read_live(conn, job.of_journey)
            if live is None or live.state in ("draft", "archived"):
                await end_job(conn, job.id, "stopped")
                return await end_page(conn, job)
            if live.state == "paused":
                return await end_page(conn, job, _WHILE_PAUSED)
            if job.after is None and job.age < self.begins_after:
                return await end_page(conn, job, self.begins_after - job.age)
            try:
                entering, selection = await self._prepare(conn, job, live)
            except LookupError:
                await end_job(conn, job.id, "superseded")
                return await end_page(conn, job)
            except (SegmentNotReady, BrokenDocument) as error:
                log.info("entries_put_off", job=str(job.id), error=type(error).__name__)
                rest = min(max(job.age / 10, _SHORTEST_REST), _LONGEST_REST)
                return await end_page(conn, job, rest)
            if job.plan.get("preview"):
                await self._preview_next(conn, job, entering, selection)
                return await end_page(conn, job)
            if job.after is None:
                await record_total(conn, job.id, await selection.count(conn))
            return await end_page(conn, job, await self._enter_next(conn, job, entering, selection))

    async def _prepare(
        self, conn: AsyncConnection[Any], job: JobRow, live: LiveJourney
    ) -> tuple[Entering, Selection]:
        """What the contacts enter with, and which they are.

        Raises LookupError if the journey, or a segment, no longer has what the job needs.
        """
        definition = await self._context.catalog.definition(conn, job.of_journey, live.version)
        selection = await read_selection(
            conn, job.plan["contacts"], timezone=definition.journey.timezone
        )
        properties, condition = self._of_entry(job, definition)
        entering = Entering(
            self._context.catalog,
            definition,
            key_of_start(definition.journey, properties),
            properties,
            condition,
            selection.predicate,
        )
        return entering, selection

    @abstractmethod
    def _of_entry(
        self, job: JobRow, definition: Definition
    ) -> tuple[dict[str, Any], Predicate | None]:
        """The properties of the entry, and its `if`."""

    async def _enter_next(
        self, conn: AsyncConnection[Any], job: JobRow, entering: Entering, selection: Selection
    ) -> timedelta:
        """Enter contacts for the time of a page; how long to rest, so that the rate is kept."""
        begun = monotonic()
        rate = float(job.plan.get("rate") or RATE)
        entered = 0
        limit = max(1, min(_CONTACTS, int(rate)))
        while job.state == "running" and job.paused_at is None and monotonic() - begun < _SECONDS:
            try:
                page, counts = await self._enter(conn, job, entering, selection, limit)
            except _AlreadyDone:
                break
            if page.after is None:
                await end_job(conn, job.id, "done")
                break
            if counts.entered:
                self._context.nudge()
            entered += counts.entered
            activity.heartbeat()
            ahead = entered / rate - (monotonic() - begun)
            if monotonic() - begun + ahead >= _SECONDS:
                break
            await asyncio.sleep(max(ahead, 0.0))
            job = await read_job(conn, job.id) or job
        return timedelta(seconds=max(entered / rate - (monotonic() - begun), 0.0))

    async def _preview_next(
        self, conn: AsyncConnection[Any], job: JobRow, entering: Entering, selection: Selection
    ) -> None:
        """Count for the time of a page what entering would do."""
        begun = monotonic()
        while job.state == "running" and job.paused_at is None and monotonic() - begun < _SECONDS:
            page = await selection.page(conn, job.after, _PREVIEWED)
            if page.after is None:
                await end_job(conn, job.id, "done")
                return
            entered, counts = await preview_entries(conn, entering, page.contacts)
            result = await read_result(conn, job.id) or {}
            sample = result.get("sample", [])
            sample += [str(each) for each in entered[: SHOWN - len(sample)]]
            result = {**_added(result, counts, "enter"), "sample": sample}
            if not await record_entries(
                conn, job, after=page.after, done=page.looked_at, failed=0, result=result
            ):
                return
            activity.heartbeat()
            job = await read_job(conn, job.id) or job

    async def _enter(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        entering: Entering,
        selection: Selection,
        limit: int,
    ) -> tuple[Page, BulkCounts]:
        """Enter the next contacts in one transaction; the error of one keeps no other out."""
        page = await selection.page(conn, job.after, limit)
        if page.after is None:
            return page, BulkCounts()
        try:
            results = await self._enter_page(conn, job, entering, page, alone=False)
        except _AlreadyDone:
            raise
        except Exception as error:
            raise_outage(error)
            log.warning("contacts_entered_alone", job=str(job.id), error=type(error).__name__)
            results = await self._enter_page(conn, job, entering, page, alone=True)
        await record_faults(
            conn,
            [
                FoundFault("enter", error, contact_id=contact, subject=f"contact {contact}")
                for contact, error in results.failures.items()
            ],
        )
        return page, results.counts

    async def _enter_page(
        self,
        conn: AsyncConnection[Any],
        job: JobRow,
        entering: Entering,
        page: Page,
        *,
        alone: bool,
    ) -> _Results:
        assert page.after is not None
        results = _Results()
        async with conn.transaction():
            groups: Sequence[Sequence[UUID]] = (
                [[each] for each in page.contacts] if alone else [page.contacts]
            )
            for contacts in groups:
                try:
                    async with conn.transaction():
                        counts = await enter_contacts(conn, entering, contacts, job_id=job.id)
                except Exception as error:
                    if not alone:
                        raise
                    raise_outage(error)
                    results.failures[contacts[0]] = error
                else:
                    results.counts.add(counts)
            done_so_far = await read_result(conn, job.id) or {}
            recorded = await record_entries(
                conn,
                job,
                after=page.after,
                done=page.looked_at,
                failed=len(results.failures),
                result=_added(done_so_far, results.counts, "entered"),
            )
            if not recorded:
                raise _AlreadyDone
        return results


def _added(result: dict[str, Any], counts: BulkCounts, entered: str) -> dict[str, Any]:
    refused = {**result.get("refused", {})}
    for code, count in counts.refused.items():
        refused[code] = refused.get(code, 0) + count
    return {**result, entered: result.get(entered, 0) + counts.entered, "refused": refused}


class EnterActivities(_EnteringActivities):
    """The page activity of the job `enter`."""

    @activity.defn(name=JOBS["enter"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Enter the next contacts. While the journey is paused the job rests."""
        return await self._work(request)

    def _of_entry(
        self, job: JobRow, definition: Definition
    ) -> tuple[dict[str, Any], Predicate | None]:
        return job.plan["properties"], start_condition(definition)


class BackfillActivities(_EnteringActivities):
    """The page activity of the job `backfill`."""

    # Until then a dispatcher may be at work with the journeys that were live before.
    begins_after = timedelta(seconds=1)

    @activity.defn(name=JOBS["backfill"].page_activity)
    async def page(self, request: JobInput) -> JobPage:
        """Enter the next contacts, once the segment is filled.

        The job ends if the live version no longer has the entry that asks for it.
        """
        return await self._work(request)

    def _of_entry(
        self, job: JobRow, definition: Definition
    ) -> tuple[dict[str, Any], Predicate | None]:
        backfill = _find(job, definition)
        return backfill.properties, definition.compiled.entry(backfill.entry)[1]


def _find(job: JobRow, definition: Definition) -> Backfill:
    given = job.plan["contacts"]
    wanted = {name: given[name] for name in given.keys() - {"before", "journey"}}
    for backfill in backfills_of(definition.journey):
        if backfill.plan == wanted:
            return backfill
    raise LookupError(f"{definition.key} has no backfill of {wanted}")
