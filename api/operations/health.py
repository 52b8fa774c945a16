"""Health, readiness and metrics: open to whoever watches the process."""

from __future__ import annotations

from typing import Any, Literal

import psycopg
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from pydantic import BaseModel

from api.http.problems import database_away, responses
from api.services import UsedServices
from store.operations.health import ping

_OPEN: dict[str, Any] = {"security": []}

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", summary="Whether the process answers", openapi_extra=_OPEN)
async def healthz() -> Health:
    """Answer, whatever is behind us."""
    return Health()


@router.get(
    "/readyz",
    summary="Whether the process can take calls",
    response_model=Health,
    responses={503: responses()[503]},
    openapi_extra=_OPEN,
)
async def readyz(services: UsedServices) -> Health | Response:
    """Answer 200 while the database does. Temporal may be away: calls are taken all the same."""
    try:
        async with services.pool.connection(timeout=2.0) as conn:
            await ping(conn)
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        return database_away()
    return Health()


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    openapi_extra=_OPEN,
)
async def metrics() -> Response:
    """Counters of this process, in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
