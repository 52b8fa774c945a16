"""Events of messages by people and providers: clicks, deliveries, bounces, replies.

They name the message alone. Its contact is found and locked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.consents import Evidence
from journeys.model.well_known_events import WELL_KNOWN_EVENTS
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.effect_events import ENGINE, EffectCandidate
from store.events.effects import EventEffects, StagedEvent
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.sql import Connection, fetch_all, sql, statement
from store.tables.messages import Message

Actor = Literal["human", "machine", "unknown"]
Recording = Literal["recorded", "repeated", "unknown_message"]
"""`repeated`: its id was recorded before. `unknown_message`: there is no such message, or none any
more because its contact was erased. Neither changes anything."""

BATCH: Final = 200
"""The most events of one transaction, and so the most contacts that it locks."""
_ATTEMPTS: Final = 10

_MESSAGES = statement(
    select(col(Message.id), col(Message.contact_id), col(Message.topic)).where(
        col(Message.id) == func.any(bindparam("ids"))
    )
)
_RECORDED_BEFORE = sql("""
select message_id from event where message_id = any(%(ids)s) and source = %(source)s
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """Something that happened to a message, or that its recipient did with it."""

    message_id: UUID
    name: str
    """A well-known event, such as `Message Clicked`."""
    id: str
    """Its key at its source: an event with a known key is not recorded again."""
    happened_at: datetime | None = None
    """None: now."""
    properties: dict[str, Any] = field(default_factory=dict)
    """Further ones, such as `url` or `type`. `message_id`, `step` and `by` are added to them."""
    by: Actor | None = None
    """Who did it, of an open and a click."""
    evidence: Evidence | None = None
    """Of a consent. Its topic is that of the message, unless the properties name one."""


async def take_message_events(
    pool: AsyncConnectionPool[AsyncConnection[Any]], events: Sequence[MessageEvent], *, source: str
) -> list[Recording]:
    """Record events in batches, each in a transaction of its own; what came of each, in order.

    A batch that conflicts with another transaction is repeated. Raises as `record_message_events`
    does, and what psycopg raises while the database is away: earlier batches are recorded then, and
    repeating the call records the rest.
    """
    results: list[Recording] = []
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        for attempt in range(_ATTEMPTS):
            try:
                async with pool.connection() as conn, conn.transaction():
                    recorded = await record_message_events(conn, batch, source=source)
            except (ConcurrentChange, UniqueViolation, DeadlockDetected, SerializationFailure):
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                results += recorded
                break
    return results


async def record_message_events(
    conn: Connection, events: Sequence[MessageEvent], *, source: str
) -> list[Recording]:
    """Record events in the caller's transaction, with their effects; what came of each, in order.

    Locks the contacts of the messages in the order of their ids; the caller has locked none, or
    these at least. Raises ConcurrentChange if the transaction must be rolled back and repeated, and
    store.events.effect_events.EffectRefused for properties that the event cannot have.
    """
    found = await _messages_of(conn, events)
    locked = {
        contact.id: contact
        for contact in await lock_and_read_contacts(conn, ids=sorted(_contacts(found)))
    }
    # A merge gives messages to another contact, and an erasure deletes them, under the same lock.
    found = await _messages_of(conn, events)
    if not _contacts(found) <= locked.keys():
        raise ConcurrentChange
    ids = [event.id for event in events]
    repeated = {
        row[0] for row in await fetch_all(conn, _RECORDED_BEFORE, {"ids": ids, "source": source})
    }
    results: list[Recording] = []
    fresh: list[tuple[MessageEvent, LockedContact]] = []
    for given in events:
        contact_id, topic = found.get(given.message_id, (None, None))
        event = _with_topic(given, topic)
        if contact_id is None or event is None:
            results.append("unknown_message")
        elif event.id in repeated:
            results.append("repeated")
        else:
            repeated.add(event.id)
            fresh.append((event, locked[contact_id]))
            results.append("recorded")
    if fresh:
        await _write(conn, fresh, source)
    return results


async def _messages_of(
    conn: Connection, events: Sequence[MessageEvent]
) -> dict[UUID, tuple[UUID, str | None]]:
    """The contact and the topic of each message that is known."""
    ids = list({event.message_id for event in events})
    return {
        message: (contact, topic)
        for message, contact, topic in await fetch_all(conn, _MESSAGES, {"ids": ids})
    }


def _contacts(messages: Mapping[UUID, tuple[UUID, str | None]]) -> set[UUID]:
    return {contact for contact, _ in messages.values()}


def _with_topic(event: MessageEvent, topic: str | None) -> MessageEvent | None:
    """The event, with its message's topic if it needs one; None if there is no topic."""
    needed = WELL_KNOWN_EVENTS[event.name].properties if event.name in WELL_KNOWN_EVENTS else ()
    if "topic" not in needed or "topic" in event.properties:
        return event
    if topic is None:
        return None
    return replace(event, properties={**event.properties, "topic": topic})


async def _write(
    conn: Connection, events: Sequence[tuple[MessageEvent, LockedContact]], source: str
) -> None:
    effects = EventEffects()
    candidates = [_candidate(event, contact) for event, contact in events]
    await effects.load(conn, candidates)
    pending: list[PendingEvent] = []
    for (event, contact), candidate in zip(events, candidates, strict=True):
        staged = effects.stage(candidate, event.id, source)
        cause = PendingEvent(
            contact.id,
            event.name,
            _as_json(staged.properties),
            event.id,
            event.happened_at,
            event.happened_at,
            source=source,
        )
        pending += [cause, *_derived(effects, staged, candidate, cause)]
    await write_pending(conn, pending, {contact.id: contact for _, contact in events}.values())
    await effects.write(conn)


def _candidate(event: MessageEvent, contact: LockedContact) -> EffectCandidate:
    properties = {**event.properties, "message_id": str(event.message_id)}
    if event.by is not None:
        properties["by"] = event.by
    return EffectCandidate(
        contact.id,
        event.name,
        properties,
        contact.addresses,
        happened_at=event.happened_at,
        evidence=event.evidence,
    )


def _derived(
    effects: EventEffects, staged: StagedEvent, candidate: EffectCandidate, cause: PendingEvent
) -> Iterator[PendingEvent]:
    """The event that the engine records because of another one: a click is an open."""
    if staged.derived is None:
        return
    key = str(uuid4())
    follows = EffectCandidate(
        candidate.contact_id,
        staged.derived.name,
        staged.derived.properties,
        candidate.addresses,
        happened_at=candidate.happened_at,
        evidence=staged.derived.evidence,
    )
    effects.stage(follows, key, ENGINE)
    yield PendingEvent(
        candidate.contact_id,
        follows.name,
        _as_json(follows.properties),
        key,
        cause.client_at,
        cause.original_at,
        cause=cause,
    )


def _as_json(properties: dict[str, Any]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(properties))
