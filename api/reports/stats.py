"""What became of a journey's runs, counted per step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.services import UsedServices
from store.reports.journey_statistics import journey_statistics

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)


class StepCounts(BaseModel):
    """A step's visits by what became of them."""

    id: str
    kind: str
    reached: int
    waiting: int
    sent: int
    skipped: dict[str, int]
    """By reason."""
    failed: int
    unknown: int
    opened: int
    clicked: int
    left: int
    outcomes: dict[str, int]
    """A branch's cases and a split's arms among them."""
    goals: dict[str, int] | None = None
    """Of a split: runs that met their goal, by arm."""


class GoalCounts(BaseModel):
    """How many runs met their goal, and the sum of what it was worth."""

    met: int
    value: float


class JourneyStats(BaseModel):
    """A journey's counts, of all versions together unless one was asked for."""

    journey: str
    version: int | None
    entered: int
    active: int
    steps: list[StepCounts]
    ends: dict[str, int]
    """Ended runs by outcome."""
    goal: GoalCounts
    """Without runs that another stands for: those that ended `restarted` or `merged`."""


@router.get(
    "/{key}/stats",
    summary="Count what became of a journey's runs",
    response_model=JourneyStats,
    responses=responses(404),
)
async def get_stats(
    key: Key, services: UsedServices, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Counts per step, in the order of the document, and ends by outcome."""
    async with services.pool.connection() as conn:
        counted = await journey_statistics(conn, key, version)
    if counted is None:
        what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
        raise Problem(404, "unknown_journey", f"there is no {what}")
    return JSONResponse(counted)
