"""Whether a workflow has done all that it can do for now, told from its history."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle


class Rest(Enum):
    """What a workflow is doing."""

    AT_WORK = auto()
    STANDING = auto()
    CLOSED = auto()
    BROKEN = auto()
    """Its last workflow task failed, and is tried again and again."""


# Read once: a history is long, and an enumeration of protobuf slow to ask.
_SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
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


async def rest_of(handle: WorkflowHandle[Any, Any]) -> Rest:
    """What a workflow is doing now. A task or an activity that is under way is work."""
    at_work = True
    broken = False
    activities = 0
    async for event in handle.fetch_history_events():
        kind = event.event_type
        if kind in _CLOSING:
            return Rest.CLOSED
        if kind == _SCHEDULED:
            at_work = True
        elif kind == _COMPLETED:
            at_work = broken = False
        elif kind == _FAILED:
            at_work = broken = True
        elif kind == _ACTIVITY:
            activities += 1
        elif kind in _ACTIVITY_ENDS:
            activities -= 1
    if broken:
        return Rest.BROKEN
    return Rest.AT_WORK if at_work or activities else Rest.STANDING
