"""Consent of contacts to topics and channels, changed by operators."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select
from sqlmodel import col

from journeys.model.consents import Evidence
from journeys.model.well_known_events import (
    CHANNEL_SUBSCRIBED,
    CHANNEL_UNSUBSCRIBED,
    TOPIC_CONFIRMED,
    TOPIC_SUBSCRIBED,
    TOPIC_UNSUBSCRIBED,
    ChannelState,
    ConsentState,
)
from journeys.protocol.channels import MessageChannel
from store.contacts.rows import lock_and_read_contacts
from store.events.effect_events import EffectRefused
from store.events.recording import ConcurrentChange, NewEvent, record_events
from store.sql import Connection, execute, fetch_value, statement
from store.tables.contacts import TopicState
from store.tables.definitions import DocumentRow

_DEFAULT = statement(
    select(func.coalesce(col(DocumentRow.document)["default"].astext, "")).where(
        col(DocumentRow.kind) == "topic", col(DocumentRow.key) == bindparam("topic")
    )
)
_FORGET = statement(
    delete(TopicState).where(
        col(TopicState.contact_id) == bindparam("contact"),
        col(TopicState.topic) == bindparam("topic"),
    )
)


BY_OPERATOR: Final = Evidence(source="operator")


async def topic_default(conn: Connection, topic: str) -> str | None:
    """The topic's default, `opt_in`, `opt_out` or `double`; None if there is no such topic."""
    default: str | None = await fetch_value(conn, _DEFAULT, {"topic": topic})
    return default


async def set_topic_state(
    conn: Connection,
    contact_id: UUID,
    topic: str,
    state: ConsentState,
    evidence: Evidence = BY_OPERATOR,
) -> None:
    """Set a contact's consent on behalf of an operator, with the event that records it.

    Raises store.events.effects.EffectRefused if there is no such topic, or if the state is
    `pending` and the topic needs no confirmation; ConcurrentChange if the contact was merged or
    erased at the same time.
    """
    default = await topic_default(conn, topic)
    if default is None:
        raise EffectRefused("unknown_topic", f"there is no topic {topic!r}")
    if state == "pending" and default != "double":
        raise EffectRefused(
            "bad_state", f"state: topic {topic!r} needs no confirmation: subscribed or unsubscribed"
        )
    if not await lock_and_read_contacts(conn, ids=[contact_id]):
        raise ConcurrentChange
    if state == "subscribed":
        name = TOPIC_CONFIRMED if default == "double" else TOPIC_SUBSCRIBED
    else:
        name = TOPIC_SUBSCRIBED if state == "pending" else TOPIC_UNSUBSCRIBED
    if state == "pending":
        # The event alone would keep a consent that was confirmed before. An operator may ask for
        # another confirmation.
        await execute(conn, _FORGET, {"contact": contact_id, "topic": topic})
    await record_events(conn, contact_id, [NewEvent(name, {"topic": topic}, evidence=evidence)])


async def set_channel_state(
    conn: Connection,
    contact_id: UUID,
    channel: MessageChannel,
    state: ChannelState,
    evidence: Evidence = BY_OPERATOR,
) -> None:
    """Set a contact's consent to a whole channel, with the event that records it.

    Raises ConcurrentChange if the contact was merged or erased at the same time.
    """
    if not await lock_and_read_contacts(conn, ids=[contact_id]):
        raise ConcurrentChange
    name = CHANNEL_SUBSCRIBED if state == "subscribed" else CHANNEL_UNSUBSCRIBED
    await record_events(conn, contact_id, [NewEvent(name, {"channel": channel}, evidence=evidence)])
