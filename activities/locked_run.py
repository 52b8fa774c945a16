"""Reading the run that an activity is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from activities.failures import refuse
from store.runs.rows import RunRow, lock_run, lock_run_to_claim, read_run


async def locked(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """The run, with its contact and itself locked. Raises `unknown_run`, which is final."""
    run = await lock_run(conn, run_id)
    return _known(run)


async def locked_to_claim(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """`locked`, and no pause of its journey begins meanwhile. Raises `unknown_run`."""
    run = await lock_run_to_claim(conn, run_id)
    return _known(run)


async def unlocked(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """The run as it is. Raises `unknown_run`, which is final."""
    run = await read_run(conn, run_id)
    return _known(run)


def _known(run: RunRow | None) -> RunRow:
    if run is None:
        raise refuse("unknown_run")
    # An activity runs in a context of its own: what it logs from here on names these.
    structlog.contextvars.bind_contextvars(
        journey=run.journey, version=run.version, contact_id=str(run.contact_id)
    )
    return run
