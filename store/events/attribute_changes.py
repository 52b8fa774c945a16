"""Contacts edited by operators, rather than by what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection

from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.rows import find_contact, lock_and_read_contacts
from store.events.recording import (
    ConcurrentChange,
    PendingEvent,
    write_pending,
)
from store.tables.identifiers import new_id


async def put_contact(
    conn: AsyncConnection[Any], reference: str, changes: Mapping[str, Any]
) -> tuple[UUID, bool]:
    """Take over checked values by attribute, None removing; the contact, and whether it is new.

    A reference that nobody has becomes a new contact's external id. Raises
    store.events.recording.ConcurrentChange if the contact went away meanwhile.
    """
    contact_id = await find_contact(conn, reference)
    new = False
    if contact_id is None:
        cursor = await conn.execute(
            "insert into contact (id, external_id) values (%s, %s)"
            " on conflict (external_id) do nothing returning id",
            (new_id(), reference),
        )
        new = await cursor.fetchone() is not None
        held = await lock_and_read_contacts(conn, external=[reference])
    else:
        held = await lock_and_read_contacts(conn, ids=[contact_id])
    if not held:
        raise ConcurrentChange
    names = held[0].set(changes)
    if names:
        properties = orjson.Fragment(orjson.dumps({"names": sorted(names)}))
        event = PendingEvent(held[0].id, CONTACT_CHANGED, properties, str(uuid4()))
        await write_pending(conn, [event], held)
    return held[0].id, new


async def change_attributes(
    conn: AsyncConnection[Any],
    contact_id: UUID,
    *,
    set_: Mapping[str, Any],
    unset: Sequence[str],
    add: Mapping[str, float],
    depth: int,
) -> list[str]:
    """Change attributes of a contact that the caller has locked; the names whose value changed.

    `add` counts from 0 where the value is missing or no number. A `set` to nothing removes.
    """
    [held] = await lock_and_read_contacts(conn, ids=[contact_id])
    changes: dict[str, Any] = {name: _typed(name, value) for name, value in set_.items()}
    changes |= dict.fromkeys(unset)
    for name, amount in add.items():
        before = held.score if name == "score" else held.attributes.get(name)
        number = before if isinstance(before, int | float) and not isinstance(before, bool) else 0
        changes[name] = number + amount
    changes.pop("external_id", None)
    names = held.set(changes)
    if names:
        told = orjson.Fragment(orjson.dumps({"names": names}))
        event = PendingEvent(contact_id, CONTACT_CHANGED, told, str(uuid4()), depth=depth)
        await write_pending(conn, [event], [held])
    return names


def _typed(name: str, value: Any) -> Any:
    """A column keeps text, and the score a number; what does not fit is no value."""
    if name not in FIELD_NAMES or value is None:
        return value
    if name == "score":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return value if fits else None
    return value if isinstance(value, str) else str(value)
