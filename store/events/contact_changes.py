"""Events that the engine derives from changes of a contact, and the consents that they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid4

import orjson

from journeys.model.consents import Evidence
from journeys.model.well_known_events import CONTACT_CHANGED, CONTACT_CREATED, TOPIC_SUBSCRIBED
from store.contacts.rows import Changes, LockedContact
from store.events.effect_events import ENGINE, EffectCandidate
from store.events.effects import EventEffects
from store.events.recording import PendingEvent, write_pending
from store.sql import Connection

VALUE_LIMIT: Final = 256
"""The most bytes, as JSON, of a value that the event of its change repeats."""
_NOTHING: Final = orjson.Fragment(b"{}")


def contact_created(contact_id: UUID) -> PendingEvent:
    """The event that a contact came into being: its first."""
    return PendingEvent(contact_id, CONTACT_CREATED, _NOTHING, str(contact_id))


def contact_changed(
    contact_id: UUID,
    changes: Changes,
    *,
    merged: bool = False,
    alias: str | None = None,
    depth: int = 0,
    reason: str | None = None,
) -> PendingEvent:
    """The event that values of a contact changed; long values are left out of its `changes`.

    `alias` is the external id of the contact that was merged into it; `reason` is what an operator
    said about it.
    """
    short = {
        name: [before, after]
        for name, (before, after) in changes.items()
        if len(orjson.dumps(before)) <= VALUE_LIMIT and len(orjson.dumps(after)) <= VALUE_LIMIT
    }
    properties: dict[str, Any] = {"names": sorted(changes), "changes": short}
    if merged:
        properties["merged"] = True
    if alias is not None:
        properties["alias"] = alias
    if reason is not None:
        properties["reason"] = reason
    return PendingEvent(
        contact_id,
        CONTACT_CHANGED,
        orjson.Fragment(orjson.dumps(properties)),
        str(uuid4()),
        depth=depth,
    )


def ask_for_confirmation(
    contact: LockedContact, effects: EventEffects, cause: PendingEvent
) -> Iterable[PendingEvent]:
    """Stage that confirmed consents are pending, and the events that begin their confirmation.

    It is for topics that the contact confirmed with another address than the one it has now.
    """
    for topic in effects.consents.unconfirmed_topics(contact.id, contact.addresses):
        properties = {"topic": topic}
        event = PendingEvent(
            contact.id,
            TOPIC_SUBSCRIBED,
            orjson.Fragment(orjson.dumps(properties)),
            str(uuid4()),
            depth=cause.depth,
            cause=cause,
        )
        candidate = EffectCandidate(
            contact.id,
            event.name,
            properties,
            contact.addresses,
            evidence=Evidence(source="address_change"),
        )
        effects.stage(candidate, event.message_id, ENGINE)
        yield event


async def write_contact_change(
    conn: Connection,
    contact: LockedContact,
    changes: Changes,
    *,
    created: bool = False,
    depth: int = 0,
    reason: str | None = None,
) -> None:
    """Write changes of a contact that the caller has locked, with the events that record them."""
    events = [contact_created(contact.id)] if created else []
    effects = EventEffects()
    if changes:
        cause = contact_changed(contact.id, changes, depth=depth, reason=reason)
        events.append(cause)
        if not created and not changes.keys().isdisjoint(contact.addresses):
            await effects.consents.load_confirmed(conn, [contact.id])
            events += ask_for_confirmation(contact, effects, cause)
    if events:
        await write_pending(conn, events, [contact])
        await effects.write(conn)
