"""Consent: what contacts subscribe to."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.well_known_events import TOPIC_CONFIRMED, TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED
from store.contacts.rows import lock_and_read_contacts
from store.events.effects import EffectRefused
from store.events.recording import NewEvent, record_events

TopicState = Literal["subscribed", "pending", "unsubscribed"]


async def topic_default(conn: AsyncConnection[Any], topic: str) -> str | None:
    """`opt_in`, `opt_out` or `double`; None if there is no such topic."""
    cursor = await conn.execute(
        "select coalesce(document->>'default', '') from document where kind = 'topic' and key = %s",
        (topic,),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def set_topic_state(
    conn: AsyncConnection[Any], contact_id: UUID, topic: str, state: TopicState
) -> None:
    """Record a contact's consent on an operator's word, with the event that says so.

    Raises store.events.effects.EffectRefused: there is no such topic, or `pending` is asked of one that
    needs no confirmation; LookupError: there is no such contact.
    """
    default = await topic_default(conn, topic)
    if default is None:
        raise EffectRefused("unknown_topic", f"there is no topic {topic!r}")
    if state == "pending" and default != "double":
        raise EffectRefused(
            "bad_state", f"state: topic {topic!r} needs no confirmation: subscribed or unsubscribed"
        )
    if not await lock_and_read_contacts(conn, ids=[contact_id]):
        raise LookupError(contact_id)
    if state == "subscribed":
        name = TOPIC_CONFIRMED if default == "double" else TOPIC_SUBSCRIBED
    else:
        name = TOPIC_SUBSCRIBED if state == "pending" else TOPIC_UNSUBSCRIBED
    if state == "pending":
        # An operator may ask for a confirmation anew; a contact that subscribes twice may not
        # lose the one it gave.
        await conn.execute(
            "delete from topic_state where contact_id = %s and topic = %s", (contact_id, topic)
        )
    await record_events(conn, contact_id, [NewEvent(name, {"topic": topic})])
