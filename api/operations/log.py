"""Routes of the log: everything that was tracked and done, as pages and as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.event_streams import (
    ALIVE,
    BEGINNING,
    STREAM_RESPONSE,
    EventStream,
    end_event,
    too_many_streams,
)
from api.http.keys import check_credentials, requires
from api.http.paging import Cursor, Limit, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.times import Instant
from api.operations.log_bodies import LogBody, LogFilter, log_body
from api.operations.log_hub import (
    MOST_STREAMS,
    Batch,
    HubClosed,
    LogHub,
    TooManyStreams,
    TooSlow,
)
from api.services import UsedServices
from store.reports.log import WantedLog, read_log
from store.reports.log_horizon import event_id_at
from store.reports.log_places import LogPlace, LogPosition, NoPosition
from store.reports.log_types import TYPES, LogType

router = APIRouter(
    prefix="/v1/log",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class LogPageBody(BaseModel):
    """Items of the log, the newest first."""

    items: list[LogBody]
    next: str | None
    """Null: there is nothing older. A page may be short, and even empty, and still have a `next`,
    where the filter lets few items through."""


class LogTypeBody(BaseModel):
    """A type of items."""

    type: LogType
    words: str
    """What its items are."""
    kept: str | None
    """How long they are kept."""


class LogTypeList(BaseModel):
    """The types of items of the log."""

    items: list[LogTypeBody]


UsedFilter = Annotated[LogFilter, Depends()]


@router.get("", summary="List what was tracked and done", responses=responses(400, 404, 422))
async def get_log(
    services: UsedServices,
    wanted: UsedFilter,
    to: Annotated[Instant | None, Query(description="recorded before this time")] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> LogPageBody:
    """Everything that was recorded, the newest first: events, calls that were rejected, runs that
    began, steps and runs that ended, goals, repairs, actions of operators, jobs and faults."""
    below = _position(cursor) if cursor else None
    async with services.pool.connection() as conn:
        asked = await wanted.wanted(conn, to)
        page = await read_log(conn, asked, below, limit)
    if wanted.contact is not None and asked.contact is None and not (page.items or below):
        raise unknown("contact", wanted.contact)
    return LogPageBody(
        items=[log_body(each) for each in page.items],
        next=None if page.next is None else str(page.next),
    )


@router.get("/types", summary="List the types of items of the log")
async def get_types(services: UsedServices) -> LogTypeList:
    """What the items of each type are, and how long they are kept."""
    return LogTypeList(
        items=[
            LogTypeBody(type=name, words=each.words, kept=services.keep.get(each.kept))
            for name, each in TYPES.items()
        ]
    )


@router.get(
    "/stream",
    summary="Follow what is tracked and done",
    response_class=StreamingResponse,
    responses={**STREAM_RESPONSE, **responses(400, 422, 503)},
)
async def stream_log(
    request: Request,
    services: UsedServices,
    wanted: UsedFilter,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> EventStream:
    """Items as they are recorded, the oldest first, each once, as server-sent events.

    The data of each is an item as `GET /v1/log` has it. `Last-Event-ID` goes on after the item or
    the sign of life that had this id; else `from`, or now. An event `end` says why the stream ends.
    """
    hub = services.log
    if hub.is_full:
        raise too_many_streams(MOST_STREAMS, "the log")
    after = None if last_event_id is None else _position(last_event_id)
    async with services.pool.connection() as conn:
        asked = await wanted.wanted(conn)
        if after is None and asked.since is not None:
            event = await event_id_at(conn, asked.since)
            after = LogPosition(LogPlace.before(asked.since), event)
    return EventStream(_events(request, hub, after, asked))


async def _events(
    request: Request, hub: LogHub, after: LogPosition | None, wanted: WantedLog
) -> AsyncGenerator[bytes, None]:
    yield BEGINNING
    try:
        with hub.stream():
            async with aclosing(hub.batches(after, wanted, alive=ALIVE)) as batches:
                async for batch in batches:
                    # A key may be revoked, and a session end, while its stream is read.
                    await check_credentials(request, "operate", "read")
                    yield _written(batch)
    except (TooSlow, TooManyStreams):
        yield end_event("too_slow", "the stream was read too slowly: go on by Last-Event-ID")
    except HubClosed:
        yield end_event("closing", "this process ends: go on by Last-Event-ID")
    except psycopg.Error:
        yield end_event("database_away", "the database cannot be reached: go on by Last-Event-ID")
    except Problem as problem:
        yield end_event(problem.code, problem.detail)


def _written(batch: Batch) -> bytes:
    """Items as server-sent events. The last has the position up to where all was seen."""
    parts = [
        b"id: %s\ndata: %s\n\n" % (str(position).encode(), each.data)
        for each, position in batch.items
    ]
    # An id without data is no event, and yet what the client goes on from.
    parts.append(b": alive\nid: %s\n\n" % str(batch.position).encode())
    return b"".join(parts)


def _position(text: str) -> LogPosition:
    try:
        return LogPosition.parse(text)
    except NoPosition:
        raise unknown_cursor(text) from None
