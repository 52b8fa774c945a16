"""Temporal Schedules of the engine's own work."""

from __future__ import annotations

from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError

from journeys.protocol.names import QUEUE, RETENTION, RETENTION_ID, RETENTION_SCHEDULE
from journeys.protocol.payloads import RetentionPage

log = structlog.get_logger(__name__)

_DAILY = "17 3 * * *"
"""Each night at 03:17 UTC."""


async def ensure_retention_schedule(client: Client) -> None:
    """Create the Schedule of the retention unless there is one, paused or changed as it may be.

    Raises temporalio.service.RPCError if Temporal refuses it.
    """
    try:
        await client.create_schedule(
            RETENTION_SCHEDULE,
            Schedule(
                action=ScheduleActionStartWorkflow(
                    RETENTION,
                    RetentionPage(),
                    id=RETENTION_ID,
                    task_queue=QUEUE,
                    static_summary="remove old data",
                ),
                spec=ScheduleSpec(cron_expressions=[_DAILY]),
                policy=SchedulePolicy(
                    overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1)
                ),
            ),
            rpc_timeout=timedelta(seconds=10),
        )
    except ScheduleAlreadyRunningError:
        return
    log.info("retention_scheduled", schedule=RETENTION_SCHEDULE)


async def schedule_retention(client: Client) -> None:
    """`ensure_retention_schedule`; a server that refuses it is logged, and the worker goes on."""
    try:
        await ensure_retention_schedule(client)
    except RPCError as error:
        log.warning("retention_not_scheduled", error=error.message)
