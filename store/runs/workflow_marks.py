"""Marks of runs whose workflow is still to be started, or to be stopped because the run ended."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_all, fetch_column, statement
from store.tables.runs import Run

_SWEPT_AFTER = timedelta(minutes=1)
"""A run without a workflow is left to its creator for so long."""

_UNSTARTED = (
    select(col(Run.id))
    .where(col(Run.state) == "active", col(Run.workflow_started_at).is_(None))
    .order_by(col(Run.started_at))
    .limit(bindparam("limit"))
)
_TO_START = statement(_UNSTARTED.where(col(Run.started_at) < func.parcours.clock() - _SWEPT_AFTER))
_MARKED_TO_START = statement(_UNSTARTED.where(col(Run.start_workflow)))
_UNMARK_START = statement(
    update(Run).where(col(Run.id) == bindparam("run")).values(start_workflow=False)
)
_STARTED = statement(
    update(Run)
    .where(col(Run.id) == func.any(bindparam("runs")), col(Run.workflow_started_at).is_(None))
    .values(start_workflow=False, workflow_started_at=func.parcours.clock())
)
_TO_STOP = statement(
    select(col(Run.id), col(Run.journey))
    .where(col(Run.stop_workflow))
    .order_by(col(Run.ended_at))
    .limit(bindparam("limit"))
)
_STOPPED = statement(update(Run).where(col(Run.id) == bindparam("run")).values(stop_workflow=False))
_ACTIVE = statement(
    select(col(Run.id)).where(
        col(Run.id) == func.any(bindparam("runs")), col(Run.state) == "active"
    )
)


async def runs_to_start(conn: Connection, limit: int) -> list[UUID]:
    """Active runs older than a minute whose workflow was not started, oldest first."""
    return await fetch_column(conn, _TO_START, {"limit": limit})


async def marked_to_start(conn: Connection, limit: int) -> list[UUID]:
    """Active runs that a step has begun, and whose workflow a dispatcher is to start."""
    return await fetch_column(conn, _MARKED_TO_START, {"limit": limit})


async def unmark_start(conn: Connection, run_id: UUID) -> None:
    """Remove a run's mark, so that `runs_to_start` finds it once it is a minute old."""
    await execute(conn, _UNMARK_START, {"run": run_id})


async def workflow_started(conn: Connection, run_ids: list[UUID]) -> None:
    """Record that Temporal has the workflows of these runs."""
    await execute(conn, _STARTED, {"runs": run_ids})


async def workflows_to_stop(conn: Connection, limit: int) -> list[tuple[UUID, str]]:
    """Runs that ended in PostgreSQL and whose workflow is still to be stopped: (run, journey)."""
    rows = await fetch_all(conn, _TO_STOP, {"limit": limit})
    return [(run_id, journey) for run_id, journey in rows]


async def workflow_stopped(conn: Connection, run_id: UUID) -> None:
    """Record that the workflow of an ended run was stopped."""
    await execute(conn, _STOPPED, {"run": run_id})


async def active_among(conn: Connection, run_ids: list[UUID]) -> list[UUID]:
    """The runs of the list that are still active."""
    return await fetch_column(conn, _ACTIVE, {"runs": run_ids})
