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
    from journeys.protocol.jobs import JOBS, STOP_ACTIVITY, JobDefinition, JobKind
    from journeys.protocol.names import QUEUE
    from journeys.protocol.payloads import JobInput, JobPage, JobResult

_PAGE_TIMEOUT = timedelta(seconds=60)
_PAGE_HEARTBEAT = timedelta(seconds=10)
"""Time after which another worker takes up the page of a dead one."""
_PAGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)


def _workflow_class(job: JobDefinition) -> type:
    """The workflow class of a kind of job."""

    class JobWorkflow:
        __doc__ = job.summary

        async def run(self, request: JobInput) -> JobResult:
            """Work through page after page, until the job is no longer running."""
            return await _work_through_pages(job.page_activity, request)

    # The SDK refuses local classes, because the sandbox imports a class by its module and name.
    # This one can be imported: it becomes an attribute of the module below.
    JobWorkflow.__name__ = JobWorkflow.__qualname__ = job.workflow
    JobWorkflow.run.__qualname__ = f"{job.workflow}.run"
    workflow.run(JobWorkflow.run)
    return workflow.defn(name=job.workflow)(JobWorkflow)


JOB_WORKFLOWS: Final[Mapping[JobKind, type]] = {
    kind: _workflow_class(job) for kind, job in JOBS.items()
}
"""The workflow class of each kind of job."""
globals().update({each.__name__: each for each in JOB_WORKFLOWS.values()})


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
    workflow.set_current_details(
        f"{request.subject[:1].upper()}{request.subject[1:]}: **{page.done}** of {page.total}"
        f"{kept} ({page.state})."
    )
