"""Routes of statistics: a journey's runs, counted per step."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.runs.bodies import Number
from api.services import UsedServices
from store.reports.journey_statistics import (
    JourneyStatistics,
    StepStatistics,
    journey_statistics,
)

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class StepCounts(BaseModel):
    """A step's visits by their results."""

    id: str
    kind: str
    reached: int
    waiting: int
    """Runs that are there now, without those whose send is deferred or retried."""
    deferred: int
    """Runs whose send waits for a pause, a window, a time of day or a cap."""
    retrying: int
    """Runs whose send is tried again, from its third attempt on."""
    sent: int
    skipped: dict[str, int]
    """By reason."""
    failed: int
    unknown: int
    opened: int
    clicked: int
    unsubscribed: int
    left: int
    outcomes: dict[str, int]
    """With a branch's cases and a split's arms."""
    goals: dict[str, int] | None = None
    """Of a split: runs that met their goal, by arm."""


class GoalCounts(BaseModel):
    """The number of runs that met their goal, and the sum of the goals' values."""

    met: int
    value: Number


class JourneyStats(BaseModel):
    """A journey's statistics, of all versions together unless one was requested."""

    journey: str
    version: int | None
    entered: int
    """Runs, without those that another run replaced: they ended `restarted` or `merged`."""
    active: int
    steps: list[StepCounts]
    ends: dict[str, int]
    """Ended runs by outcome, replaced ones as well."""
    goal: GoalCounts
    """Of the runs that `entered` counts."""


@router.get(
    "/{key}/stats",
    summary="Show a journey's statistics",
    response_model=JourneyStats,
    responses=responses(404),
)
async def get_stats(
    key: Key,
    services: UsedServices,
    version: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
) -> Response:
    """Counts per step, in the order of the document, and ends by outcome."""
    async with services.pool.connection() as conn:
        counted = await journey_statistics(conn, key, version)
    if counted is None:
        what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
        raise Problem(404, "unknown_journey", f"there is no {what}")
    return JSONResponse(journey_stats(counted))


def journey_stats(counted: JourneyStatistics) -> dict[str, Any]:
    """A journey's statistics as JSON."""
    stats = JourneyStats(
        journey=counted.journey,
        version=counted.version,
        entered=counted.entered,
        active=counted.active,
        steps=[_step(step) for step in counted.steps],
        ends=dict(counted.ends),
        goal=GoalCounts(met=counted.goal.met, value=counted.goal.value),
    )
    # A step that is no split has no `goals`.
    return stats.model_dump(mode="json", exclude_unset=True)


def _step(counted: StepStatistics) -> StepCounts:
    visits = counted.visits
    counts = StepCounts(
        id=visits.step,
        kind=visits.kind,
        reached=visits.reached,
        waiting=visits.waiting,
        deferred=visits.deferred,
        retrying=visits.retrying,
        sent=visits.sent,
        skipped=dict(counted.skipped),
        failed=visits.failed,
        unknown=visits.unknown,
        opened=visits.opened,
        clicked=visits.clicked,
        unsubscribed=visits.unsubscribed,
        left=visits.left,
        outcomes=dict(counted.outcomes),
    )
    if counted.goals is not None:
        counts.goals = dict(counted.goals)
    return counts
