"""The occurrences and dates by which time will begin runs of a journey."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from dispatch.occurrences import coming
from store.dates.due_dates import dates_within
from store.dates.live_journeys import read_live_journeys

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("read"))],
)


class ComingOccurrence(BaseModel):
    """An occurrence of a schedule."""

    key: str
    """The key of its runs."""
    at: Instant
    """When it comes; at the contacts' local time, when it comes first anywhere: in UTC+14."""
    contact_zones: bool
    """Whether it comes to each contact at its own local time."""


class Coming(BaseModel):
    """What time will begin of a journey."""

    occurrences: list[ComingOccurrence]
    """The next occurrences of its schedules, in order."""
    dates: int
    """The number of contacts whose date comes within a day."""


@router.get(
    "/{key}/occurrences",
    summary="Read the next occurrences of a journey, and how many dates come within a day",
    responses=responses(404),
)
async def read_coming(
    key: Key, services: UsedServices, limit: Annotated[int, Query(ge=1, le=50)] = 10
) -> Coming:
    """Those of the live version. A journey that is archived, or not active yet, has none."""
    async with services.pool.connection() as conn:
        live = (await read_live_journeys(conn, [key])).get(key)
        if live is None:
            raise Problem(404, "unknown_journey", f"there is no journey {key!r}")
        if not live.is_live or live.version is None:
            return Coming(occurrences=[], dates=0)
        definition = await services.catalog.definition(conn, key, live.version)
        dates = await dates_within(conn, key) if definition.timed.dates else 0
        occurrences = await asyncio.to_thread(coming, definition, live.now, limit)
    return Coming(
        occurrences=[
            ComingOccurrence(key=each.key, at=each.at, contact_zones=each.local is not None)
            for each in occurrences
        ],
        dates=dates,
    )
