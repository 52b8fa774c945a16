"""The bare workflow's payloads and activities."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity


class Given(BaseModel):
    """The input of everything."""

    run_id: str
    pause: float = 2.0
    """Seconds."""


class Done(BaseModel):
    """The result of everything."""

    outcome: str


@activity.defn(name="bare_send")
async def send(given: Given) -> Done:
    """A send without a provider."""
    return Done(outcome="sent")


@activity.defn(name="bare_branch")
async def branch(given: Given) -> Done:
    """A branch without a database."""
    return Done(outcome="else")
