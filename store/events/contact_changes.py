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
_PARTS_LIMIT: Final = 4_096
"""The most bytes, as JSON, of the changes inside of a long object that the event repeats."""
_DEPTH_INSIDE: Final = 2
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
    message_id: str | None = None,
) -> PendingEvent:
    """The event that values of a contact changed; long values are left out of its `changes`.

    Of a long object stands there what changed inside it, as far as that is short. `alias` is the
    external id of the contact that was merged into it; `reason` is what an operator said about it.
    """
    repeated: dict[str, list[Any]] = {}
    for name, (before, after) in changes.items():
        if _is_short(before) and _is_short(after):
            repeated[name] = [before, after]
        elif isinstance(before, dict | None) and isinstance(after, dict | None):
            parts = _changed_parts(before or {}, after or {}, _DEPTH_INSIDE)
            if any(parts) and len(orjson.dumps(parts)) <= _PARTS_LIMIT:
                repeated[name] = list(parts)
    properties: dict[str, Any] = {"names": sorted(changes), "changes": repeated}
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
        message_id or str(uuid4()),
        depth=depth,
    )


def _is_short(value: Any) -> bool:
    # A sign takes six bytes as JSON at most.
    if value is None or (type(value) is str and len(value) * 6 + 2 <= VALUE_LIMIT):
        return True
    return len(orjson.dumps(value)) <= VALUE_LIMIT


def _changed_parts(
    before: dict[str, Any], after: dict[str, Any], depth: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The short values that changed inside of an object, before and after."""
    was: dict[str, Any] = {}
    is_: dict[str, Any] = {}
    changed = [
        key
        for key in sorted(before.keys() | after.keys())
        # True == 1 in Python; in JSON they are two values.
        if orjson.dumps(before.get(key)) != orjson.dumps(after.get(key))
    ]
    for key in changed:
        one, other = before.get(key), after.get(key)
        if not (_is_short(one) and _is_short(other)):
            if not depth or not isinstance(one, dict | None) or not isinstance(other, dict | None):
                continue
            one, other = _changed_parts(one or {}, other or {}, depth - 1)
            if not one and not other:
                continue
        was[key], is_[key] = one, other
    return was, is_


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
