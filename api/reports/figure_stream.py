"""Route of live figures: the statistics of a journey, whenever they change."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection

from api.http.bodies import StrictRoute
from api.http.event_streams import (
    ALIVE,
    BEGINNING,
    SIGN_OF_LIFE,
    STREAM_RESPONSE,
    EventStream,
    end_event,
    too_many_streams,
)
from api.http.keys import check_credentials, requires
from api.http.problems import Problem, responses, unknown
from api.reports.figure_hub import MOST_STREAMS, FigureHub, Read, TooManyStreams
from api.reports.stats import journey_stats
from api.services import UsedServices
from store.definitions.journeys import read_journey
from store.reports.journey_statistics import journey_statistics

router = APIRouter(
    prefix="/v1/stats",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


@router.get(
    "/stream",
    summary="Follow a journey's statistics",
    response_class=StreamingResponse,
    responses={**STREAM_RESPONSE, **responses(404, 422, 503)},
)
async def stream_stats(
    request: Request,
    services: UsedServices,
    journey: Annotated[str, Query(min_length=1, max_length=64, description="its key")],
) -> EventStream:
    """The figures of a journey as server-sent events, at once and whenever they change, at most
    once a second.

    The data of each is what `GET /v1/journeys/{key}/stats` answers. An event `end` says why the
    stream ends.
    """
    if services.figures.is_full:
        raise too_many_streams(MOST_STREAMS, "figures")
    async with services.pool.connection() as conn:
        if await read_journey(conn, journey) is None:
            raise unknown("journey", journey)
    return EventStream(_events(request, services.figures, journey))


def figures_in(timezone: str) -> Read:
    """A function that reads the figures of a journey as `GET /v1/journeys/{key}/stats` does."""

    async def read(conn: AsyncConnection[Any], journey: str) -> bytes | None:
        counted = await journey_statistics(conn, journey, None, zone=timezone)
        return None if counted is None else orjson.dumps(journey_stats(counted, timezone))

    return read


async def _events(request: Request, hub: FigureHub, journey: str) -> AsyncGenerator[bytes]:
    yield BEGINNING
    try:
        async with aclosing(hub.figures(journey, alive=ALIVE)) as found:
            async for figures in found:
                # A key may be revoked, and a session end, while its stream is read.
                await check_credentials(request, "operate", "read")
                yield SIGN_OF_LIFE if figures is None else b"data: %s\n\n" % figures
        yield end_event("closing", "this process ends: connect again")
    except TooManyStreams:
        yield end_event("too_many_streams", "this process serves too many streams")
    except Problem as problem:
        yield end_event(problem.code, problem.detail)
