"""Runs that activities began or ended: starting their workflows, and waking those that ended.

An activity decides in its transaction and makes no call: it marks the row, and the next round of a
dispatcher makes the call. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.temporal import is_away, start_journey, wake
from store.definitions.catalog import Catalog
from store.runs.rows import read_run
from store.runs.workflow_marks import (
    marked_to_start,
    unmark_start,
    workflow_started,
    workflow_stopped,
    workflows_to_stop,
)

log = structlog.get_logger(__name__)


async def start_and_stop_marked_runs(
    conn: AsyncConnection[Any], client: Client, catalog: Catalog, limit: int
) -> int:
    """Start the workflows of runs that steps began, and wake those of runs that ended.

    Returns how many. Raises RPCError while Temporal is away; the marks then stay.
    """
    marked = await marked_to_start(conn, limit)
    for run_id in marked:
        try:
            await start_run(conn, client, catalog, run_id)
        except RPCError as error:
            if is_away(error):
                raise
            # The reconciliation tries again later.
            log.error("run_not_started", run_id=str(run_id), error=error.message)
            await unmark_start(conn, run_id)
    ended = await workflows_to_stop(conn, limit)
    await stop_runs(conn, client, ended)
    return len(marked) + len(ended)


async def start_run(
    conn: AsyncConnection[Any], client: Client, catalog: Catalog, run_id: UUID
) -> bool:
    """Start a run's workflow and record it; False if the run does not exist. Raises RPCError."""
    run = await read_run(conn, run_id)
    if run is None:
        return False
    definition = await catalog.definition(conn, run.journey, run.version)
    await start_journey(
        client,
        run_id=run_id,
        journey=run.journey,
        version=run.version,
        contact_id=run.contact_id,
        program=definition.program,
    )
    await workflow_started(conn, [run_id])
    return True


async def stop_runs(
    conn: AsyncConnection[Any], client: Client, ended: Sequence[tuple[UUID, str]]
) -> None:
    """Wake the workflows of ended runs (run, journey) and record it. Raises RPCError."""
    for run_id, journey in ended:
        await wake(client, journey, run_id, 0)
        await workflow_stopped(conn, run_id)
