"""The workflow of the retention: it removes old data, a page at a time."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.names import QUEUE, RETENTION, RETENTION_PAGE
    from journeys.protocol.payloads import RetentionPage

_PAGE_TIMEOUT = timedelta(seconds=60)
_PAGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
_REST = timedelta(milliseconds=200)
"""Between two pages, so that other work has its turn."""


@workflow.defn(name=RETENTION)
class Retention:
    """One removal of old data. A page may run twice and then finds nothing."""

    @workflow.run
    async def run(self, request: RetentionPage) -> RetentionPage:
        """Remove page after page, until nothing old is left."""
        page = request
        while not page.done:
            page = await workflow.execute_activity(
                RETENTION_PAGE,
                page,
                result_type=RetentionPage,
                task_queue=QUEUE,
                start_to_close_timeout=_PAGE_TIMEOUT,
                retry_policy=_PAGE_RETRY,
                summary=f"remove old {page.kind or 'data'}",
            )
            workflow.set_current_details(f"Removed {page.removed} rows; next: {page.kind or '-'}.")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(page)
            if not page.done:
                await workflow.sleep(_REST, summary="next page")
        return page
