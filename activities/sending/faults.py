"""Faults of sends: kept with their words, and a send that cannot be decided stands until later.

One document, contact or provider that is broken concerns its own sends alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import activity

from activities.leaving.exits import ended_result
from activities.locked_run import lock
from activities.sending.masking import SecretMask
from activities.sending.retries import BACKOFF
from activities.versions.take_version import stale_version
from channels.storable import storable_text
from journeys.protocol.payloads import StepInput, StepResult
from store.messages.deferrals import record_deferral
from store.operations.faults import describe, record_fault
from store.operations.logged_errors import logged_traceback
from store.runs.visits import find_visit

log = structlog.get_logger(__name__)


async def keep_fault(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    run_id: UUID,
    visit: int,
    code: str,
    error: Exception,
    mask: SecretMask,
) -> None:
    """Log a fault with its traceback, and keep it in the table `fault`, both without secrets."""
    log.error(code, exception=mask.text(logged_traceback(error)))
    try:
        async with pool.connection(timeout=1) as conn:
            await record_fault(
                conn,
                run_id=run_id,
                visit=visit,
                activity=activity.info().activity_type,
                code=code,
                detail=storable_text(mask.text(describe(error))),
            )
    except psycopg.Error:
        log.warning("fault_not_kept")


async def stand_until_later(
    conn: AsyncConnection[Any], request: StepInput, kind: str, code: str
) -> StepResult | None:
    """Let the run stand at a send that could not be decided, and look again later.

    It can be moved, left and cancelled meanwhile. `facts.faults` of the visit counts the times,
    `facts.fault` is the code. None if the visit has ended.
    """
    async with conn.transaction():
        run = await lock(conn, request.run_id)
        if not run.active:
            return ended_result(run)
        if moved := stale_version(run, request):
            return moved
        visit = await find_visit(conn, run.id, request.visit)
        if visit is not None and visit.outcome is not None:
            return None
        faults = 1 + ((visit.facts.get("faults") or 0) if visit is not None else 0)
        due = run.now + timedelta(seconds=BACKOFF.delay(faults + 2))
        await record_deferral(
            conn,
            run_id=run.id,
            visit=request.visit,
            step=request.step,
            kind=kind,
            held="retry",
            due=due,
            until=due,
            started=visit.started_at if visit is not None else min(request.now, run.now),
            facts={"faults": faults, "fault": code},
        )
    return StepResult(held="retry", due=due, attempts=faults, code=code)
