"""Runs: started by API, told events of their own."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.auth import requires
from api.bodies import StrictRoute
from api.documents import Key
from api.problems import RETRY_AFTER, Problem, responses
from api.services import UsedServices
from dispatch.starting import TemporalAway, start_by_api
from store.run_events import RunEnded, record_run_event

router = APIRouter(
    prefix="/v1",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

Properties = Annotated[dict[str, Any], Field(default_factory=dict)]


class RunStart(BaseModel):
    """Who enters, and with what."""

    model_config = ConfigDict(extra="forbid")

    contact: str = Field(min_length=1, max_length=500)
    properties: Properties
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    """A repeated key gives the first answer."""


class RunStarted(BaseModel):
    """The run, and its workflow in Temporal."""

    id: UUID
    workflow_id: str


class RunEvent(BaseModel):
    """An event of the run's contact that this run alone sees."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(min_length=1, max_length=200)
    properties: Properties
    messageId: str | None = Field(default=None, min_length=1, max_length=100)  # noqa: N815


class RunEventTaken(BaseModel):
    """The event is stored."""

    success: bool = True


@router.post(
    "/journeys/{key}/runs",
    status_code=201,
    summary="Start a run",
    response_model=RunStarted,
    responses=responses(404, 409, 422),
)
async def start_run(key: Key, start: RunStart, services: UsedServices) -> Response:
    """Start a run of the active version. 409 says why a contact is not let in."""
    try:
        answer = await start_by_api(
            services.pool,
            services.temporal,
            services.catalog,
            key,
            start.contact,
            start.properties,
            start.idempotency_key,
        )
    except TemporalAway:
        raise Problem(
            503,
            "temporal_away",
            "Temporal is away for the moment: try again with the same idempotency key",
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from None
    if answer.status >= 400:
        raise Problem(answer.status, answer.body["code"], answer.body["message"])
    return JSONResponse(answer.body, answer.status)


@router.post(
    "/runs/{run}/events",
    summary="Tell a run of an event",
    responses=responses(404, 409, 422),
)
async def tell_run(run: UUID, told: RunEvent, services: UsedServices) -> RunEventTaken:
    """Store an event that no other run sees, and that starts none."""
    try:
        async with services.pool.connection() as conn, conn.transaction():
            await record_run_event(conn, run, told.event, told.properties, told.messageId)
    except LookupError:
        raise Problem(404, "unknown_run", f"there is no run {run}") from None
    except RunEnded:
        raise Problem(409, "run_ended", f"run {run} has ended: nobody would see it") from None
    services.notifier.wake()
    return RunEventTaken()
