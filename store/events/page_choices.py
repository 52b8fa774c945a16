"""What readers choose on the pages behind links: recorded under their contact's lock.

Each function is given a subject that is locked, and changes nothing where the choice is already so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.model.consents import ConsentSource, Evidence
from journeys.model.well_known_events import (
    CHANNEL_SUBSCRIBED,
    CHANNEL_UNSUBSCRIBED,
    TOPIC_CONFIRMED,
    TOPIC_SUBSCRIBED,
    TOPIC_UNSUBSCRIBED,
)
from store.contacts.consent_listing import TopicConsent, channel_consents, topic_consents
from store.events.page_subjects import PageSubject
from store.events.recording import NewEvent, record_events
from store.events.topic_changes import topic_default
from store.sql import Connection, fetch_one, fetch_value, sql, statement
from store.tables.contacts import TopicState

PAGE: Final = "page"
"""The source of the message ids of events that pages record."""
MOST_TOPICS: Final = 200
"""The most topics that a page shows."""
Scope = Literal["topic", "channel"]

_UNDOABLE: Final[tuple[ConsentSource, ...]] = ("page", "one_click")
_NEWEST = sql("""
select state, previous, source, message_id from consent_record
where contact_id = %(contact)s and topic is not distinct from %(topic)s::text
  and (topic is not null or channel = %(channel)s)
order by id desc limit 1
""")
_STATE = statement(
    select(col(TopicState.state)).where(
        col(TopicState.contact_id) == bindparam("contact"),
        col(TopicState.topic) == bindparam("topic"),
    )
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contact stands to a message's topic and channel."""

    topic: TopicConsent | None
    """None: the message has no topic."""
    channels: dict[str, str]
    """The state of the channels that the contact said something about."""
    undo: Scope | None
    """What of the last choice behind this message's link can be undone."""

    @property
    def subscribed(self) -> bool:
        """Whether the contact is subscribed to the message's topic: nothing is to be confirmed."""
        return self.topic is not None and self.topic.state == "subscribed"

    def refuses(self, channel: str) -> bool:
        """Whether the contact wants no messages of a channel."""
        return self.channels.get(channel) == "unsubscribed"


async def read_standing(conn: Connection, subject: PageSubject) -> Standing:
    """How the contact stands to the message's topic and channel now."""
    channels = await channel_consents(conn, subject.contact_id)
    topic = None
    if subject.topic is not None:
        [topic] = await topic_consents(
            conn, subject.contact_id, subject.channel, topic=subject.topic
        )
    undo: Scope | None = None
    if channels.get(subject.channel) == "unsubscribed":
        undo = "channel" if await _undoable(conn, subject, None) else None
    elif subject.topic is not None and topic is not None and topic.state == "unsubscribed":
        undo = "topic" if await _undoable(conn, subject, subject.topic) else None
    return Standing(topic, channels, undo)


async def unsubscribe(
    conn: Connection, subject: PageSubject, scope: Scope, evidence: Evidence
) -> None:
    """Record that the contact leaves the message's topic, or its channel.

    A message without a topic is about its channel.
    """
    if scope == "topic" and subject.topic is not None:
        wanted = {"contact": subject.contact_id, "topic": subject.topic}
        # Without a record it is unsubscribed perhaps, but would not stay so if the default changed.
        if await fetch_value(conn, _STATE, wanted) != "unsubscribed":
            await _record(conn, subject, TOPIC_UNSUBSCRIBED, evidence, topic=subject.topic)
        return
    channels = await channel_consents(conn, subject.contact_id)
    if channels.get(subject.channel) != "unsubscribed":
        await _record(conn, subject, CHANNEL_UNSUBSCRIBED, evidence, channel=subject.channel)


async def undo(conn: Connection, subject: PageSubject, evidence: Evidence) -> Scope | None:
    """Take back the last choice behind this message's link; None if that cannot be done any more.

    The consent becomes what it was: one that waited for its confirmation waits again.
    """
    standing = await read_standing(conn, subject)
    if standing.undo == "channel":
        await _record(conn, subject, CHANNEL_SUBSCRIBED, evidence, channel=subject.channel)
    elif standing.undo == "topic":
        assert subject.topic is not None
        more: dict[str, Any] = {"topic": subject.topic}
        was_subscribed = await _undoable(conn, subject, subject.topic) == "subscribed"
        double = await topic_default(conn, subject.topic) == "double"
        if double and was_subscribed and subject.still_there:
            # The link went to this address, so nothing has to be confirmed again.
            more |= {"verified": True, "address": subject.address}
        await _record(conn, subject, TOPIC_SUBSCRIBED, evidence, **more)
    return standing.undo


async def _undoable(conn: Connection, subject: PageSubject, topic: str | None) -> str | None:
    """What the consent was before a choice behind this message's link ended it; else None."""
    row = await fetch_one(
        conn,
        _NEWEST,
        {"contact": subject.contact_id, "topic": topic, "channel": subject.channel},
    )
    if row is None:
        return None
    state, previous, source, message_id = row
    ours = source in _UNDOABLE and message_id == subject.message_id
    if state != "unsubscribed" or not ours:
        return None
    if topic is None:
        return "subscribed"
    return previous if previous in ("subscribed", "pending") else None


async def confirm(conn: Connection, subject: PageSubject, evidence: Evidence) -> bool:
    """Record that the contact confirms the message's topic; False if its address has changed.

    The confirmation is for the address that the message went to, and for no other.
    """
    if subject.topic is None or not subject.still_there:
        return False
    [topic] = await topic_consents(conn, subject.contact_id, subject.channel, topic=subject.topic)
    if topic.state != "subscribed":
        await _record(
            conn, subject, TOPIC_CONFIRMED, evidence, topic=topic.topic, address=subject.address
        )
    return True


async def choose(
    conn: Connection,
    subject: PageSubject,
    evidence: Evidence,
    *,
    shown_topics: Collection[str],
    topics: Collection[str],
    shown_channels: Collection[str],
    channels: Collection[str],
) -> None:
    """Record the choice among topics and channels; what was not shown stays as it is."""
    events: list[NewEvent] = []
    states = await channel_consents(conn, subject.contact_id)
    for channel in subject.channels:
        refused = states.get(channel) == "unsubscribed"
        if channel not in shown_channels or (channel in channels) != refused:
            continue
        name = CHANNEL_SUBSCRIBED if refused else CHANNEL_UNSUBSCRIBED
        events.append(_event(subject, name, replace(evidence, channel=channel), channel=channel))
    every = replace(evidence, channel=None)
    for each in await topic_consents(conn, subject.contact_id, subject.channel, limit=MOST_TOPICS):
        subscribed = each.state != "unsubscribed"
        if each.topic not in shown_topics or (each.topic in topics) == subscribed:
            continue
        name = TOPIC_UNSUBSCRIBED if subscribed else TOPIC_SUBSCRIBED
        events.append(_event(subject, name, every, topic=each.topic))
    if events:
        await record_events(conn, subject.contact_id, events)


async def _record(
    conn: Connection, subject: PageSubject, name: str, evidence: Evidence, **properties: Any
) -> None:
    await record_events(conn, subject.contact_id, [_event(subject, name, evidence, **properties)])


def _event(subject: PageSubject, name: str, evidence: Evidence, **properties: Any) -> NewEvent:
    about = {"message_id": str(subject.message_id), "step": subject.step}
    return NewEvent(name, {**properties, **about}, source=PAGE, evidence=evidence)
