"""The route of the next instants of a time that is being written."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import requires_one_of
from api.http.problems import responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import UsedServices
from journeys.schedule.next_instants import InstantsOf, UnreadableTime, next_instants
from store.sql import fetch_value, sql

router = APIRouter(
    prefix="/v1/documents/instants",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)

_CLOCK = sql("select parcours.clock()")


class WrittenTime(StrictBody):
    """A time as a document has it."""

    of: InstantsOf
    """What it is: a moment or a duration, a window, quiet hours, or a schedule."""
    value: Annotated[Any, Field(description="as the document has it", examples=["09:00"])]
    days: Annotated[Any, Field(description="of a time of day", examples=["mon-fri"])] = None
    timezone: Annotated[str | None, Field(max_length=100)] = None
    """The zone in which it is seen; UTC without one, or if no zone has this name."""
    limit: Annotated[int, Field(ge=1, le=10)] = 3


class InstantBody(BaseModel):
    """An instant, or the beginning of some hours."""

    at: Instant | None
    """Null if it comes at each contact's own local time."""
    local: str
    """What clocks of the zone show then: `2026-12-01T09:00:00`."""
    until: str | None
    """Of hours: what clocks show at their end."""


class InstantsBody(BaseModel):
    """The next instants of a time."""

    problem: str | None
    """What would be right, if the time cannot be read."""
    timezone: str
    items: list[InstantBody]
    """None for what depends on a contact, or has no time to come."""


@router.post("", summary="Show the next instants of a time", responses=responses(422))
async def read_next_instants(given: WrittenTime, services: UsedServices) -> InstantsBody:
    """When a moment, a window, quiet hours or a schedule comes next. Nothing is saved."""
    zone = _zone(given.timezone)
    async with services.pool.connection() as conn:
        now: datetime = await fetch_value(conn, _CLOCK)
    try:
        found = await asyncio.to_thread(
            next_instants,
            given.of,
            given.value,
            days=given.days,
            zone=zone,
            now=now,
            limit=given.limit,
        )
    except UnreadableTime as error:
        return InstantsBody(problem=str(error), timezone=zone.key, items=[])
    return InstantsBody(
        problem=None,
        timezone=zone.key,
        items=[
            InstantBody(at=each.at, local=_shown(each.local), until=_shown(each.until))
            for each in found
        ],
    )


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _shown(local: datetime | None) -> Any:
    return None if local is None else local.isoformat(timespec="seconds")
