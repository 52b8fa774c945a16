"""Route of the forecast: what will be sent, by journey, step, hour and channel."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses
from api.http.times import Instant
from api.operations.attention import Within, parse_within
from api.services import UsedServices
from journeys.protocol.channels import ChannelName
from store.reports.upcoming import LONGEST, By, read_upcoming

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class UpcomingBody(BaseModel):
    """Sends of one step that come within one hour."""

    hour: Instant
    """Its beginning."""
    journey: str
    step: str
    channel: ChannelName
    count: int
    exact: bool
    """True: each of these comes to the send then, if nothing happens before. False: no more than so
    many, because conditions are judged later."""
    by: By
    reason: str | None
    """Of a deferral: why the send waits."""


class WithoutTimeBody(BaseModel):
    """Sends of one step that wait for no time: for a resume, an unfreeze, another day."""

    journey: str
    step: str
    channel: str
    reason: str
    count: int


class UpcomingList(BaseModel):
    """What will be sent."""

    at: Instant
    until: Instant
    total: int
    """No more than so many sends."""
    exact: int
    """So many of these come then, if nothing happens before."""
    channels: dict[str, int]
    """No more than so many sends of each channel."""
    items: list[UpcomingBody]
    """By hour, journey and step."""
    without_time: list[WithoutTimeBody]
    """What waits for no time; no more than 1,000 sends are counted."""


@router.get("/upcoming", summary="Forecast what will be sent", responses=responses(422))
async def get_upcoming(services: UsedServices, within: Within = None) -> UpcomingList:
    """What will be sent within a time, by default 24 hours, and at most 7 days."""
    length = parse_within(within, timedelta(hours=24), LONGEST)
    async with services.pool.connection() as conn:
        found = await read_upcoming(conn, services.catalog, length)
    return UpcomingList(
        at=found.now,
        until=found.until,
        total=sum(each.count for each in found.items),
        exact=sum(each.count for each in found.items if each.exact),
        channels=found.by_channel(),
        items=[
            UpcomingBody(
                hour=each.hour,
                journey=each.journey,
                step=each.step,
                channel=each.channel,
                count=each.count,
                exact=each.exact,
                by=each.by,
                reason=each.reason,
            )
            for each in found.items
        ],
        without_time=[
            WithoutTimeBody(
                journey=each.journey,
                step=each.step,
                channel=each.channel,
                reason=each.reason,
                count=each.count,
            )
            for each in found.without_time
        ],
    )
