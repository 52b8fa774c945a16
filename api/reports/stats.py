"""Routes of statistics: a journey's runs, counted per step."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.http.times import Instant, format_time
from api.reports.periods import From, To, read_period
from api.runs.bodies import Number
from api.services import UsedServices
from journeys.protocol.channels import SEND_KINDS
from store.counters.reading import By
from store.reports.goal_counts import GoalCounts as CountedGoals
from store.reports.journey_statistics import (
    JourneyStatistics,
    PeriodStatistics,
    StepStatistics,
    VisitCounts,
    journey_statistics,
)
from store.tables.figures import Cohort

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class GoalCounts(BaseModel):
    """The number of runs that met their goal, and the sum of the goals' values."""

    met: int
    value: Number


class Rate(BaseModel):
    """A share: `count` of the `total`, which is the figure that `of` names."""

    of: str
    count: int
    total: int
    value: float | None
    """Null if there is nothing to be a share of. What happened in a period may be more than all of
    what was sent in it: ask for `cohort=entered` to follow the same runs."""


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
    delivered: int
    opened: int
    """By people, as far as that can be seen."""
    clicked: int
    bounced: int
    replied: int
    complained: int
    unsubscribed: int
    left: int
    outcomes: dict[str, int]
    """With a branch's cases and a split's arms."""
    deferred_by: dict[str, int]
    """Deferred sends by what they wait for: `paused`, `window`, `quiet_hours`, `cap`…"""
    failed_by: dict[str, int]
    """Failed sends by code."""
    links: dict[str, int]
    """Clicks of people by URL, without what follows its path. One person may click often."""
    goal: GoalCounts
    """Goals that were met while the run stood here, or after it had ended here."""
    first_at: Instant | None
    """The end of the first visit, and that of the last one."""
    last_at: Instant | None
    rates: dict[str, Rate]
    """Of sends. Each says what it is a share of."""
    goals: dict[str, int] | None = None
    """Of a split: runs that met their goal, by arm."""
    goal_values: dict[str, Number] | None = None
    """Of a split: the sum of the goals' values, by arm."""


class PeriodCounts(BaseModel):
    """What was counted in an hour or on a day."""

    begins_at: Instant
    entered: int
    ends: dict[str, int]
    refused: dict[str, int]
    goal: GoalCounts
    steps: list[dict[str, Any]]
    """As `steps` of the whole, without what is zero and what stands now."""


class JourneyStats(BaseModel):
    """A journey's statistics, of all versions together unless one was requested."""

    model_config = ConfigDict(populate_by_name=True)

    journey: str
    version: int | None
    entered: int
    """Runs, without those that another run replaced: they ended `restarted` or `merged`."""
    active: int
    steps: list[StepCounts]
    ends: dict[str, int]
    """Ended runs by outcome, replaced ones as well."""
    refused: dict[str, int]
    """Refused entries by code. They are of no version: none if one was requested."""
    goal: GoalCounts
    """Of the runs that `entered` counts."""
    rates: dict[str, Rate]
    cohort: Cohort
    """What is of the period: `occurrence`: what happened in it; `entered`: all that came of the
    runs that were entered in it. What stands now is of now, or of those runs."""
    from_: Instant | None = Field(alias="from")
    to: Instant | None
    timezone: str
    """The zone in which days begin."""
    periods: list[PeriodCounts] | None = None
    """With `by`: the hours or days in which there was anything, oldest first."""


@router.get(
    "/{key}/stats",
    summary="Show a journey's statistics",
    response_model=JourneyStats,
    responses=responses(404, 422),
)
async def get_stats(
    key: Key,
    services: UsedServices,
    version: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
    begins: From = None,
    ends: To = None,
    by: Annotated[By | None, Query(description="Divide the period.")] = None,
    cohort: Annotated[
        Cohort, Query(description="What is of the period: what happened, or who entered.")
    ] = "occurrence",
) -> Response:
    """Counts per step, in the order of the document, and ends by outcome."""
    asked = read_period(begins, ends, by, services.timezone, services.keep["figures"])
    async with services.pool.connection() as conn:
        counted = await journey_statistics(
            conn,
            key,
            version,
            period=asked.period,
            whole_days=asked.whole_days,
            cohort=cohort,
            by=by,
            zone=services.timezone.key,
        )
    if counted is None:
        what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
        raise Problem(404, "unknown_journey", f"there is no {what}")
    return JSONResponse(journey_stats(counted, services.timezone.key))


def journey_stats(counted: JourneyStatistics, timezone: str = "UTC") -> dict[str, Any]:
    """A journey's statistics as JSON."""
    stats = JourneyStats(
        journey=counted.journey,
        version=counted.version,
        entered=counted.entered,
        active=counted.active,
        steps=[_step(step) for step in counted.steps],
        ends=dict(counted.ends),
        refused=dict(counted.refused),
        goal=_goal(counted.goal),
        rates={"goal": _rate(counted.goal.met, "entered", counted.entered)},
        cohort=counted.cohort,
        from_=counted.period.begins_at,
        to=counted.period.ends_at,
        timezone=timezone,
    )
    # A step that is no split has no `goals`.
    body = stats.model_dump(mode="json", exclude_unset=True, by_alias=True)
    if counted.periods is not None:
        # There may be hundreds: a model of each step of each would take longer than counting them.
        body["periods"] = [_period(each) for each in counted.periods]
    return body


def _goal(counts: CountedGoals) -> GoalCounts:
    return GoalCounts(met=counts.met, value=counts.value)


def _rate(count: int, of: str, total: int) -> Rate:
    value = round(count / total, 6) if total else None
    return Rate(of=of, count=count, total=total, value=value)


def _period(counted: PeriodStatistics) -> dict[str, Any]:
    """The fields of `PeriodCounts`."""
    return {
        "begins_at": format_time(counted.begins_at),
        "entered": counted.entered,
        "ends": counted.ends,
        "refused": counted.refused,
        "goal": {"met": counted.goal.met, "value": counted.goal.value},
        "steps": [_without_zeros(step) for step in counted.steps],
    }


def _without_zeros(counted: StepStatistics) -> dict[str, Any]:
    found = {name: value for name, value in _counts(counted).items() if value}
    if counted.goal.met:
        found["goal"] = {"met": counted.goal.met, "value": counted.goal.value}
    return found


def _counts(counted: StepStatistics) -> dict[str, Any]:
    """The counts of a step, under their names in `StepCounts`."""
    visits = counted.visits
    found: dict[str, Any] = {
        "id": visits.step,
        "kind": visits.kind,
        "reached": visits.reached,
        "waiting": visits.waiting,
        "deferred": visits.deferred,
        "retrying": visits.retrying,
        "sent": visits.sent,
        "skipped": counted.skipped,
        "failed": visits.failed,
        "unknown": visits.unknown,
        "delivered": visits.delivered,
        "opened": visits.opened,
        "clicked": visits.clicked,
        "bounced": visits.bounced,
        "replied": visits.replied,
        "complained": visits.complained,
        "unsubscribed": visits.unsubscribed,
        "left": visits.left,
        "outcomes": counted.outcomes,
        "deferred_by": counted.deferred_by,
        "failed_by": counted.failed_by,
        "links": counted.links,
    }
    if counted.goals is not None:
        found["goals"] = counted.goals
    if counted.goal_values is not None:
        found["goal_values"] = counted.goal_values
    return found


def _step(counted: StepStatistics) -> StepCounts:
    visits = counted.visits
    return StepCounts(
        **_counts(counted),
        goal=_goal(counted.goal),
        first_at=visits.first_at,
        last_at=visits.last_at,
        rates=_rates(visits) if visits.kind in SEND_KINDS else {},
    )


def _rates(visits: VisitCounts) -> dict[str, Rate]:
    rates = {"failed": _rate(visits.failed, "left", visits.left)}
    if visits.kind == "webhook":
        return rates
    for name in ("delivered", "bounced", "opened", "clicked", "complained", "unsubscribed"):
        rates[name] = _rate(getattr(visits, name), "sent", visits.sent)
    rates["clicked_of_opened"] = _rate(visits.clicked, "opened", visits.opened)
    return rates
