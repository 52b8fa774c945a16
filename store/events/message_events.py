"""Events of messages by people and providers: clicks, deliveries, bounces, replies.

They name the message alone. Its contact is found and locked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import bindparam, func, select
from sqlmodel import col

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

_CONTACTS = statement(
    select(col(Message.id), col(Message.contact_id)).where(
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
    found = await _contacts_of(conn, events)
    locked = {
        contact.id: contact
        for contact in await lock_and_read_contacts(conn, ids=sorted(set(found.values())))
    }
    # A merge gives messages to another contact, and an erasure deletes them, under the same lock.
    found = await _contacts_of(conn, events)
    if any(contact_id not in locked for contact_id in found.values()):
        raise ConcurrentChange
    ids = [event.id for event in events]
    repeated = {
        row[0] for row in await fetch_all(conn, _RECORDED_BEFORE, {"ids": ids, "source": source})
    }
    results: list[Recording] = []
    fresh: list[tuple[MessageEvent, LockedContact]] = []
    for event in events:
        if event.message_id not in found:
            results.append("unknown_message")
        elif event.id in repeated:
            results.append("repeated")
        else:
            repeated.add(event.id)
            fresh.append((event, locked[found[event.message_id]]))
            results.append("recorded")
    if fresh:
        await _write(conn, fresh, source)
    return results


async def _contacts_of(conn: Connection, events: Sequence[MessageEvent]) -> dict[UUID, UUID]:
    """The contact of each message that is known."""
    ids = list({event.message_id for event in events})
    return dict(await fetch_all(conn, _CONTACTS, {"ids": ids}))


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
        contact.id, event.name, properties, contact.addresses, happened_at=event.happened_at
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
