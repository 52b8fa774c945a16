"""Text messages that come in: the keywords STOP, START and HELP, and replies."""

from __future__ import annotations

import structlog
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation

from channels.notifications import InboundText
from inbound.taking import NOTIFICATIONS, Pool, source_of
from journeys.model.addresses import normalise_phone
from journeys.model.sms_keywords import Keyword, keyword_of
from store.events.recording import ConcurrentChange
from store.events.text_events import (
    is_first_time,
    lock_contacts_of_number,
    record_reply,
    record_start,
    record_stop,
)
from store.messages.text_answers import plan_answer
from store.sql import Connection

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


async def take_text(pool: Pool, text: InboundText) -> None:
    """Take a text message once, however often its provider repeats it.

    STOP ends all messages to the number, START allows them again, HELP is answered, and anything
    else is a reply to the newest message that went to the number. Raises what psycopg raises while
    the database is away.
    """
    for attempt in range(_ATTEMPTS):
        try:
            async with pool.connection() as conn, conn.transaction():
                result = await _take(conn, text)
        except (ConcurrentChange, UniqueViolation, DeadlockDetected, SerializationFailure):
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            log.info("text_message_taken", result=result)
            NOTIFICATIONS.labels(text.provider, result).inc()
            return


async def _take(conn: Connection, text: InboundText) -> str:
    source = source_of(text.provider)
    try:
        phone = normalise_phone(text.sender)
    except ValueError:
        # A short code, or a name: no contact has it.
        return "unknown_sender"
    contacts = await lock_contacts_of_number(conn, phone)
    if not await is_first_time(conn, text.id, source):
        return "repeated"
    keyword: Keyword | None = keyword_of(text.text)
    if keyword is not None:
        if keyword == "stop":
            await record_stop(conn, contacts, phone, text.text, text.id, source)
        elif keyword == "start":
            await record_start(conn, contacts, phone, text.text, text.id, source)
        await plan_answer(conn, phone, keyword)
        return keyword
    properties = {"text": text.text, "to": text.recipient}
    replied = await record_reply(
        conn, contacts, phone, properties, text.previous_provider_id, text.id, source
    )
    return "replied" if replied else "unknown_message"
