"""The run of an activity: reading it, and locking it with its contact."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from activities.failures import final_error
from store.messages.claims import AttemptResult, record_result_and_lock
from store.runs.rows import RunRow, lock_run, lock_run_to_claim, read_run


async def lock(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """The run, with its contact and itself locked. Raises `unknown_run`, which is final."""
    run = await lock_run(conn, run_id)
    return _known(run)


async def lock_to_claim(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """`lock`, and no pause of the journey begins before the commit. Raises `unknown_run`."""
    run = await lock_run_to_claim(conn, run_id)
    return _known(run)


async def settle_and_lock(conn: AsyncConnection[Any], result: AttemptResult) -> RunRow:
    """Record the result of an attempt, then `lock`. Raises `unknown_run`, which is final."""
    run = await record_result_and_lock(conn, result)
    return _known(run)


async def read(conn: AsyncConnection[Any], run_id: UUID) -> RunRow:
    """The run, unlocked. Raises `unknown_run`, which is final."""
    run = await read_run(conn, run_id)
    return _known(run)


def _known(run: RunRow | None) -> RunRow:
    if run is None:
        raise final_error("unknown_run")
    # Each activity has its own context of variables: its log lines from here on carry these.
    structlog.contextvars.bind_contextvars(
        journey=run.journey, version=run.version, contact_id=str(run.contact_id)
    )
    return run
