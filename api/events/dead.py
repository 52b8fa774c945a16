"""Routes of dead events: those whose dispatch was given up, listed, replayed and dismissed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.events.events import Contact
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant, format_time, parse_time
from api.services import UsedServices
from store.contacts.rows import find_contact
from store.events.dead_events import (
    MOST,
    choose_dead_events,
    dismiss_dead_events,
    list_dead_events,
    replay_dead_events,
)
from store.operations.audit import Change, record_audits

router = APIRouter(
    prefix="/v1/events/dead",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
_EventId = Annotated[int, Field(ge=1, le=10**18)]


class DeadEventBody(BaseModel):
    """An event whose dispatch was given up."""

    event: int
    contact: str
    name: str | None
    """Null: the event itself was removed."""
    code: str
    detail: str
    died_at: Instant
    """When its dispatch was given up."""
    recorded_at: Instant | None
    occurred_at: Instant | None


class DeadEventPage(BaseModel):
    """A page of dead events, those given up last first."""

    items: list[DeadEventBody]
    next: str | None


class DeadEventOrder(StrictBody):
    """Which dead events are meant: these, those of a code, or all."""

    events: Annotated[list[_EventId], Field(min_length=1, max_length=MOST)] | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    preview: bool = False
    """Only say how many there are."""
    reason: Reason | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.events is not None and self.code is not None:
            raise ValueError("events and code: give one of them")
        return self


class DismissalOrder(DeadEventOrder):
    """Which dead events are given up for good, and why."""

    reason: Reason


class DeadEventAnswer(BaseModel):
    """What was done, or would be."""

    words: str
    count: int
    events: list[int]
    """Up to 500 of them."""
    more: bool
    """Whether there are more: a call works on 500."""
    preview: bool


@router.get("", summary="List dead events", responses=responses(400, 404, 422))
async def get_dead_events(
    services: UsedServices,
    contact: Contact = None,
    code: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> DeadEventPage:
    """Events that were taken and whose dispatch was given up: they began no run and ended no wait.

    `GET /v1/faults?subject=event ID` says what went wrong.
    """
    before = _before(cursor) if cursor else None
    async with services.pool.connection() as conn:
        contact_id = None
        if contact is not None:
            contact_id = await find_contact(conn, contact)
            if contact_id is None:
                raise unknown("contact", contact)
        found = await list_dead_events(
            conn, contact=contact_id, code=code, before=before, limit=limit + 1
        )
    page, following = page_of(found, limit, lambda d: f"{format_time(d.died_at)}~{d.event_id}")
    return DeadEventPage(
        items=[
            DeadEventBody(
                event=each.event_id,
                contact=each.contact,
                name=each.name,
                code=each.code,
                detail=each.detail,
                died_at=each.died_at,
                recorded_at=each.recorded_at,
                occurred_at=each.occurred_at,
            )
            for each in page
        ],
        next=following,
    )


@router.post("/replay", summary="Dispatch dead events again", responses=responses(422))
async def post_replay(
    order: DeadEventOrder, services: UsedServices, actor: UsedActor
) -> DeadEventAnswer:
    """Dispatch dead events again: they begin runs and end waits as at first.

    What their dispatch had done before is not done twice, and a repeated call finds nothing.
    """
    async with services.pool.connection() as conn, conn.transaction():
        chosen = await choose_dead_events(
            conn, events=order.events, code=order.code, limit=MOST + 1
        )
        done = chosen[:MOST]
        if not order.preview:
            done = await replay_dead_events(conn, done)
            await record_audits(
                conn,
                actor,
                [Change("event.replay", f"event:{each}", reason=order.reason) for each in done],
            )
    if not order.preview:
        services.notifier.wake()
    verb = "would be dispatched again" if order.preview else "dispatched again"
    return _answer(done, len(chosen) > MOST, verb, order.preview)


@router.post("/dismiss", summary="Give dead events up for good", responses=responses(422))
async def post_dismiss(
    order: DismissalOrder, services: UsedServices, actor: UsedActor
) -> DeadEventAnswer:
    """Take dead events off the list. The events stay, and nothing begins or ends by them."""
    async with services.pool.connection() as conn, conn.transaction():
        chosen = await choose_dead_events(
            conn, events=order.events, code=order.code, limit=MOST + 1
        )
        done = chosen[:MOST]
        if not order.preview:
            done = await dismiss_dead_events(conn, done)
            await record_audits(
                conn,
                actor,
                [Change("event.dismiss", f"event:{each}", reason=order.reason) for each in done],
            )
    verb = "would be dismissed" if order.preview else "dismissed"
    return _answer(done, len(chosen) > MOST, verb, order.preview)


def _answer(events: list[int], more: bool, verb: str, preview: bool) -> DeadEventAnswer:
    count = len(events)
    words = f"{count} dead {'event' if count == 1 else 'events'} {verb}"
    return DeadEventAnswer(
        words=f"{words}, and there are more" if more else words,
        count=count,
        events=events,
        more=more,
        preview=preview,
    )


def _before(cursor: str) -> tuple[datetime, int]:
    at, _, event = cursor.partition("~")
    try:
        if not event.isdecimal() or len(event) > 18:
            raise ValueError
        return parse_time(at), int(event)
    except ValueError:
        raise unknown_cursor(cursor) from None
