"""The activity by which the Schedule of a journey begins an occurrence."""

from __future__ import annotations

from temporalio import activity
from temporalio.client import Client

from activities.context import Context
from dispatch.occurrences import begin_occurrence_at
from journeys.protocol.names import BEGIN_OCCURRENCE
from journeys.protocol.payloads import OccurrenceBegin, OccurrenceBegun


class OccurrenceActivities:
    """The activity of the workflow `Occurrence`."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client

    @activity.defn(name=BEGIN_OCCURRENCE)
    async def begin(self, request: OccurrenceBegin) -> OccurrenceBegun:
        """Make and start the jobs of what comes at that time; once, however often it is asked."""
        async with self._context.pool.connection() as conn:
            jobs = await begin_occurrence_at(
                conn, self._client, self._context.catalog, request.journey, request.at
            )
        return OccurrenceBegun(jobs=jobs)
