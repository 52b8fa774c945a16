"""Changes of contacts by operators and by steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg.errors import UniqueViolation
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.model.contact_checks import ATTRIBUTES_LIMIT, AttributeRefused, judge_attributes
from journeys.model.contact_fields import EXTERNAL_ID, FIELD_NAMES
from journeys.model.json_values import bounded_number, find_flaw, is_number
from store.contacts.rows import (
    ATTRIBUTES_BOUND,
    ATTRIBUTES_COUNT,
    LockedContact,
    find_contact,
    lock_and_read_contacts,
)
from store.events.contact_changes import write_contact_change
from store.events.recording import ConcurrentChange
from store.operations.audit import Actor, record_audit
from store.sql import Connection, fetch_one, statement
from store.tables.contacts import Contact
from store.tables.identifiers import new_id

_CREATE = statement(
    insert(Contact)
    .values(id=bindparam("id"), external_id=bindparam("external_id"))
    .on_conflict_do_nothing(index_elements=[col(Contact.external_id)])
    .returning(col(Contact.id))
)


@dataclass(frozen=True, slots=True)
class ChangedAttributes:
    """The result of a change of attributes."""

    names: list[str]
    """The attributes whose value changed."""
    refused: dict[str, str]
    """Attributes that keep their value, each with a code that says why."""


async def put_contact(
    conn: Connection,
    reference: str,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    actor: Actor | None = None,
) -> tuple[UUID, bool]:
    """Set checked values of a contact by name, None removing; its id, and whether it is new.

    `reason` goes into the event of the change, and with an `actor` into the audit log, beside the
    names of what has changed. If no contact has the reference, a new one is
    created with it as external id. Raises AttributeRefused if the attributes together would be too
    large, and store.events.recording.ConcurrentChange if the contact was erased or merged at the
    same time.
    """
    contact_id = await find_contact(conn, reference)
    new = False
    if contact_id is None:
        try:
            created = await fetch_one(conn, _CREATE, {"id": new_id(), "external_id": reference})
        except UniqueViolation:
            # A merge has made an alias of it meanwhile.
            raise ConcurrentChange from None
        new = created is not None
        locked = await lock_and_read_contacts(conn, external=[reference])
    else:
        locked = await lock_and_read_contacts(conn, ids=[contact_id])
    if not locked:
        raise ConcurrentChange
    contact = locked[0]
    if _oversize(contact, changes):
        raise AttributeRefused("attributes", ATTRIBUTES_BOUND)
    names = contact.set(changes)
    await write_contact_change(conn, contact, names, created=new, reason=reason)
    if actor is not None and (names or new):
        await record_audit(
            conn,
            actor,
            "contact.create" if new else "contact.change",
            f"contact:{contact.id}",
            after={"fields": sorted(names)},
            reason=reason,
        )
    return contact.id, new


async def derive_locale(conn: Connection, contact_id: UUID, languages: Sequence[str]) -> None:
    """Fill in the locale of a contact whose page was asked for in these languages.

    The most wanted comes first. The caller has locked the contact.
    """
    if not languages:
        return
    wanted = judge_attributes({"locale": languages[0]}, operate=False).values
    [contact] = await lock_and_read_contacts(conn, ids=[contact_id])
    changes = contact.fill(wanted, "page")
    if changes:
        await write_contact_change(conn, contact, changes)


async def change_attributes(
    conn: Connection,
    contact_id: UUID,
    *,
    set_: Mapping[str, Any],
    unset: Sequence[str],
    add: Mapping[str, float],
    depth: int,
) -> ChangedAttributes:
    """Change attributes of a contact that the caller has locked.

    `set_` has checked values, and removes where it has None. `add` counts from 0 where the value is
    missing; it is refused where the value is no number (`not_a_number`) or the sum is beyond
    floating point (`out_of_range`). What would make the attributes too large is refused, too
    (`oversize`).
    """
    [contact] = await lock_and_read_contacts(conn, ids=[contact_id])
    changes: dict[str, Any] = {**set_, **dict.fromkeys(unset)}
    refused: dict[str, str] = {}
    for name, amount in add.items():
        before = getattr(contact, name) if name in FIELD_NAMES else contact.attributes.get(name)
        total = _sum(before, amount)
        if total is None:
            refused[name] = "out_of_range" if is_number(before) else "not_a_number"
        else:
            changes[name] = total
    changes.pop(EXTERNAL_ID, None)
    for name in _oversize(contact, changes):
        refused[name] = "oversize"
        del changes[name]
    names = contact.set(changes)
    await write_contact_change(conn, contact, names, depth=depth)
    return ChangedAttributes(list(names), refused)


def _sum(before: Any, amount: float) -> int | float | None:
    """The sum, from 0 if there was no value; None if there is no such number."""
    if before is None:
        before = 0
    if not is_number(before):
        return None
    try:
        total = bounded_number(before + amount)
    except OverflowError:
        return None
    return None if find_flaw(total) else total


def _oversize(contact: LockedContact, changes: Mapping[str, Any]) -> list[str]:
    """The changes that would make the contact's attributes too large or too many, in order."""
    wanted = {
        name: value
        for name, value in changes.items()
        if name not in FIELD_NAMES and value is not None
    }
    if not wanted:
        return []
    before = contact.attributes
    size = len(orjson.dumps(before))
    names = {*before} - {name for name, value in changes.items() if value is None}
    found = []
    for name, value in wanted.items():
        grown = _written(name, value) - (_written(name, before[name]) if name in before else 0)
        too_many = name not in names and len(names) >= ATTRIBUTES_COUNT
        if too_many or (grown > 0 and size + grown > ATTRIBUTES_LIMIT):
            found.append(name)
        else:
            size += grown
            names.add(name)
    return found


def _written(name: str, value: Any) -> int:
    """The bytes of an attribute as JSON."""
    return len(orjson.dumps({name: value})) - 1
