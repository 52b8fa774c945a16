"""Whether a workflow is idle, read from its history."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowHandle


class WorkflowState(Enum):
    """The state of a workflow, as its history shows it."""

    WORKING = auto()
    IDLE = auto()
    CLOSED = auto()
    FAILING = auto()
    """Its last workflow task failed, and Temporal retries it."""


# Looked up once: a history is long, and protobuf enumerations are slow.
_SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_OVERTAKEN = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
_ACTIVITY = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_CLOSING = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
}
_ACTIVITY_ENDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
}


async def workflow_state(handle: WorkflowHandle[Any, Any]) -> WorkflowState:
    """The state of a workflow. It is working while a task or an activity of it is open."""
    working = True
    failing = False
    activities = 0
    async for event in handle.fetch_history_events():
        kind = event.event_type
        if kind in _CLOSING:
            return WorkflowState.CLOSED
        if kind == _SCHEDULED:
            working = True
        elif kind == _COMPLETED:
            working = failing = False
        elif kind == _FAILED:
            working = True
            # A signal that came while the task was worked on: Temporal makes a new task at once.
            failing = event.workflow_task_failed_event_attributes.cause != _OVERTAKEN
        elif kind == _ACTIVITY:
            activities += 1
        elif kind in _ACTIVITY_ENDS:
            activities -= 1
    if failing:
        return WorkflowState.FAILING
    return WorkflowState.WORKING if working or activities else WorkflowState.IDLE
