"""What follows journeys that were changed: Schedules in Temporal, and the dates of contacts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from psycopg import AsyncConnection
from temporalio.service import RPCError

from api.services import Services
from dispatch.date_entries import begin_date_fills
from dispatch.journey_schedules import keep_schedule

log = structlog.get_logger(__name__)

_PATIENCE = 1.5
"""Seconds that a request waits for Temporal. The reconciliation does what is left."""


async def follow_journeys(
    conn: AsyncConnection[Any], services: Services, journeys: Sequence[str]
) -> None:
    """Bring Schedules and dates in step with journeys that changed, if Temporal answers soon."""
    try:
        async with asyncio.timeout(_PATIENCE):
            for journey in journeys:
                await begin_date_fills(conn, services.temporal, journey)
                await keep_schedule(conn, services.temporal, services.catalog, journey)
    except (RPCError, RuntimeError, TimeoutError) as error:
        log.warning("journeys_not_followed", error=type(error).__name__)
