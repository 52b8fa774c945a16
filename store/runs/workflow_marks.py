"""Marks of runs whose workflow is still to be started, or told that its run has ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def runs_to_start(conn: AsyncConnection[Any], limit: int) -> list[UUID]:
    """Active runs older than a minute whose workflow nobody has started."""
    cursor = await conn.execute(
        "select id from run where state = 'active' and workflow_started_at is null"
        " and started_at < parcours.clock() - interval '1 minute' order by started_at limit %s",
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def marked_to_start(conn: AsyncConnection[Any], limit: int) -> list[UUID]:
    """Active runs that a step has begun, and whose workflow a dispatcher is to start."""
    cursor = await conn.execute(
        "select id from run where state = 'active' and workflow_started_at is null"
        " and start_workflow order by started_at limit %s",
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def unmark_start(conn: AsyncConnection[Any], run_id: UUID) -> None:
    """Leave a run to the sweep, which starts it if nobody has within a minute."""
    await conn.execute("update run set start_workflow = false where id = %s", (run_id,))


async def workflow_started(conn: AsyncConnection[Any], run_ids: list[UUID]) -> None:
    """Note that Temporal has these runs."""
    await conn.execute(
        "update run set start_workflow = false,"
        " workflow_started_at = parcours.clock()"
        " where id = any(%s) and workflow_started_at is null",
        (run_ids,),
    )


async def workflows_to_stop(conn: AsyncConnection[Any], limit: int) -> list[tuple[UUID, str]]:
    """Runs ended in Postgres whose workflow is still to be stopped, with their journeys."""
    cursor = await conn.execute(
        "select id, journey from run where stop_workflow order by ended_at limit %s", (limit,)
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def workflow_stopped(conn: AsyncConnection[Any], run_id: UUID) -> None:
    """Note that an ended run's workflow was told."""
    await conn.execute("update run set stop_workflow = false where id = %s", (run_id,))


async def active_among(conn: AsyncConnection[Any], run_ids: list[UUID]) -> list[UUID]:
    """Those of the runs that are still active."""
    cursor = await conn.execute(
        "select id from run where id = any(%s) and state = 'active'", (run_ids,)
    )
    return [row[0] for row in await cursor.fetchall()]
