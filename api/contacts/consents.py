"""Routes of consent: the state of a contact in a topic or a channel, and the records of it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from api.contacts.contacts import ContactId
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import Pool, UsedServices
from journeys.model.consents import (
    CALLER_SOURCES,
    REQUEST_ADDRESS_LIMIT,
    TEXT_LIMIT,
    ConsentSource,
    Evidence,
)
from journeys.model.well_known_events import ChannelState, ConsentState
from journeys.protocol.channels import MessageChannel
from store.contacts.consent_listing import RecordedConsent, consent_records
from store.contacts.rows import find_contact
from store.events.topic_changes import set_channel_state, set_topic_state
from store.events.transactions import repeating
from store.operations.audit import record_audit
from store.sql import Connection

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

CallerSource = Literal["api", "form", "import", "operator"]
assert {*CALLER_SOURCES} == {"api", "form", "import", "operator"}


class _Evidenced(StrictBody):
    source: CallerSource = "operator"
    """Where the consent came from."""
    text: str | None = Field(default=None, max_length=TEXT_LIMIT)
    """What the contact was shown."""
    request_address: str | None = Field(default=None, max_length=REQUEST_ADDRESS_LIMIT)
    """The network address of the contact's request; kept as PARCOURS_CONSENT_ADDRESS says."""

    def evidence(self) -> Evidence:
        """The evidence for the consent."""
        return Evidence(source=self.source, text=self.text, request_address=self.request_address)


class Consent(_Evidenced):
    """The state of a contact in a topic."""

    state: ConsentState


class ChannelConsent(_Evidenced):
    """The state of a contact in a channel."""

    state: ChannelState


class ConsentAnswer(BaseModel):
    """The state of a contact in a topic."""

    state: ConsentState


class ChannelAnswer(BaseModel):
    """The state of a contact in a channel."""

    state: ChannelState


class RecordBody(BaseModel):
    """A consent given, confirmed or withdrawn, for one address."""

    at: Instant
    given_at: Instant | None
    """When it was given, if an import says so; else null."""
    topic: str | None
    """None: the whole channel."""
    channel: str | None
    """None: the contact had no address."""
    address: str | None
    state: ConsentState
    previous: ConsentState | None
    """The state until then; None if there was none."""
    source: ConsentSource
    text: str | None
    """What the contact was shown, or wrote."""
    request_address: str | None
    """The network address of the request, in clear or hashed, as PARCOURS_CONSENT_ADDRESS says."""
    message_id: UUID | None
    """The message whose link or answer it was."""
    event_id: int | None
    """The event that changed the state."""


class RecordPage(BaseModel):
    """Records, the oldest first."""

    items: list[RecordBody]
    next: str | None


@router.put(
    "/{contact}/topics/{topic}",
    summary="Record a contact's consent to a topic",
    responses=responses(404, 422),
)
async def set_consent(
    contact: ContactId,
    topic: Annotated[str, Path(min_length=1, max_length=200)],
    body: Consent,
    services: UsedServices,
    actor: UsedActor,
) -> ConsentAnswer:
    """Record the state, the event of its change, and the evidence for it."""

    async def change(conn: Connection) -> None:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        await set_topic_state(conn, contact_id, topic, body.state, body.evidence())
        # The state itself stands in the record of the consent, which goes with the contact.
        after = {"topic": topic}
        await record_audit(conn, actor, "contact.consent", f"contact:{contact_id}", after=after)

    await repeating(services.pool, change)
    services.notifier.wake()
    return ConsentAnswer(state=body.state)


@router.put(
    "/{contact}/channels/{channel}",
    summary="Record a contact's consent to a channel",
    responses=responses(404, 422),
)
async def set_channel_consent(
    contact: ContactId,
    channel: MessageChannel,
    body: ChannelConsent,
    services: UsedServices,
    actor: UsedActor,
) -> ChannelAnswer:
    """Record the state, which stands above topics, with its event and the evidence for it."""

    async def change(conn: Connection) -> None:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        await set_channel_state(conn, contact_id, channel, body.state, body.evidence())
        after = {"channel": channel}
        await record_audit(conn, actor, "contact.consent", f"contact:{contact_id}", after=after)

    await repeating(services.pool, change)
    services.notifier.wake()
    return ChannelAnswer(state=body.state)


@router.get(
    "/{contact}/consents",
    summary="List the records of a contact's consents",
    responses=responses(400, 404),
)
async def list_consents(
    contact: ContactId, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> RecordPage:
    """Every consent given, confirmed or withdrawn, in order, with the evidence for it."""
    after = _after(cursor)
    found = await _records(services.pool, contact, after, limit + 1)
    page, following = page_of(found, limit, lambda record: str(record.id))
    return RecordPage(items=[_body(record) for record in page], next=following)


def _after(cursor: str) -> int:
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 18:
        raise unknown_cursor(cursor)
    return int(cursor)


async def _records(pool: Pool, contact: str, after: int, limit: int) -> list[RecordedConsent]:
    async with pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        return await consent_records(conn, contact_id, after, limit)


def _body(record: RecordedConsent) -> RecordBody:
    return RecordBody.model_validate(
        {
            "at": record.recorded_at,
            **{name: getattr(record, name) for name in RecordBody.model_fields if name != "at"},
        }
    )
