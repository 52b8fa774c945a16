"""What an operator does in Temporal, and what Temporal knows of a workflow."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from tests.support.conditions import eventually


async def history(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    """The events of a workflow's latest execution."""
    return list((await handle.fetch_history()).events)


async def counted(handle: WorkflowHandle[Any, Any]) -> Counter[str]:
    """How many events of each type there are, by names like `TIMER_STARTED`."""
    return Counter(
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        for event in await history(handle)
    )


async def workflow_tasks(handle: WorkflowHandle[Any, Any]) -> list[int]:
    """The ids of the latest execution's completed workflow tasks: where it can be reset to.

    Waits for the first: Postgres knows where a run stands a little before Temporal does.
    """

    async def look() -> list[int]:
        return [
            event.event_id
            for event in await history(handle)
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ]

    return await eventually(look, what=f"a workflow task of {handle.id}")


async def reset(client: Client, handle: WorkflowHandle[Any, Any], task: int) -> str:
    """Reset a workflow to one of its workflow tasks, as operators do; the new execution's id."""
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="an operator asked for it",
            workflow_task_finish_event_id=task,
            request_id=str(uuid4()),
        )
    )
    return answer.run_id


async def closed_as(handle: WorkflowHandle[Any, Any], timeout: float = 20.0) -> str:
    """How a workflow's latest execution closed: `COMPLETED`, `CANCELED`…; waited for."""

    async def look() -> WorkflowExecutionStatus | None:
        status = (await handle.describe()).status
        return None if status is WorkflowExecutionStatus.RUNNING else status

    status = await eventually(look, timeout, what=f"{handle.id} closed")
    assert status is not None
    return status.name


async def everything_known(client: Client, handle: WorkflowHandle[Any, Any]) -> bytes:
    """All that Temporal tells of a workflow, as it goes over the wire.

    Every execution of its id: history with payloads, markers and failures; description with memo,
    search attributes and pending activities; what the list shows; what a worker answers to the
    queries of its state.
    """
    found: list[Message] = [
        (await client.get_workflow_handle(handle.id).describe()).raw_description
    ]
    async for listed in client.list_workflows(f"WorkflowId = '{handle.id}'"):
        found.append(listed.raw_info)
        execution = client.get_workflow_handle(handle.id, run_id=listed.run_id)
        found += (await execution.fetch_history()).events
    for query in ("__temporal_workflow_metadata", "__stack_trace"):
        found.append(await raw_query(client, handle, query))
    return b"\n".join(message.SerializeToString() for message in found)


async def raw_query(client: Client, handle: WorkflowHandle[Any, Any], query: str) -> Payloads:
    """What a worker answers to a query, undecoded."""
    answer = await client.workflow_service.query_workflow(
        QueryWorkflowRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id),
            query=WorkflowQuery(query_type=query),
        )
    )
    return answer.query_result


async def current_details(client: Client, handle: WorkflowHandle[Any, Any]) -> str:
    """The Markdown that says in the UI where a workflow stands."""
    [payload] = (await raw_query(client, handle, "__temporal_workflow_metadata")).payloads
    return Parse(payload.data, WorkflowMetadata()).current_details
