"""Periodic reconciliation of Temporal with PostgreSQL.

- A workflow that was cancelled or terminated, or that failed or timed out, ends its run.
- A run that has no workflow yet gets one.
- A claim whose run ended before its result was recorded becomes `unknown`.
- Marketing whose messages bounce or annoy too much is frozen, and woken once it is not any more.
- A send whose pause is over is woken, and so is a moved run that has not taken its version.
- A segment whose members are not kept yet is filled, and each night all are checked.
- A job that has no workflow yet gets one, and a job whose workflow was closed ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from dispatch.cancellation import end_if_cancelled
from dispatch.date_entries import begin_date_fills
from dispatch.faults import FoundFault, raise_outage, record_faults
from dispatch.held_marketing import freeze_bad_channels, wake_thawed_sends, wake_within_ceilings
from dispatch.jobs import reconcile_jobs
from dispatch.journey_schedules import keep_schedules
from dispatch.kept_entries import admit_kept_entries
from dispatch.observed_goals import judge_observations_again
from dispatch.paused_sends import wake_overlooked_paused_sends
from dispatch.temporal import RPC_TIMEOUT, TemporalAway, answers, is_away
from dispatch.versions import wake_unnoticed_migrations
from journeys.protocol.channels import ChannelName
from journeys.protocol.names import WORKFLOW, workflow_id
from journeys.schedule.ceilings import DailyCeiling
from store.definitions.catalog import Catalog
from store.definitions.documents import lock_catalog
from store.entries.kept_entries import overlooked_entries
from store.messages.claims import mark_abandoned_claims_unknown
from store.operations.audit import OUTSIDE, record_audit
from store.operations.faults import describe
from store.operations.logged_errors import logged_error
from store.operations.reconciliation_cursor import (
    TURN_LEASE,
    finish_turn,
    give_up_turn,
    renew_turn,
    take_turn,
)
from store.runs.lifecycle import end_run
from store.runs.workflow_marks import CallKey, active_among, park_calls, runs_to_start
from store.segments.generations import (
    begin_generations,
    begin_nightly_check,
    has_unknown_segments,
)
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

_EVERY = 10.0
_PAGE = 100
_PAGES = 50
"""Of one part in one round, at most."""
_OVERLAP = timedelta(minutes=5)
"""Temporal's visibility lags behind: each round lists again what closed in this time before."""

_ENDS = {
    WorkflowExecutionStatus.TERMINATED: ("removed", "terminated"),
    WorkflowExecutionStatus.CANCELED: ("removed", "cancelled"),
    WorkflowExecutionStatus.TIMED_OUT: ("removed", "timed_out"),
    WorkflowExecutionStatus.FAILED: ("failed", "workflow_failed"),
}

_BY_SOMEBODY = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.CANCELED)
"""What somebody did in Temporal; the other ends are the engine's own."""


@dataclass
class Work:
    """A turn's work."""

    conn: AsyncConnection[Any]
    since: datetime
    """Up to when closed workflows were checked before."""
    faults: list[FoundFault] = field(default_factory=list)
    failed: bool = False
    """Whether the same time has to be checked again."""


class Reconciliation:
    """The reconciliation of one worker; of those that run side by side, one works at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        *,
        every: float = _EVERY,
        ceilings: Mapping[ChannelName, DailyCeiling] = MappingProxyType({}),
    ) -> None:
        """`every`: seconds between rounds; the promise is that Postgres follows in a minute."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._every = every
        self._ceilings = ceilings
        self._after_paused: UUID | None = None
        self._after_moved: UUID | None = None

    async def run(self) -> None:
        """Reconcile until cancelled. Postgres or Temporal may go away and come back."""
        while True:
            end_if_cancelled()
            try:
                await self.once()
            except Exception as error:
                away = isinstance(error, TemporalAway | RPCError) or is_database_away(error)
                if away or is_database_busy(error):
                    log.warning("reconciliation_put_off", error=logged_error(error))
                else:
                    log.exception("reconciliation_failed")
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """One round over everything. Raises TemporalAway.

        Each part has its turn, also if another fails; what a failed one has not done is left to the
        next round.
        """
        parts: list[tuple[str, Callable[[Work], Awaitable[None]]]] = [
            ("claims", self._settle_abandoned_claims),
            ("starts", self._start_missing_workflows),
            ("dates", self._begin_date_fills),
            ("schedules", self._keep_schedules),
            ("segments", self._keep_segments),
            ("jobs", self._reconcile_jobs),
            ("pauses", self._wake_paused_sends),
            ("kept_entries", self._admit_kept_entries),
            ("holdouts", self._judge_observations),
            ("freezes", self._freeze_and_thaw),
            ("moves", self._wake_moved_runs),
            ("closed", self._end_closed_runs),
        ]
        async with (
            self._pool.connection() as conn,
            self._turn(conn, "closed", timedelta(0)) as work,
        ):
            if work is not None:
                for name, part in parts:
                    await self._do(work, name, part)

    async def _do(self, work: Work, name: str, part: Callable[[Work], Awaitable[None]]) -> None:
        try:
            await part(work)
        except TemporalAway:
            raise
        except Exception as error:
            if is_database_away(error):
                raise
            if isinstance(error, RPCError) and is_away(error) and not await answers(self._client):
                raise TemporalAway(error.message) from None
            work.failed = True
            work.faults.append(FoundFault("reconciliation", error, subject=f"part {name}"))
        faults, work.faults = work.faults, []
        await record_faults(work.conn, faults)

    @asynccontextmanager
    async def _turn(
        self, conn: AsyncConnection[Any], name: str, pause: timedelta
    ) -> AsyncIterator[Work | None]:
        """This process's turn; None if another has it or it is too early. It is kept as long as it
        takes, and another's is never ended."""
        owner = uuid4()
        turn = await take_turn(conn, name, owner, pause)
        if turn is None:
            yield None
            return
        since, now = turn
        work = Work(conn, since)
        keeping = asyncio.create_task(self._keep_turn(name, owner))
        try:
            yield work
        except BaseException:
            await give_up_turn(conn, name, owner)
            raise
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        if work.failed:
            await give_up_turn(conn, name, owner)
        else:
            await finish_turn(conn, name, owner, now)

    async def _keep_turn(self, name: str, owner: UUID) -> None:
        while True:
            await asyncio.sleep(TURN_LEASE.total_seconds() / 3)
            try:
                async with self._pool.connection() as conn:
                    await renew_turn(conn, name, owner)
            except psycopg.Error as error:
                log.warning("lease_not_renewed", error=describe(error))

    async def _end_closed_runs(self, work: Work) -> None:
        since = work.since
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
                await self._end_page(work, page)
                page = {}
        await self._end_page(work, page)

    async def _end_page(self, work: Work, page: dict[UUID, str]) -> None:
        for run_id in await active_among(work.conn, list(page)):
            try:
                await self._end_if_closed(work.conn, run_id, page[run_id])
            except Exception as error:
                raise_outage(error)
                if is_away(error) and not await answers(self._client):
                    raise
                # The same time is checked again.
                work.failed = True
                work.faults.append(FoundFault("closed", error, run_id=run_id))

    async def _end_if_closed(self, conn: AsyncConnection[Any], run_id: UUID, workflow: str) -> None:
        # After a reset the terminated execution is not the latest of its id.
        latest = await self._client.get_workflow_handle(workflow).describe(rpc_timeout=RPC_TIMEOUT)
        end = _ENDS.get(latest.status) if latest.status is not None else None
        if end is None:
            return
        outcome, reason = end
        async with conn.transaction():
            ended = await end_run(conn, run_id, outcome, reason)
            if ended and latest.status in _BY_SOMEBODY:
                await record_audit(
                    conn,
                    OUTSIDE,
                    "run.end",
                    f"run:{run_id}",
                    after={"outcome": outcome, "reason": reason},
                    journey=workflow.split(".")[1],
                )
        if ended:
            log.warning(
                "run_ended_by_reconciliation", run_id=str(run_id), outcome=outcome, reason=reason
            )

    async def _start_missing_workflows(self, work: Work) -> None:
        """Leave the runs that have no workflow to the dispatchers."""
        for _ in range(_PAGES):
            runs = await runs_to_start(work.conn, _PAGE)
            if runs:
                log.warning("runs_without_workflow", runs=[str(run_id) for run_id in runs])
                missing: list[CallKey] = [(run_id, "start", 0) for run_id in runs]
                await park_calls(work.conn, missing, timedelta(0))
            if len(runs) < _PAGE:
                return

    async def _keep_schedules(self, work: Work) -> None:
        work.faults += await keep_schedules(work.conn, self._client, self._catalog)

    async def _begin_date_fills(self, work: Work) -> None:
        await begin_date_fills(work.conn, self._client)

    async def _reconcile_jobs(self, work: Work) -> None:
        work.faults += await reconcile_jobs(work.conn, self._client)

    async def _keep_segments(self, work: Work) -> None:
        """Leave the jobs to the part after this one."""
        if await has_unknown_segments(work.conn):
            async with work.conn.transaction():
                await lock_catalog(work.conn)
                await begin_generations(work.conn)
        await begin_nightly_check(work.conn)

    async def _wake_paused_sends(self, work: Work) -> None:
        self._after_paused = await wake_overlooked_paused_sends(
            work.conn, self._client, _PAGE, self._after_paused, work.faults
        )

    async def _admit_kept_entries(self, work: Work) -> None:
        found = await overlooked_entries(work.conn, _PAGE)
        faults, _ = await admit_kept_entries(work.conn, self._catalog, found)
        work.faults += faults

    async def _judge_observations(self, work: Work) -> None:
        work.faults += await judge_observations_again(work.conn, self._catalog, _PAGE)

    async def _freeze_and_thaw(self, work: Work) -> None:
        await freeze_bad_channels(work.conn)
        await wake_thawed_sends(work.conn, self._client, _PAGE, work.faults)
        await wake_within_ceilings(work.conn, self._client, self._ceilings, _PAGE, work.faults)

    async def _wake_moved_runs(self, work: Work) -> None:
        self._after_moved = await wake_unnoticed_migrations(
            work.conn, self._client, _PAGE, after=self._after_moved, faults=work.faults
        )

    async def _settle_abandoned_claims(self, work: Work) -> None:
        for message_id in await mark_abandoned_claims_unknown(work.conn):
            log.warning("message_unknown", message_id=str(message_id))


def _run_id(workflow: str) -> UUID | None:
    """The run of a workflow id; None if it is no id of a Journey workflow."""
    try:
        run_id = UUID(workflow.rpartition(".")[2])
    except ValueError:
        return None
    return run_id if workflow_id(workflow.split(".")[1], run_id) == workflow else None
