"""Messages that are sent again: starting the workflow of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from dispatch.faults import FoundFault, record_faults
from dispatch.temporal import RPC_TIMEOUT, make_calls
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.names import HURRY, QUEUE, SEND_AGAIN, workflow_id_of_retry
from journeys.protocol.payloads import SendAgainInput
from journeys.protocol.program import FIRST_PRIORITY, SERVICE_PRIORITY
from store.repairs.job_items import ItemRow, end_sending
from store.repairs.message_retries import MessageAgain, messages_again

log = structlog.get_logger(__name__)

_FAIRNESS_KEY = 64
"""Bytes of a fairness key, at most; keys of journeys are ASCII."""


async def start_messages_again(
    conn: AsyncConnection[Any], client: Client, items: Sequence[ItemRow]
) -> None:
    """Start the workflows of messages that are to be sent again. Raises TemporalAway.

    One that is at work goes on, and one that was closed before its end is started again.
    """
    found = await messages_again(conn, items)
    known = {(each.run_id, each.visit) for each in found}
    for item in items:
        if (item.run_id, item.visit) not in known:
            await end_sending(conn, item, "left", "unknown_run")
    failed = await make_calls(
        client, {(each.run_id, each.visit): partial(_start, client, each) for each in found}
    )
    await record_faults(
        conn,
        [
            FoundFault("send_again", error, run_id=run_id, visit=visit)
            for (run_id, visit), error in failed.items()
        ],
    )


async def hurry_message(client: Client, job_id: UUID, run_id: UUID, visit: int) -> bool:
    """Make the next attempt of a message that waits for one at once.

    False if it is not at work, or Temporal is away: then it is made when its time comes.
    """
    handle = client.get_workflow_handle(workflow_id_of_retry(job_id, run_id, visit))
    try:
        await handle.signal(HURRY, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        log.warning("message_not_hurried", error=str(error.status))
        return False
    return True


async def _start(client: Client, message: MessageAgain) -> None:
    """Start one workflow. Raises RPCError."""
    priority = None
    if message.transactional:
        priority = FIRST_PRIORITY
    elif message.class_ == "service":
        priority = SERVICE_PRIORITY
    summary = f"{message.journey}: {message.step} again"
    try:
        await client.start_workflow(
            SEND_AGAIN,
            SendAgainInput(
                job_id=message.job_id,
                run_id=message.run_id,
                visit=message.visit,
                queue=SEND_QUEUES[message.channel],
                summary=summary,
                priority=priority,
                fairness=message.journey[:_FAIRNESS_KEY],
            ),
            id=workflow_id_of_retry(message.job_id, message.run_id, message.visit),
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=summary,
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return
