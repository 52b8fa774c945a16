"""Routes of health, readiness and metrics, which need no key."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api.http.bodies import CheckedRoute
from api.http.problems import database_away, responses
from api.services import UsedServices
from store.operations.health import ping
from store.sql import DATABASE_AWAY

_OPEN: dict[str, Any] = {"security": []}

router = APIRouter(tags=["health"], route_class=CheckedRoute)


class Health(BaseModel):
    """The process works."""

    status: Literal["ok"] = "ok"


class Readiness(Health):
    """The process can take calls."""

    attention: dict[str, int]
    """How many things of each kind need a person, see `GET /v1/attention`; empty when all is well.
    It says nothing against taking calls."""


@router.get("/healthz", summary="Check that the process answers", openapi_extra=_OPEN)
async def healthz() -> Health:
    """Answer 200, also while the database cannot be reached."""
    return Health()


@router.get(
    "/readyz",
    summary="Check that the process can take calls",
    response_model=Readiness,
    responses={503: responses()[503]},
    openapi_extra=_OPEN,
)
async def readyz(services: UsedServices) -> Readiness | Response:
    """Answer 200 if the database can be reached. Calls are taken without Temporal too."""
    try:
        async with services.pool.connection(timeout=2.0) as conn:
            await ping(conn)
            spool = None if services.hits is None else services.hits.spool.used
            return Readiness(attention=await services.attention.read(conn, spool))
    except DATABASE_AWAY:
        return database_away()


@router.get(
    "/metrics",
    summary="Read the metrics of the process",
    response_class=Response,
    openapi_extra=_OPEN,
)
async def metrics() -> Response:
    """The metrics of this process, in the text format of Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
