"""Routes of the dashboard: what happened on a day in all journeys."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses
from api.reports.periods import read_day
from api.reports.stats import GoalCounts
from api.services import UsedServices
from store.reports.dashboard import Dashboard, JourneyDay, read_dashboard

router = APIRouter(
    prefix="/v1",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class TrendDay(BaseModel):
    """The entries of a day."""

    day: date
    entered: int


class JourneyDayBody(BaseModel):
    """A journey on a day."""

    journey: str
    state: str
    version: int | None
    """The active one."""
    entered: int
    ended: int
    refused: int
    goal: GoalCounts
    messages: dict[str, int]
    """That were sent, by channel."""
    active: int
    """Runs that have not ended, now."""
    waiting: int
    """Runs that stand at a step now, without those whose send is deferred or retried."""
    deferred: int
    retrying: int
    trend: list[TrendDay]
    """The last 14 days, with this one."""


class DashboardBody(BaseModel):
    """The figures of a day in the time zone of the installation."""

    day: date
    timezone: str
    contacts_in_journeys: int
    """Contacts with an active run, now."""
    targeted_contacts: int
    """Contacts to whom an e-mail or a text message was sent on the day, each once."""
    messages: dict[str, int]
    """Messages that were sent on the day, by channel."""
    entered: int
    ended: int
    refused: int
    goals: int
    goal_value: float
    consents: dict[str, int]
    """Changes of consent on the day, by the state that they led to."""
    journeys: list[JourneyDayBody]


@router.get("/dashboard", summary="Show the figures of a day", responses=responses(422))
async def get_dashboard(
    services: UsedServices,
    day: Annotated[
        str | None,
        Query(max_length=40, description="Such as 2026-11-30, in PARCOURS_TIMEZONE; today."),
    ] = None,
) -> DashboardBody:
    """What happened on a day, and what stands now, in all journeys and in each."""
    zone = services.timezone
    wanted = datetime.now(UTC).astimezone(zone).date() if day is None else read_day(day, "day")
    async with services.pool.connection() as conn:
        return _body(await read_dashboard(conn, wanted, zone), zone.key)


def _body(found: Dashboard, timezone: str) -> DashboardBody:
    return DashboardBody(
        day=found.day,
        timezone=timezone,
        contacts_in_journeys=found.contacts_in_journeys,
        targeted_contacts=found.targeted_contacts,
        messages=dict(found.messages),
        entered=found.entered,
        ended=found.ended,
        refused=found.refused,
        goals=found.goal.met,
        goal_value=found.goal.value,
        consents=dict(found.consents),
        journeys=[_journey(each, found) for each in found.journeys],
    )


def _journey(of: JourneyDay, found: Dashboard) -> JourneyDayBody:
    return JourneyDayBody(
        journey=of.journey,
        state=of.state,
        version=of.version,
        entered=of.entered,
        ended=of.ended,
        refused=of.refused,
        goal=GoalCounts(met=of.goal.met, value=of.goal.value),
        messages={channel: of.messages[channel] for channel in found.messages},
        active=of.active,
        waiting=of.waiting - of.deferred - of.retrying,
        deferred=of.deferred,
        retrying=of.retrying,
        trend=[
            TrendDay(day=day, entered=entered)
            for day, entered in zip(found.trend_days, of.trend, strict=True)
        ],
    )
