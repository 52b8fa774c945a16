"""Payloads and activities of the bare workflow."""

from __future__ import annotations

import time

from pydantic import BaseModel
from temporalio import activity


class BareInput(BaseModel):
    """The input of the workflow and of each activity."""

    run_id: str
    pause: float = 2.0
    """Seconds."""
    due: float = 0.0
    """When the pause ends, in seconds since 1970."""


class BareResult(BaseModel):
    """The result of the workflow and of each activity."""

    outcome: str
    late: float = 0.0
    """Seconds between the end of the pause and the branch."""


@activity.defn(name="bare_send")
async def send(request: BareInput) -> BareResult:
    """A send without a provider."""
    return BareResult(outcome="sent")


@activity.defn(name="bare_branch")
async def branch(request: BareInput) -> BareResult:
    """A branch without a database."""
    return BareResult(outcome="else", late=time.time() - request.due)
