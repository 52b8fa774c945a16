"""The long jobs on many runs: each walks its pages, which activities do and Postgres remembers.

A page may run twice and changes nothing then, so a worker that dies costs a page's time.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.jobs import JOBS, STOP_ACTIVITY, JobKind
    from journeys.protocol.names import QUEUE
    from journeys.protocol.payloads import JobInput, JobPage, JobResult

_PAGE_TIMEOUT = timedelta(seconds=60)
_PAGE_HEARTBEAT = timedelta(seconds=10)
"""After it, what a dead worker had in hand is taken up by another."""
_PAGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)


@workflow.defn(name=JOBS["move"].workflow)
class Move:
    """Moves the runs in flight of a journey to another version."""

    @workflow.run
    async def run(self, given: JobInput) -> JobResult:
        """Move page after page, until no run is left that is to be judged."""
        return await _pages("move", given)


@workflow.defn(name=JOBS["resume"].workflow)
class Resume:
    """Wakes the sends that a pause held, at a set rate and under its overdue policy."""

    @workflow.run
    async def run(self, given: JobInput) -> JobResult:
        """Wake page after page, until no send is held any more."""
        return await _pages("resume", given)


async def _pages(kind: JobKind, given: JobInput) -> JobResult:
    done = 0
    try:
        while True:
            page = await _page(JOBS[kind].page_activity, given)
            done = page.done
            _tell(given, page)
            if page.state != "running":
                return JobResult(state=page.state, done=page.done)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(given)
            if page.rest > 0:
                await workflow.sleep(page.rest, summary=f"{given.subject}: next page")
    except BaseException as error:
        if is_cancelled_exception(error):
            await asyncio.shield(_page(STOP_ACTIVITY, given))
            workflow.set_current_details(f"Stopped after **{done}**.")
        raise


async def _page(activity: str, given: JobInput) -> JobPage:
    page: JobPage = await workflow.execute_activity(
        activity,
        given,
        result_type=JobPage,
        task_queue=QUEUE,
        start_to_close_timeout=_PAGE_TIMEOUT,
        heartbeat_timeout=_PAGE_HEARTBEAT,
        retry_policy=_PAGE_RETRY,
        summary=given.subject,
    )
    return page


def _tell(given: JobInput, page: JobPage) -> None:
    stay = f", {page.kept} of them keep their version" if page.kept else ""
    workflow.set_current_details(
        f"{given.subject[:1].upper()}{given.subject[1:]}: **{page.done}** of {page.total}"
        f"{stay} ({page.state})."
    )
