"""Routes of messages: those that were sent, or were to be, and what they said."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, StringConstraints

from api.contacts.contacts import ContactId
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.runs.bodies import RepairBody
from api.runs.repairs import RetryOrder, retry
from api.services import UsedServices
from journeys.protocol.channels import ChannelName
from store.contacts.rows import find_contact, parse_reference
from store.repairs.message_retries import place_of
from store.reports.message_listing import (
    ListedMessage,
    MessageListing,
    ShownMessage,
    ShownStatus,
    list_messages,
    show_message,
)
from store.tables.messages import MessageState

router = APIRouter(
    prefix="/v1",
    tags=["messages"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

MessageId = Annotated[str, Path(max_length=64)]


class MessageRetry(StrictBody):
    """Why a message is sent again."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
    may_arrive_twice: bool = False
    """Send it again although the provider may have taken it (`unknown`)."""


class MessageBody(BaseModel):
    """A message of one visit, and what came of it."""

    id: UUID
    contact: str
    journey: str
    version: int
    run: UUID
    visit: int
    step: str
    channel: str
    topic: str | None
    address: str | None
    """Where it went."""
    provider: str | None
    """Of the last attempt."""
    provider_id: str | None
    state: MessageState
    statuses: dict[str, Instant]
    """What came back of it, each with its first time."""
    code: str | None
    """Why the last attempt did not succeed."""
    detail: str | None
    """The provider's words."""
    content: str | None
    """The hash of what it was made of."""
    locale: str | None
    """The locale of the template that was chosen."""
    attempts: int
    first_attempt_at: Instant
    settled_at: Instant | None


class AttemptsBody(BaseModel):
    """Earlier attempts with one provider that came to one code."""

    provider: str | None
    code: str | None
    state: str
    attempts: int
    first_at: Instant
    last_at: Instant


class HitsBody(BaseModel):
    """Requests for one link, or for the image or a page of the message, by who made them."""

    kind: str
    url: str | None
    human: int
    machine: int
    unknown: int
    first_at: Instant


class ShownMessageBody(MessageBody):
    """A message with all that is known of it."""

    earlier: list[AttemptsBody]
    hits: list[HitsBody]
    """While requests are kept, see PARCOURS_KEEP_HITS."""
    kept: dict[str, Any] | None
    """What it said, with links as the author wrote them. Null if that is not kept, or not any
    more."""
    explain: str
    """Where the API says why it went out when it did."""


class MessagePage(BaseModel):
    """A page of messages."""

    items: list[MessageBody]
    next: str | None


Status = Annotated[
    ShownStatus | None, Query(description="A state of messages, or what came back of them.")
]


@router.get("/messages", summary="List messages", responses=responses(422))
async def get_messages(
    services: UsedServices,
    contact: Annotated[str | None, Query(max_length=500)] = None,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    step: Annotated[str | None, Query(max_length=64)] = None,
    channel: ChannelName | None = None,
    status: Status = None,
    prefix: Annotated[
        str | None,
        Query(
            min_length=4,
            max_length=36,
            pattern="^[0-9a-fA-F-]+$",
            description="How the id of the message begins.",
        ),
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> MessagePage:
    """The messages that meet all filters, those of the newest run first.

    A page may have fewer messages than `limit` although there is another one: go on while `next` is
    not null.
    """
    before = parse_message_cursor(cursor)
    async with services.pool.connection() as conn:
        contact_id = None
        if contact is not None:
            contact_id = await find_contact(conn, contact)
            if contact_id is None:
                return MessagePage(items=[], next=None)
        found = await list_messages(
            conn,
            contact=contact_id,
            journey=journey,
            step=step,
            channel=channel,
            status=status,
            prefix=prefix,
            before=before,
            limit=limit,
        )
    return message_page(found)


@router.get("/messages/{message}", summary="Show a message", responses=responses(404))
async def get_message(message: MessageId, services: UsedServices) -> ShownMessageBody:
    """A message with its attempts, the requests for its links, and what it said."""
    message_id = parse_reference(message)
    shown = None
    if message_id is not None:
        async with services.pool.connection() as conn:
            shown = await show_message(conn, message_id)
    if shown is None:
        raise unknown("message", message)
    return _shown(shown)


@router.get(
    "/contacts/{contact}/messages",
    summary="List the messages of a contact",
    responses=responses(404, 422),
)
async def get_messages_of(
    contact: ContactId, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> MessagePage:
    """The messages of a contact, those of the newest run first."""
    before = parse_message_cursor(cursor)
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        found = await list_messages(conn, contact=contact_id, before=before, limit=limit)
    return message_page(found)


def parse_message_cursor(cursor: str) -> tuple[UUID, int] | None:
    """The run and visit at which the page before ended; None for the first page."""
    if not cursor:
        return None
    run, _, visit = cursor.partition(":")
    if not visit.isdecimal() or not visit.isascii() or len(visit) > 9:
        raise unknown_cursor(cursor)
    try:
        return UUID(run), int(visit)
    except ValueError:
        raise unknown_cursor(cursor) from None


def message_page(found: MessageListing) -> MessagePage:
    """A page of messages."""
    return MessagePage(
        items=[MessageBody(**_fields(each)) for each in found.items],
        next=None if found.next is None else f"{found.next[0]}:{found.next[1]}",
    )


def _fields(message: ListedMessage) -> dict[str, Any]:
    own = {name: getattr(message, name, None) for name in MessageBody.model_fields}
    return {**own, "run": message.run_id, "statuses": message.statuses()}


def _shown(shown: ShownMessage) -> ShownMessageBody:
    return ShownMessageBody(
        **_fields(shown.message),
        earlier=[
            AttemptsBody(
                provider=each.provider or None,
                code=each.code or None,
                state=each.state,
                attempts=each.attempts,
                first_at=each.first_at,
                last_at=each.last_at,
            )
            for each in shown.earlier
        ],
        hits=[
            HitsBody(
                kind=each.kind,
                url=each.url,
                human=each.human,
                machine=each.machine,
                unknown=each.unknown,
                first_at=each.first_at,
            )
            for each in shown.hits
        ],
        kept=shown.kept,
        explain=f"/v1/explain?message={shown.message.id}",
    )


@router.post(
    "/messages/{message}/retry",
    summary="Send a message again",
    responses=responses(404, 409, 422),
)
async def post_retry(
    message: MessageId, order: MessageRetry, services: UsedServices, actor: UsedActor
) -> RepairBody:
    """Send a message again that has failed, or try one at once that is being tried again.

    It keeps its id. Consent, suppression and caps are asked again; its run keeps its way. One that
    the provider may have taken (`unknown`) needs `may_arrive_twice`.
    """
    message_id = parse_reference(message)
    place = None
    if message_id is not None:
        async with services.pool.connection() as conn:
            place = await place_of(conn, message_id)
    if place is None:
        raise unknown("message", message)
    run_id, visit, state = place
    if state == "sent":
        raise Problem(409, "was_sent", f"message {message} was sent")
    again = RetryOrder(reason=order.reason, visit=visit, may_arrive_twice=order.may_arrive_twice)
    return await retry(services, actor, str(run_id), visit, again)
