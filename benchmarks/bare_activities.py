"""Payloads and activities of the bare workflow."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity


class BareInput(BaseModel):
    """The input of the workflow and of each activity."""

    run_id: str
    pause: float = 2.0
    """Seconds."""


class BareResult(BaseModel):
    """The result of the workflow and of each activity."""

    outcome: str


@activity.defn(name="bare_send")
async def send(request: BareInput) -> BareResult:
    """A send without a provider."""
    return BareResult(outcome="sent")


@activity.defn(name="bare_branch")
async def branch(request: BareInput) -> BareResult:
    """A branch without a database."""
    return BareResult(outcome="else")
