"""Routes of events: those that were taken, with what came of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.events.refusal_words import reason_of
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number, page_of
from api.http.problems import responses, unknown
from api.http.times import Instant, format_time
from api.services import UsedServices
from journeys.model.json_values import read_json
from store.contacts.rows import find_contact
from store.events.event_listing import ListedEvent, list_events

router = APIRouter(
    prefix="/v1/events",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

Contact = Annotated[str | None, Query(min_length=1, max_length=500)]
Name = Annotated[str | None, Query(min_length=1, max_length=200, description="of the event")]


class BegunRun(BaseModel):
    """A run that an event began."""

    journey: str
    run: str


class RefusedEntry(BaseModel):
    """A journey that an event matched, and that did not take it."""

    journey: str
    code: str
    message: str


class WokenWait(BaseModel):
    """A wait that an event ended."""

    journey: str
    run: str
    step: str
    outcome: str | None


class EventBody(BaseModel):
    """An event, and what came of it."""

    id: int
    name: str
    contact: str
    properties: dict[str, Any]
    """A number of more than 4,300 digits is shown as a text."""
    message_id: str
    source: str
    received_at: Instant
    occurred_at: Instant
    cause_id: int | None
    run: str | None
    began: list[BegunRun]
    refused: list[RefusedEntry]
    kept: list[str]
    """Paused journeys that keep it, and let it in once they go on."""
    woke: list[WokenWait]
    why_nothing: str | None
    """Why nothing came of it; null if something did."""


class EventPage(BaseModel):
    """A page of events."""

    items: list[EventBody]
    next: str | None


@router.get("", summary="List events, the newest first", responses=responses(400, 404, 422))
async def read_events(
    services: UsedServices,
    contact: Contact = None,
    name: Name = None,
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    to: Instant | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> EventPage:
    """Events with the runs that they began, the waits that they ended, and why nothing came."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        contact_id = None
        if contact is not None:
            contact_id = await find_contact(conn, contact)
            if contact_id is None:
                raise unknown("contact", contact)
        found = await list_events(
            conn,
            contact=contact_id,
            name=name,
            from_=from_,
            to=to,
            before=before,
            limit=limit + 1,
        )
    page, following = page_of(found, limit, lambda event: str(event.id))
    return EventPage(items=[_body(event) for event in page], next=following)


def _body(event: ListedEvent) -> EventBody:
    return EventBody(
        id=event.id,
        name=event.name,
        contact=event.contact,
        properties=read_json(event.properties),
        message_id=event.message_id,
        source=event.source,
        received_at=event.stamped_at,
        occurred_at=event.occurred_at,
        cause_id=event.cause_id,
        run=None if event.run_id is None else str(event.run_id),
        began=[BegunRun(**each) for each in event.began],
        refused=[RefusedEntry(**each, message=reason_of(each["code"])) for each in event.refused],
        kept=event.kept,
        woke=[WokenWait(**each) for each in event.woke],
        why_nothing=why_nothing(event),
    )


def why_nothing(event: ListedEvent) -> str | None:
    """Why an event began no run and ended no wait; None if it did, or was refused with a reason."""
    if event.dead_code is not None:
        return f"its dispatch was given up: {event.dead_code}: {event.dead_detail}"
    if event.waiting and event.attempts:
        again = "soon" if event.not_before is None else f"at {format_time(event.not_before)}"
        return f"its dispatch failed {event.attempts} times, and is tried again {again}"
    if event.waiting:
        return "it is still to be dispatched"
    if event.began or event.refused or event.kept or event.woke:
        return None
    if event.run_id is not None:
        return "only its run sees it, and no wait there listened for it"
    if not event.candidates:
        return "no active journey has an entry by this event"
    then = [each["journey"] for each in event.candidates if each["then"]]
    if not then:
        changed = "; ".join(
            f"`{each['journey']}` has one since {format_time(_instant(each['since']))}"
            for each in event.candidates
        )
        return f"no active journey had an entry by this event when it came: {changed}"
    names = ", ".join(f"`{journey}`" for journey in then)
    return f"the `where` or `if` of the entry of {names} did not let it in"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
