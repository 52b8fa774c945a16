"""What the pages behind a message's links are about: the message, its contact, topic and brand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.model.addresses import is_same_address
from journeys.model.brands import DEFAULT_BRAND
from journeys.protocol.channels import CHANNELS, MessageChannel
from store.contacts.rows import lock_and_read_contacts
from store.events.recording import ConcurrentChange
from store.sql import Connection, fetch_one_as, fetch_value, sql, statement, text_literal
from store.tables.messages import Message

_CONTACT = statement(select(col(Message.contact_id)).where(col(Message.id) == bindparam("message")))
_READ = sql(
    """
select m.id as message_id, m.contact_id, m.channel, m.step, m.address as sent_to,
       topic.key as topic, topic.document->>'name' as topic_name,
       c.email, c.phone, c.locale, coalesce(brand.document, house.document) as brand
from message m
join contact c on c.id = m.contact_id
left join document topic on topic.kind = 'topic' and topic.key = m.topic
left join document brand on brand.kind = 'brand' and brand.key = topic.document->>'brand'
left join document house on house.kind = 'brand' and house.key = {default}
where m.id = %(message)s
""",
    default=text_literal(DEFAULT_BRAND),
)


@dataclass(frozen=True, slots=True)
class PageSubject:
    """A message that a link names, and what its pages show."""

    message_id: UUID
    contact_id: UUID
    channel: MessageChannel
    step: str
    sent_to: str | None
    """The address that it went to; None of a message that was sent before this was kept."""
    topic: str | None
    """None too if there is no such topic any more."""
    topic_name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    brand: dict[str, Any] | None
    """The document of the topic's brand, else of the default one."""

    @property
    def address(self) -> str | None:
        """The address that the contact has now on the message's channel."""
        return self.email if CHANNELS[self.channel].address_field == "email" else self.phone

    @property
    def still_there(self) -> bool:
        """Whether the contact still has the address that the message went to."""
        return self.sent_to is not None and is_same_address(self.sent_to, self.address)

    @property
    def channels(self) -> list[MessageChannel]:
        """The channels on which the contact can be reached, and the message's own."""
        known: dict[MessageChannel, str | None] = {"email": self.email, "sms": self.phone}
        return [each for each, address in known.items() if address or each == self.channel]


async def read_page_subject(conn: Connection, message_id: UUID) -> PageSubject | None:
    """What a link's page is about; None if there is no such message any more."""
    return await fetch_one_as(conn, PageSubject, _READ, {"message": message_id})


async def lock_page_subject(conn: Connection, message_id: UUID) -> PageSubject | None:
    """The same, with the contact locked until the transaction ends.

    Raises ConcurrentChange if the transaction must be rolled back and repeated.
    """
    contact_id = await fetch_value(conn, _CONTACT, {"message": message_id})
    if contact_id is None:
        return None
    await lock_and_read_contacts(conn, ids=[contact_id])
    # A merge may have moved the message to another contact before the lock was granted.
    subject = await read_page_subject(conn, message_id)
    if subject is not None and subject.contact_id != contact_id:
        raise ConcurrentChange
    return subject
