"""The consents of a contact: the records of them, and their state now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.protocol.channels import CHANNELS, MessageChannel
from store.messages.consent_state import CONSENT_STATE
from store.sql import Connection, fetch_all, fetch_all_as, sql, statement, table_columns
from store.tables.contacts import ChannelState, ConsentRecord


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """A consent given, confirmed or withdrawn, for one address."""

    id: int
    recorded_at: datetime
    given_at: datetime | None
    topic: str | None
    channel: str | None
    address: str | None
    state: str
    previous: str | None
    source: str
    text: str | None
    request_address: str | None
    message_id: UUID | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class TopicConsent:
    """A topic as a contact stands to it."""

    topic: str
    name: str | None
    brand: str | None
    state: str
    """The record, else the topic's default; `pending` for an address that was not confirmed."""


_RECORDS = statement(
    select(*table_columns(ConsentRecord, RecordedConsent))
    .where(
        col(ConsentRecord.contact_id) == bindparam("contact"),
        col(ConsentRecord.id) > bindparam("after"),
    )
    .order_by(col(ConsentRecord.id))
    .limit(bindparam("limit"))
)
_TOPICS = sql(
    """
select topic.key as topic, topic.document->>'name' as name, topic.document->>'brand' as brand,
       {consent} as state
from contact c cross join document topic
left join topic_state t on t.contact_id = c.id and t.topic = topic.key
where c.id = %(contact)s and topic.kind = 'topic'
  and (%(topic)s::text is null or topic.key = %(topic)s)
order by lower(coalesce(topic.document->>'name', topic.key)), topic.key
limit %(limit)s
""",
    consent=CONSENT_STATE,
)
_CHANNELS = statement(
    select(col(ChannelState.channel), col(ChannelState.state)).where(
        col(ChannelState.contact_id) == bindparam("contact")
    )
)


async def consent_records(
    conn: Connection, contact_id: UUID, after: int, limit: int
) -> list[RecordedConsent]:
    """Records of a contact in the order in which they were made, from the first after an id on."""
    wanted = {"contact": contact_id, "after": after, "limit": limit}
    return await fetch_all_as(conn, RecordedConsent, _RECORDS, wanted)


async def topic_consents(
    conn: Connection,
    contact_id: UUID,
    channel: MessageChannel,
    *,
    topic: str | None = None,
    limit: int = 1,
) -> list[TopicConsent]:
    """All topics by their names, or one of them, as the contact stands to each on a channel."""
    field = CHANNELS[channel].address_field
    wanted = {"contact": contact_id, "address_field": field, "topic": topic, "limit": limit}
    return await fetch_all_as(conn, TopicConsent, _TOPICS, wanted)


async def channel_consents(conn: Connection, contact_id: UUID) -> dict[str, str]:
    """The state of each channel that the contact said something about."""
    return dict(await fetch_all(conn, _CHANNELS, {"contact": contact_id}))
