"""Answers to text messages: STOP and START of a number, and replies to a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from journeys.model.consents import Evidence
from journeys.model.well_known_events import (
    CHANNEL_SUBSCRIBED,
    CHANNEL_UNSUBSCRIBED,
    MESSAGE_REPLIED,
)
from store.contacts.rows import lock_and_read_contacts
from store.events.recording import NewEvent, record_events
from store.messages.suppression_list import STOPPED
from store.messages.suppressions import lift, suppress
from store.sql import Connection, execute, fetch_all, fetch_column, sql

CHANNEL: Final = "sms"

_CONTACTS = sql("select id from contact where phone = %(phone)s order by id limit 100")
_FIRST_TIME = sql("""
insert into receipt (message_id, source) values (%(id)s, %(source)s)
on conflict (message_id, source) do nothing
""")
# The message that the provider names, or else the latest one that went to the number.
_ANSWERED = sql("""
select m.id, m.contact_id from message m
where m.contact_id = any(%(contacts)s) and m.channel = 'sms'
  and m.state in ('claimed', 'sent', 'unknown')
  and coalesce(m.address, %(phone)s) = %(phone)s
order by m.provider_id is not distinct from %(previous)s and %(previous)s::text is not null desc,
         m.first_attempt_at desc
limit 1
""")


async def lock_contacts_of_number(conn: Connection, phone: str) -> list[UUID]:
    """Lock the contacts that have this number now, in the order of their ids."""
    contacts = await fetch_column(conn, _CONTACTS, {"phone": phone})
    locked = await lock_and_read_contacts(conn, ids=contacts)
    return [contact.id for contact in locked if contact.phone == phone]


async def is_first_time(conn: Connection, text_id: str, source: str) -> bool:
    """Note that a text message was taken; False if it had been taken before."""
    return await execute(conn, _FIRST_TIME, {"id": text_id, "source": source}) > 0


async def record_stop(
    conn: Connection, contacts: Sequence[UUID], phone: str, words: str, text_id: str, source: str
) -> None:
    """End all text messages to a number; the caller has locked its contacts."""
    await _record_consent(conn, CHANNEL_UNSUBSCRIBED, contacts, words, text_id, source)
    await suppress(conn, [(CHANNEL, phone, STOPPED)])


async def record_start(
    conn: Connection, contacts: Sequence[UUID], phone: str, words: str, text_id: str, source: str
) -> None:
    """Allow text messages to a number again; the caller has locked its contacts.

    A number that was suppressed for another reason stays so.
    """
    await lift(conn, [(CHANNEL, phone)], STOPPED)
    await _record_consent(conn, CHANNEL_SUBSCRIBED, contacts, words, text_id, source)


async def record_reply(
    conn: Connection,
    contacts: Sequence[UUID],
    phone: str,
    properties: dict[str, Any],
    previous: str | None,
    text_id: str,
    source: str,
) -> bool:
    """Record a reply to the message that a text answers; False if there is none.

    The caller has locked the contacts of the number. `previous` is the provider's id of the
    message, if it names one.
    """
    wanted = {"contacts": list(contacts), "phone": phone, "previous": previous}
    for message_id, contact_id in await fetch_all(conn, _ANSWERED, wanted):
        about = {**properties, "message_id": str(message_id)}
        event = NewEvent(MESSAGE_REPLIED, about, message_id=text_id, source=source)
        await record_events(conn, contact_id, [event])
        return True
    return False


async def _record_consent(
    conn: Connection,
    name: str,
    contacts: Sequence[UUID],
    words: str,
    text_id: str,
    source: str,
) -> None:
    for contact_id in contacts:
        event = NewEvent(
            name,
            {"channel": CHANNEL},
            message_id=f"{text_id} {contact_id}",
            source=source,
            evidence=Evidence(source="sms", text=words, channel=CHANNEL),
        )
        await record_events(conn, contact_id, [event])
