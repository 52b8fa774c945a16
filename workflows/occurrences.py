"""The workflow that the Schedule of a journey starts at each occurrence."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.names import BEGIN_OCCURRENCE, OCCURRENCE, QUEUE
    from journeys.protocol.payloads import OccurrenceBegin, OccurrenceBegun, OccurrenceInput

_TIMEOUT = timedelta(seconds=30)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name=OCCURRENCE)
class BeginOccurrence:
    """Begins the job of an occurrence, whose id holds the occurrence: it happens once."""

    @workflow.run
    async def run(self, request: OccurrenceInput) -> OccurrenceBegun:
        """Begin the job of the time that the Schedule says, also after an outage."""
        scheduled = workflow.info().typed_search_attributes.get(_SCHEDULED_AT)
        begun: OccurrenceBegun = await workflow.execute_activity(
            BEGIN_OCCURRENCE,
            OccurrenceBegin(journey=request.journey, at=scheduled or workflow.now()),
            result_type=OccurrenceBegun,
            task_queue=QUEUE,
            start_to_close_timeout=_TIMEOUT,
            retry_policy=_RETRY,
            summary=f"begin {request.journey}",
        )
        return begun
