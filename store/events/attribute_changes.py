"""Changes of contacts by operators and by steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.model.contact_fields import CONTACT_FIELDS, FIELD_NAMES
from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.rows import find_contact, lock_and_read_contacts
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.sql import Connection, fetch_one, statement
from store.tables.contacts import Contact
from store.tables.identifiers import new_id

_CREATE = statement(
    insert(Contact)
    .values(id=bindparam("id"), external_id=bindparam("external_id"))
    .on_conflict_do_nothing(index_elements=[col(Contact.external_id)])
    .returning(col(Contact.id))
)


async def put_contact(
    conn: Connection, reference: str, changes: Mapping[str, Any]
) -> tuple[UUID, bool]:
    """Set checked values of a contact by name, None removing; its id, and whether it is new.

    If no contact has the reference, a new one is created with it as external id. Raises
    store.events.recording.ConcurrentChange if the contact was erased or merged at the same time.
    """
    contact_id = await find_contact(conn, reference)
    new = False
    if contact_id is None:
        new = await fetch_one(conn, _CREATE, {"id": new_id(), "external_id": reference}) is not None
        locked = await lock_and_read_contacts(conn, external=[reference])
    else:
        locked = await lock_and_read_contacts(conn, ids=[contact_id])
    if not locked:
        raise ConcurrentChange
    contact = locked[0]
    names = contact.set(changes)
    if names:
        properties = orjson.Fragment(orjson.dumps({"names": sorted(names)}))
        event = PendingEvent(contact.id, CONTACT_CHANGED, properties, str(uuid4()))
        await write_pending(conn, [event], locked)
    return contact.id, new


async def change_attributes(
    conn: Connection,
    contact_id: UUID,
    *,
    set_: Mapping[str, Any],
    unset: Sequence[str],
    add: Mapping[str, float],
    depth: int,
) -> list[str]:
    """Change attributes of a contact that the caller has locked; the names whose value changed.

    `add` counts from 0 where the value is missing or no number. `set_` removes where it has None.
    """
    [contact] = await lock_and_read_contacts(conn, ids=[contact_id])
    changes: dict[str, Any] = {name: _typed(name, value) for name, value in set_.items()}
    changes |= dict.fromkeys(unset)
    for name, amount in add.items():
        before = getattr(contact, name) if _is_number_field(name) else contact.attributes.get(name)
        number = before if isinstance(before, int | float) and not isinstance(before, bool) else 0
        changes[name] = number + amount
    changes.pop("external_id", None)
    names = contact.set(changes)
    if names:
        properties = orjson.Fragment(orjson.dumps({"names": names}))
        event = PendingEvent(contact_id, CONTACT_CHANGED, properties, str(uuid4()), depth=depth)
        await write_pending(conn, [event], [contact])
    return names


def _is_number_field(name: str) -> bool:
    return name in FIELD_NAMES and CONTACT_FIELDS[name].type == "number"


def _typed(name: str, value: Any) -> Any:
    """The value in the type of the contact's field; None if a field for numbers cannot take it."""
    if name not in FIELD_NAMES or value is None:
        return value
    if _is_number_field(name):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return value if fits else None
    return value if isinstance(value, str) else str(value)
