"""Runs that were moved to another version: waking their workflows, which then take it."""

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

_OVERDUE = timedelta(seconds=15)
"""The time after which a workflow that has not taken its version is woken again."""


async def wake_migrated_run(client: Client, journey: str, run_id: UUID) -> None:
    """Wake the workflow of a moved run. If that fails, the reconciliation wakes it later."""
    try:
        await wake(client, journey, run_id, 0)
    except RPCError as error:
        log.warning("migrated_run_not_woken", run_id=str(run_id), error=type(error).__name__)


async def wake_unnoticed_migrations(
    conn: AsyncConnection[Any], client: Client, limit: int, *, since: timedelta = _OVERDUE
) -> None:
    """Wake the runs moved longer ago than `since` whose workflow has not taken the version yet.

    Raises temporalio.service.RPCError while Temporal is away.
    """
    for journey, run_id in await unnoticed_migrations(conn, since, limit):
        await wake(client, journey, run_id, 0)
