"""Runs that were moved to another version: waking their workflows, which then take it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.faults import FoundFault
from dispatch.temporal import make_calls, wake
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
    conn: AsyncConnection[Any],
    client: Client,
    limit: int,
    *,
    since: timedelta = _OVERDUE,
    after: UUID | None = None,
    faults: list[FoundFault] | None = None,
) -> UUID | None:
    """Wake the runs moved longer ago than `since` whose workflow has not taken the version yet.

    They are taken by id beyond `after`. Returns the run to go on after; None: begin at the first.
    Raises TemporalAway.
    """
    moved = await unnoticed_migrations(conn, since, limit, after)
    failed = await make_calls(
        client, {run_id: partial(wake, client, journey, run_id, 0) for journey, run_id in moved}
    )
    if faults is not None:
        faults += [FoundFault("wake", error, run_id=run_id) for run_id, error in failed.items()]
    return moved[-1][1] if len(moved) == limit else None
