"""Periodic reconciliation of Temporal with PostgreSQL.

- A workflow that was cancelled or terminated, or that failed or timed out, ends its run.
- A run that has no workflow yet gets one.
- The workflow of a run that ended in PostgreSQL is woken.
- A claim whose run ended before its result was recorded becomes `unknown`.
- A send whose pause is over is woken, and so is a moved run that has not taken its version.
- A job that has no workflow yet gets one, and a job whose workflow was closed ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from dispatch.jobs import reconcile_jobs
from dispatch.paused_sends import wake_overlooked_paused_sends
from dispatch.runs import start_run, stop_runs
from dispatch.temporal import RPC_TIMEOUT
from dispatch.versions import wake_unnoticed_migrations
from journeys.protocol.names import WORKFLOW, workflow_id
from store.definitions.catalog import Catalog
from store.messages.claims import mark_abandoned_claims_unknown
from store.operations.reconciliation_cursor import finish_turn, give_up_turn, take_turn
from store.runs.lifecycle import end_run
from store.runs.workflow_marks import active_among, runs_to_start, workflows_to_stop
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

_EVERY = 10.0
_PAGE = 100
_OVERLAP = timedelta(minutes=5)
"""Temporal's visibility lags behind: each round lists again what closed in this time before."""

_ENDS = {
    WorkflowExecutionStatus.TERMINATED: ("removed", "terminated"),
    WorkflowExecutionStatus.CANCELED: ("removed", "cancelled"),
    WorkflowExecutionStatus.TIMED_OUT: ("removed", "timed_out"),
    WorkflowExecutionStatus.FAILED: ("failed", "workflow_failed"),
}


class Reconciliation:
    """The reconciliation of one worker; of those that run side by side, one works at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        *,
        every: float = _EVERY,
    ) -> None:
        """`every`: seconds between rounds; the promise is that Postgres follows in a minute."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._every = every

    async def run(self) -> None:
        """Reconcile until cancelled. Postgres or Temporal may go away and come back."""
        while True:
            try:
                await self.once()
            except (*DATABASE_AWAY, RPCError) as error:
                log.warning("reconciliation_put_off", error=str(error).strip())
            except Exception:
                log.exception("reconciliation_failed")
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """One round over everything. Raises RPCError if Temporal is away."""
        async with (
            self._pool.connection() as conn,
            self._turn(conn, "closed", timedelta(0)) as since,
        ):
            if since is not None:
                await self._start_missing_workflows(conn)
                await stop_runs(conn, self._client, await workflows_to_stop(conn, _PAGE))
                await self._end_closed_runs(conn, since)
                await self._settle_abandoned_claims(conn)
                await wake_overlooked_paused_sends(conn, self._client, _PAGE)
                await wake_unnoticed_migrations(conn, self._client, _PAGE)
                await reconcile_jobs(conn, self._client)

    @asynccontextmanager
    async def _turn(
        self, conn: AsyncConnection[Any], name: str, pause: timedelta
    ) -> AsyncIterator[datetime | None]:
        """This process's turn: since when to list, or None if another has it or it is too early."""
        turn = await take_turn(conn, name, pause)
        if turn is None:
            yield None
            return
        since, now = turn
        try:
            yield since
        except BaseException:
            await give_up_turn(conn, name)
            raise
        await finish_turn(conn, name, now)

    async def _end_closed_runs(self, conn: AsyncConnection[Any], since: datetime) -> None:
        query = (
            f"WorkflowType = '{WORKFLOW}' AND CloseTime >= '{(since - _OVERLAP).isoformat()}'"
            " AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled')"
        )
        page: dict[UUID, str] = {}
        async for execution in self._client.list_workflows(query, page_size=_PAGE):
            run_id = _run_id(execution.id)
            if run_id is not None:
                page[run_id] = execution.id
            if len(page) >= _PAGE:
                await self._end_page(conn, page)
                page = {}
        await self._end_page(conn, page)

    async def _end_page(self, conn: AsyncConnection[Any], page: dict[UUID, str]) -> None:
        for run_id in await active_among(conn, list(page)):
            await self._end_if_closed(conn, run_id, page[run_id])

    async def _end_if_closed(self, conn: AsyncConnection[Any], run_id: UUID, workflow: str) -> None:
        # After a reset the terminated execution is not the latest of its id.
        latest = await self._client.get_workflow_handle(workflow).describe(rpc_timeout=RPC_TIMEOUT)
        end = _ENDS.get(latest.status) if latest.status is not None else None
        if end is None:
            return
        outcome, reason = end
        if await end_run(conn, run_id, outcome, reason):
            log.warning(
                "run_ended_by_reconciliation", run_id=str(run_id), outcome=outcome, reason=reason
            )

    async def _start_missing_workflows(self, conn: AsyncConnection[Any]) -> None:
        for run_id in await runs_to_start(conn, _PAGE):
            if await start_run(conn, self._client, self._catalog, run_id):
                log.warning("run_started_by_reconciliation", run_id=str(run_id))

    async def _settle_abandoned_claims(self, conn: AsyncConnection[Any]) -> None:
        for message_id in await mark_abandoned_claims_unknown(conn):
            log.warning("message_unknown", message_id=str(message_id))


def _run_id(workflow: str) -> UUID | None:
    """The run of a workflow id; None if it is no id of a Journey workflow."""
    try:
        run_id = UUID(workflow.rpartition(".")[2])
    except ValueError:
        return None
    return run_id if workflow_id(workflow.split(".")[1], run_id) == workflow else None
