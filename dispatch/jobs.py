"""Jobs in Temporal: starting their workflows, and ending the jobs whose workflow was closed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from dispatch.faults import FoundFault, raise_outage
from dispatch.temporal import (
    JOURNEY_KEY,
    JOURNEY_VERSION,
    RPC_TIMEOUT,
    TemporalAway,
    answers,
    is_away,
)
from journeys.protocol.jobs import JOBS
from journeys.protocol.names import QUEUE, job_workflow_id
from journeys.protocol.payloads import JobInput
from store.contacts.erasure import resume_erasures
from store.operations.audit import ENGINE, Actor
from store.operations.jobs import CLOSED, JobRow, job_started, read_job, running_jobs, stop_job

log = structlog.get_logger(__name__)

_CANCEL_SECONDS = 1.5
"""How long a caller waits for the workflow to be cancelled."""


async def start_job(conn: AsyncConnection[Any], client: Client, job_id: UUID) -> bool:
    """Start a job's workflow; starting it again does nothing.

    Returns False while Temporal is away; the reconciliation starts it later.
    """
    job = await read_job(conn, job_id)
    if job is None:
        return False
    try:
        await _start(client, job)
    except (RPCError, RuntimeError) as error:
        log.warning("job_not_started", job=str(job_id), error=type(error).__name__)
        return False
    await job_started(conn, job_id)
    return True


async def cancel_job(
    conn: AsyncConnection[Any], client: Client, job_id: UUID, actor: Actor
) -> JobRow | None:
    """Stop a job that is running, and read it; None if there is no such job.

    Its workflow is cancelled. While Temporal is away it is not, and ends with its next page.
    """
    job = await stop_job(conn, job_id, actor)
    if job is None or job.state != "stopped":
        return job
    handle = client.get_workflow_handle(job_workflow_id(job.kind, job_id))
    try:
        async with asyncio.timeout(_CANCEL_SECONDS):
            await handle.cancel(rpc_timeout=RPC_TIMEOUT)
    except (RPCError, RuntimeError, TimeoutError) as error:
        if not isinstance(error, RPCError) or error.status is not RPCStatusCode.NOT_FOUND:
            log.warning("job_not_cancelled", job=str(job_id), error=type(error).__name__)
    return job


async def reconcile_jobs(conn: AsyncConnection[Any], client: Client) -> list[FoundFault]:
    """Start the jobs that have no workflow yet, and end those whose workflow an operator closed.

    One that fails keeps no other from its turn: the faults. Raises TemporalAway.
    """
    async with conn.transaction():
        await resume_erasures(conn)
    running = await running_jobs(conn)
    faults = []
    for job, started in running:
        try:
            if not started:
                await start_job(conn, client, job.id)
            else:
                await _end_if_closed(conn, client, job)
        except Exception as error:
            raise_outage(error)
            if is_away(error) and not await answers(client):
                raise TemporalAway(str(error)) from None
            faults.append(FoundFault("job", error, subject=f"job {job.id}"))
    return faults


async def _end_if_closed(conn: AsyncConnection[Any], client: Client, job: JobRow) -> None:
    handle = client.get_workflow_handle(job_workflow_id(job.kind, job.id))
    try:
        status = (await handle.describe(rpc_timeout=RPC_TIMEOUT)).status
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        status = WorkflowExecutionStatus.TERMINATED
    if status not in (
        WorkflowExecutionStatus.RUNNING,
        WorkflowExecutionStatus.CONTINUED_AS_NEW,
        WorkflowExecutionStatus.COMPLETED,
    ):
        await stop_job(conn, job.id, ENGINE, reason=CLOSED)
        log.warning("job_stopped", job=str(job.id), kind=job.kind, journey=job.journey)


async def _start(client: Client, job: JobRow) -> None:
    attributes = []
    if job.journey is not None:
        attributes.append(SearchAttributePair(JOURNEY_KEY, job.journey))
    if job.version is not None:
        attributes.append(SearchAttributePair(JOURNEY_VERSION, str(job.version)))
    try:
        await client.start_workflow(
            JOBS[job.kind].workflow,
            JobInput(job_id=job.id, subject=_subject(job)),
            id=job_workflow_id(job.kind, job.id),
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes(attributes),
            static_summary=_subject(job),
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


def _subject(job: JobRow) -> str:
    return JOBS[job.kind].subject.format(
        journey=job.journey, version=job.version, subject=job.subject
    )
