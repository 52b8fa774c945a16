"""The job workflows: each works through its pages, which activities do and Postgres remembers.

A page may run twice and changes nothing then, so the death of a worker costs the time of one page.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.jobs import JOBS, STOP_ACTIVITY, JobKind
    from journeys.protocol.names import QUEUE
    from journeys.protocol.payloads import JobInput, JobPage, JobResult

_PAGE_TIMEOUT = timedelta(seconds=60)
_PAGE_HEARTBEAT = timedelta(seconds=10)
"""Time after which another worker takes up the page of a dead one."""
_PAGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)


@workflow.defn(name=JOBS["move"].workflow)
class MigrateRuns:
    """Migrates the runs in flight of a journey to another version."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Migrate page after page, until every run was decided about."""
        return await _work_through_pages(JOBS["move"].page_activity, request)


@workflow.defn(name=JOBS["resume"].workflow)
class ResumeSends:
    """Wakes the sends that a pause deferred, at a set rate and under its overdue policy."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Wake page after page, until no send is deferred by the pause."""
        return await _work_through_pages(JOBS["resume"].page_activity, request)


@workflow.defn(name=JOBS["preview"].workflow)
class PreviewMove:
    """Previews the move of a journey's runs to another version, and moves none."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Preview page after page, until every run was counted."""
        return await _work_through_pages(JOBS["preview"].page_activity, request)


@workflow.defn(name=JOBS["enter"].workflow)
class EnterContacts:
    """Enters many contacts into a journey, at a set rate."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Enter page after page, until every contact was looked at."""
        return await _work_through_pages(JOBS["enter"].page_activity, request)


@workflow.defn(name=JOBS["backfill"].workflow)
class BackfillJourney:
    """Enters those who were members, or had the value, before a journey went live."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Enter page after page, until every contact was looked at."""
        return await _work_through_pages(JOBS["backfill"].page_activity, request)


@workflow.defn(name=JOBS["erase"].workflow)
class EraseContact:
    """Removes what is left of a contact that was erased."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Remove page after page, until nothing is left."""
        return await _work_through_pages(JOBS["erase"].page_activity, request)


@workflow.defn(name=JOBS["dates"].workflow)
class PlanDates:
    """Sets the next moments of a journey's entries by date for all contacts."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Set page after page, until every contact has its moment."""
        return await _work_through_pages(JOBS["dates"].page_activity, request)


@workflow.defn(name=JOBS["occurrence"].workflow)
class EnterOccurrence:
    """Enters contacts at an occurrence of a journey's schedule."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Enter page after page, each contact at its turn."""
        return await _work_through_pages(JOBS["occurrence"].page_activity, request)


@workflow.defn(name=JOBS["import"].workflow)
class ImportContacts:
    """Imports the lines of a file."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Import page after page, until every line was imported or refused."""
        return await _work_through_pages(JOBS["import"].page_activity, request)


@workflow.defn(name=JOBS["export"].workflow)
class ExportContacts:
    """Writes a file of contacts, or of what belongs to them."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Write page after page, until everything stands in the file."""
        return await _work_through_pages(JOBS["export"].page_activity, request)


@workflow.defn(name=JOBS["undo"].workflow)
class UndoImport:
    """Undoes an import, as far as nothing has built on it."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Undo page after page, until everything was undone or is to stay."""
        return await _work_through_pages(JOBS["undo"].page_activity, request)


@workflow.defn(name=JOBS["segment"].workflow)
class FillSegment:
    """Judges every contact by a segment that is new or has changed."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Judge page after page, until every contact was judged."""
        return await _work_through_pages(JOBS["segment"].page_activity, request)


@workflow.defn(name=JOBS["attribution"].workflow)
class AttributeConversions:
    """Shares the conversions of a long period among what led to them."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Count page after page, until all events of the period were looked at."""
        return await _work_through_pages(JOBS["attribution"].page_activity, request)


@workflow.defn(name=JOBS["check"].workflow)
class CheckSegments:
    """Compares the members of all segments with their conditions, and corrects them."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Compare page after page, until every contact was judged."""
        return await _work_through_pages(JOBS["check"].page_activity, request)


@workflow.defn(name=JOBS["repair"].workflow)
class RepairRuns:
    """Skips a step of many runs, sends them to another, or ends them."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Repair page after page, until every run was repaired or left alone."""
        return await _work_through_pages(JOBS["repair"].page_activity, request)


@workflow.defn(name=JOBS["retry"].workflow)
class RetrySends:
    """Tries many sends at once, and sends messages again that have failed."""

    @workflow.run
    async def run(self, request: JobInput) -> JobResult:
        """Begin page after page, until every message was sent or has failed again."""
        return await _work_through_pages(JOBS["retry"].page_activity, request)


JOB_WORKFLOWS: Final[Mapping[JobKind, type]] = {
    "move": MigrateRuns,
    "resume": ResumeSends,
    "preview": PreviewMove,
    "enter": EnterContacts,
    "backfill": BackfillJourney,
    "erase": EraseContact,
    "dates": PlanDates,
    "occurrence": EnterOccurrence,
    "import": ImportContacts,
    "export": ExportContacts,
    "undo": UndoImport,
    "segment": FillSegment,
    "check": CheckSegments,
    "repair": RepairRuns,
    "retry": RetrySends,
    "attribution": AttributeConversions,
}
"""The workflow class of each kind of job. A test compares it with `JOBS`."""


async def _work_through_pages(page_activity: str, request: JobInput) -> JobResult:
    done = 0
    try:
        while True:
            page = await _execute_page(page_activity, request)
            done = page.done
            _show_progress(request, page)
            if page.state != "running":
                return JobResult(state=page.state, done=page.done)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
            if page.rest > 0:
                await workflow.sleep(page.rest, summary=f"{request.subject}: next page")
    except BaseException as error:
        if is_cancelled_exception(error):
            await asyncio.shield(_execute_page(STOP_ACTIVITY, request))
            workflow.set_current_details(f"Stopped after **{done}**.")
        raise


async def _execute_page(activity: str, request: JobInput) -> JobPage:
    page: JobPage = await workflow.execute_activity(
        activity,
        request,
        result_type=JobPage,
        task_queue=QUEUE,
        start_to_close_timeout=_PAGE_TIMEOUT,
        heartbeat_timeout=_PAGE_HEARTBEAT,
        retry_policy=_PAGE_RETRY,
        summary=request.subject,
    )
    return page


def _show_progress(request: JobInput, page: JobPage) -> None:
    kept = f", {page.kept} of them keep their version" if page.kept else ""
    failed = f", {page.failed} set aside because of a fault" if page.failed else ""
    workflow.set_current_details(
        f"{request.subject[:1].upper()}{request.subject[1:]}: **{page.done}** of {page.total}"
        f"{kept}{failed} ({page.state})."
    )
