"""Telling the workflows of moved runs to take their version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.temporal import wake
from store.versions.run_migration import unnoticed_migrations

log = structlog.get_logger(__name__)

_UNTOLD = timedelta(seconds=15)
"""A workflow that has not followed by then was not told, or is told again."""


async def wake_migrated_run(client: Client, journey: str, run_id: UUID) -> None:
    """Let a moved run's workflow look. One that is not told now is told by the sweep."""
    try:
        await wake(client, journey, run_id, 0)
    except RPCError as error:
        log.warning("moved_run_not_told", run_id=str(run_id), error=type(error).__name__)


async def wake_unnoticed_migrations(
    conn: AsyncConnection[Any], client: Client, limit: int, *, since: timedelta = _UNTOLD
) -> None:
    """Wake the runs that were moved longer ago than `since` and whose workflow has not followed.

    Raises temporalio.service.RPCError while Temporal is away.
    """
    for journey, run_id in await unnoticed_migrations(conn, since, limit):
        await wake(client, journey, run_id, 0)
