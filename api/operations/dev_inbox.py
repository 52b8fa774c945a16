"""Route of the development stack alone: the messages that its sinks received."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from api.http.bodies import CheckedRoute
from api.http.problems import Problem
from api.services import UsedServices

router = APIRouter(tags=["development"], route_class=CheckedRoute)


@router.get(
    "/dev/inbox",
    summary="List the messages that the sinks received, oldest first",
    openapi_extra={"security": []},
)
async def read_inbox(services: UsedServices, to: str | None = None) -> list[dict[str, Any]]:
    """E-mails and text messages that were kept instead of sent."""
    if services.inbox is None:
        raise Problem(404, "not_found", "there is nothing at /dev/inbox")
    return await run_in_threadpool(services.inbox.read, to)
