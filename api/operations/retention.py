"""Route of the retention: how long data are kept, what was removed, and what is exempt."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses
from api.http.times import Instant
from api.services import UsedServices
from store.retention.reports import exempt_events, latest_reports

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

_SHOWN = 10


class RetentionReport(BaseModel):
    """What one run of the retention has removed."""

    started_at: Instant
    ended_at: Instant | None
    removed: dict[str, int]
    """Rows by kind of data."""


class RetentionBody(BaseModel):
    """The retention of data."""

    keep: dict[str, str]
    """By kind of data: how long it is kept, as a duration."""
    exempt_events: list[str]
    """Events that live documents ask for without a bound in time; they are kept."""
    reports: list[RetentionReport]
    """The newest ten."""


@router.get("/retention", summary="Show how long data are kept", responses=responses())
async def get_retention(services: UsedServices) -> RetentionBody:
    """The durations, the events that are exempt, and what was removed lately."""
    async with services.pool.connection() as conn:
        exempt = await exempt_events(conn)
        reports = await latest_reports(conn, _SHOWN)
    return RetentionBody(
        keep=dict(services.keep),
        exempt_events=sorted(exempt),
        reports=[
            RetentionReport(
                started_at=each.started_at, ended_at=each.ended_at, removed=each.removed
            )
            for each in reports
        ],
    )
