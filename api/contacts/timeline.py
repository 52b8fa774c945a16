"""Routes of what a contact has been through: its timeline, topics and groups."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from psycopg import AsyncConnection
from pydantic import BaseModel

from api.contacts.contacts import ContactId
from api.contacts.timeline_sentences import sentence_of
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from journeys.model.well_known_events import ConsentState
from store.contacts.membership_listing import groups_of, topics_of
from store.contacts.rows import find_contact
from store.timeline.cursor import NoCursor, Place
from store.timeline.timeline import ITEM_TYPES, ItemType, TimelineItem, read_timeline

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_CONTENT = ("to", "subject", "text")
_CONTENT_LENGTH = 2_000
"""Characters of what a message said that its item has; `GET /v1/messages/{id}` has all of it."""


class TimelineBody(BaseModel):
    """One thing that happened to a contact."""

    at: Instant
    type: ItemType
    sentence: str
    """What happened, in words."""
    journey: str | None
    run: UUID | None
    event: int | None
    message: UUID | None
    """`GET /v1/messages/{id}` shows all that is known of it."""
    content: dict[str, Any] | None
    """What a message said: recipient, subject and text, the latter up to 2,000 characters. Null if
    it is not kept, and for other items."""
    details: dict[str, Any]
    """All that is known of it, in the shape of its type."""


class TimelinePage(BaseModel):
    """A page of a timeline, the newest first."""

    items: list[TimelineBody]
    next: str | None


class TopicBody(BaseModel):
    """A topic, as a contact stands to it."""

    topic: str
    name: str | None
    state: ConsentState | None
    """None: nothing was recorded, and the topic has the default that its document says."""
    default: str | None
    """What counts without a record."""
    changed_at: Instant | None
    confirmed_email: str | None
    confirmed_phone: str | None


class TopicPage(BaseModel):
    """A page of topics, by their keys."""

    items: list[TopicBody]
    next: str | None


class GroupBody(BaseModel):
    """A group that a contact is in."""

    group: str
    since: Instant


class GroupPage(BaseModel):
    """A page of groups, by their keys."""

    items: list[GroupBody]
    next: str | None


@router.get(
    "/{contact}/timeline",
    summary="Show all that happened to a contact",
    responses=responses(400, 404, 422),
)
async def get_timeline(
    contact: ContactId,
    services: UsedServices,
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    to: Instant | None = None,
    type_: Annotated[
        ItemType | None, Query(alias="type", description="Only items of this type.")
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> TimelinePage:
    """Events, changes, groups, segments, entries, refusals, visits, messages, consents, coupons,
    merges, repairs by operators and ends of runs, by the time at which each happened, the newest
    first.

    `from` is part of the time that is shown, `to` is not.
    """
    before = _place(cursor)
    async with services.pool.connection() as conn:
        contact_id = await _found(conn, contact)
        items = await read_timeline(
            conn,
            contact_id,
            types=frozenset(ITEM_TYPES) if type_ is None else frozenset({type_}),
            from_=from_,
            to=to,
            before=before,
            limit=limit + 1,
        )
    page, following = page_of(items, limit, lambda item: str(item.place))
    return TimelinePage(items=[timeline_body(item) for item in page], next=following)


@router.get(
    "/{contact}/topics",
    summary="List the topics of a contact",
    responses=responses(404, 422),
)
async def get_topics_of(
    contact: ContactId, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> TopicPage:
    """All topics, each with the contact's consent as it was recorded last."""
    async with services.pool.connection() as conn:
        found = await topics_of(conn, await _found(conn, contact), cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: each.topic)
    return TopicPage(
        items=[TopicBody.model_validate(each, from_attributes=True) for each in page],
        next=following,
    )


@router.get(
    "/{contact}/groups",
    summary="List the groups of a contact",
    responses=responses(404, 422),
)
async def get_groups_of(
    contact: ContactId, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> GroupPage:
    """The groups that the contact is in."""
    async with services.pool.connection() as conn:
        found = await groups_of(conn, await _found(conn, contact), cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: each.group)
    return GroupPage(
        items=[GroupBody.model_validate(each, from_attributes=True) for each in page],
        next=following,
    )


def timeline_body(item: TimelineItem) -> TimelineBody:
    """The body for an item of the store."""
    about = item.details
    content = None
    if item.content is not None:
        content = {
            name: value[:_CONTENT_LENGTH] if isinstance(value, str) else value
            for name, value in item.content.items()
            if name in _CONTENT
        }
    return TimelineBody(
        at=item.at,
        type=item.type,
        sentence=sentence_of(item),
        journey=about.get("journey"),
        run=about.get("run"),
        event=about.get("event"),
        message=about.get("message"),
        content=content,
        details=about,
    )


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    try:
        return Place.parse(cursor)
    except NoCursor:
        raise unknown_cursor(cursor) from None


async def _found(conn: AsyncConnection[Any], reference: str) -> UUID:
    contact_id = await find_contact(conn, reference)
    if contact_id is None:
        raise unknown("contact", reference)
    return contact_id
