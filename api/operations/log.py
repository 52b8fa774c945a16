"""Routes of the log: everything that was tracked and done, as pages and as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final

import orjson
import psycopg
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from api.http.bodies import StrictRoute
from api.http.keys import check_key, header_key, requires
from api.http.paging import Cursor, Limit, unknown_cursor
from api.http.problems import RETRY_AFTER, Problem, responses, unknown
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

ALIVE: Final = 15.0
"""Seconds after which a stream without items says that it is alive."""
_RECONNECT: Final = 1_000
"""Milliseconds after which a browser connects again."""


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


class _EventStream(StreamingResponse):
    """Server-sent events. They are ended when their client has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


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


_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Server-sent events",
    }
}


@router.get(
    "/stream",
    summary="Follow what is tracked and done",
    response_class=StreamingResponse,
    responses={**_STREAM, **responses(400, 422, 503)},
)
async def stream_log(
    request: Request,
    services: UsedServices,
    wanted: UsedFilter,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> StreamingResponse:
    """Items as they are recorded, the oldest first, each once, as server-sent events.

    The data of each is an item as `GET /v1/log` has it. `Last-Event-ID` goes on after the item or
    the sign of life that had this id; else `from`, or now. An event `end` says why the stream ends.
    """
    hub = services.log
    if hub.is_full:
        raise Problem(
            503,
            "too_many_streams",
            f"this process serves {MOST_STREAMS} streams of the log already: try again later",
            headers={"Retry-After": str(RETRY_AFTER)},
        )
    after = None if last_event_id is None else _position(last_event_id)
    async with services.pool.connection() as conn:
        asked = await wanted.wanted(conn)
        if after is None and asked.since is not None:
            event = await event_id_at(conn, asked.since)
            after = LogPosition(LogPlace.before(asked.since), event)
    return _EventStream(
        _events(request, hub, after, asked),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, hub: LogHub, after: LogPosition | None, wanted: WantedLog
) -> AsyncGenerator[bytes, None]:
    yield b"retry: %d\n\n" % _RECONNECT
    try:
        with hub.stream():
            async with aclosing(hub.batches(after, wanted, alive=ALIVE)) as batches:
                async for batch in batches:
                    yield _written(batch)
                    if not batch.items:
                        # A key may be revoked while its stream is read.
                        await check_key(request, header_key(request), "operate", "read")
    except (TooSlow, TooManyStreams):
        yield _end("too_slow", "the stream was read too slowly: go on by Last-Event-ID")
    except HubClosed:
        yield _end("closing", "this process ends: go on by Last-Event-ID")
    except psycopg.Error:
        yield _end("database_away", "the database cannot be reached: go on by Last-Event-ID")
    except Problem as problem:
        yield _end(problem.code, problem.detail)


def _written(batch: Batch) -> bytes:
    """Items as server-sent events. The last has the position up to where all was seen."""
    parts = [
        b"id: %s\ndata: %s\n\n" % (str(position).encode(), each.data)
        for each, position in batch.items
    ]
    # An id without data is no event, and yet what the client goes on from.
    parts.append(b": alive\nid: %s\n\n" % str(batch.position).encode())
    return b"".join(parts)


def _end(code: str, message: str) -> bytes:
    body: Mapping[str, str] = {"code": code, "message": message}
    return b"event: end\ndata: %s\n\n" % orjson.dumps(body)


def _position(text: str) -> LogPosition:
    try:
        return LogPosition.parse(text)
    except NoPosition:
        raise unknown_cursor(text) from None
