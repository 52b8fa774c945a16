"""Rows of contacts: locked in one order, found by reference, and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.contact_checks import ATTRIBUTES_LIMIT
from journeys.model.contact_fields import CONTACT_FIELDS, FIELD_NAMES
from journeys.model.derived_fields import FROM_PHONE, STRENGTH, DerivedFrom, from_phone
from journeys.protocol.channels import AddressField
from store.sql import (
    Connection,
    column_definitions,
    columns,
    execute,
    fetch_all,
    fetch_all_as,
    fetch_column,
    fetch_one_as,
    sql,
    statement,
    table_columns,
)
from store.tables.contact_fields import ContactFields, ReadableContact
from store.tables.contacts import Contact

FIELD_COLUMNS: Final = columns(ContactFields)
"""The columns of a contact's fields, as an insert or a select lists them."""
FIELD_DEFINITIONS: Final = column_definitions(Contact, ContactFields)
"""The same with their types, as `json_to_recordset` takes them."""


ATTRIBUTES_COUNT: Final = 1_000
"""The most attributes of a contact that have no column."""
ATTRIBUTES_BOUND: Final = (
    f"a contact has at most {ATTRIBUTES_COUNT:,} attributes and"
    f" {ATTRIBUTES_LIMIT // 1024} KB of them together"
)


NEWEST: Final = datetime.max.replace(tzinfo=UTC)


class Changes(dict[str, tuple[Any, Any]]):
    """Values that changed, by name: from and to, None where there is none."""


@dataclass(slots=True)
class LockedContact(ContactFields):
    """A contact whose row this transaction has locked, or is about to insert.

    Changes are made here and written once, with their events.
    """

    id: UUID
    attributes_json: str = "{}"
    derived: dict[str, DerivedFrom] = field(default_factory=dict)
    """The fields that were worked out and not given, each with what it was worked out from."""
    window_used: int = 0
    """Items of public keys accepted within the current minute."""
    server_window_used: int = 0
    """The same of other keys."""
    window_left: float = 60.0
    """Seconds until that minute ends."""
    created_at: datetime | None = None
    """None for a new one."""
    named: dict[str, str] | None = None
    """Of the external ids that were asked for, those of merged contacts, each with the id of the
    contact that it names now. It is the same for all contacts that were locked together."""
    new: bool = False
    touched: bool = False
    """Whether anything of this contact is to be written."""
    changed: bool = False
    """Whether one of its attributes, or its external id, is to be written."""
    _attributes: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that have no column, decoded when they are first read."""
        if self._attributes is None:
            self._attributes = orjson.loads(self.attributes_json)
        return self._attributes

    @property
    def addresses(self) -> dict[AddressField, str | None]:
        """Its addresses by field."""
        return {"email": self.email, "phone": self.phone}

    def is_older(self, other: LockedContact) -> bool:
        """Whether it came into being before the other one."""
        return (self.created_at or NEWEST, self.id) < (other.created_at or NEWEST, other.id)

    def set(self, changes: Mapping[str, Any]) -> Changes:
        """Set checked values by name; None removes one. Returns those that changed."""
        changed = Changes()
        for name, value in changes.items():
            if name in FIELD_NAMES:
                if self.derived.pop(name, None) is not None:
                    self.changed = True
                absent = CONTACT_FIELDS[name].absent
                wanted = absent if value is None else value
                current = getattr(self, name)
                if current == wanted:
                    continue
                setattr(self, name, wanted)
                changed[name] = (None if current == absent else current, value)
            elif value is None:
                if name not in self.attributes:
                    continue
                changed[name] = (self.attributes.pop(name), None)
            else:
                current = self.attributes.get(name)
                # True == 1 in Python; in JSON they are two values.
                if current == value and orjson.dumps(current) == orjson.dumps(value):
                    continue
                self.attributes[name] = value
                changed[name] = (current, value)
        if "phone" in changed:
            self._derive_from_phone(changed)
        if changed:
            self.changed = True
        return changed

    def _derive_from_phone(self, changed: Changes) -> None:
        """Work out again what the phone number says, where nothing stronger says it."""
        found = from_phone(self.phone) if self.phone else {}
        for name in FROM_PHONE:
            current = getattr(self, name)
            if current is not None and self.derived.get(name) != "phone":
                continue
            self.derived.pop(name, None)
            value = found.get(name)
            if value is not None:
                self.derived[name] = "phone"
            if value != current:
                setattr(self, name, value)
                before, _ = changed.get(name, (current, None))
                changed[name] = (before, value)

    def would_exceed(self, changes: Mapping[str, Any]) -> bool:
        """Whether the attributes would be larger than they may be, and larger than they are."""
        after = {
            name: value
            for name, value in {**self.attributes, **changes}.items()
            if value is not None and name not in FIELD_NAMES
        }
        size = len(orjson.dumps(after))
        return (size > ATTRIBUTES_LIMIT or len(after) > ATTRIBUTES_COUNT) and size > len(
            orjson.dumps(self.attributes)
        )

    def fill(self, values: Mapping[str, Any], source: DerivedFrom | None = None) -> Changes:
        """Set values only where there is none yet, or one that was derived from something weaker.

        `source` is what they are derived from; None if they were given. Returns those that changed.
        """
        wanted = {
            name: value
            for name, value in values.items()
            if value is not None
            and (self._yields(name, source) if name in FIELD_NAMES
                 else name not in self.attributes)
        }  # fmt: skip
        changed = self.set(wanted)
        if source is not None:
            for name in wanted.keys() & FIELD_NAMES:
                self.derived[name] = source
                self.changed = True
        return changed

    def _yields(self, name: Any, source: DerivedFrom | None) -> bool:
        current = self.derived.get(name)
        if current is not None:
            return source is None or STRENGTH[source] < STRENGTH[current]
        return bool(getattr(self, name) == CONTACT_FIELDS[name].absent)

    def fill_from(self, other: LockedContact, *, attributes: bool) -> Changes:
        """Fill in what another contact has and this one lacks, as given or derived there.

        `attributes`: those without a column, too.
        """
        changed = Changes()
        brought: dict[DerivedFrom | None, dict[str, Any]] = {}
        for name in FIELD_NAMES:
            values = brought.setdefault(other.derived.get(name), {})
            values[name] = getattr(other, name)
        given = brought.pop(None, {})
        if attributes:
            given = {**other.attributes, **given}
        changed.update(self.fill(given))
        for source in STRENGTH:
            changed.update(self.fill(brought.get(source, {}), source))
        return changed


# Every transaction locks contacts in the order of their ids, so two of them cannot deadlock. The
# array of ids does not refer to `c`, so it is computed once: a row that changed while it was waited
# for is checked again by its id alone.
_LOCKED = sql(
    """
select c.id, {fields}, c.attributes::text as attributes_json, c.derived, c.created_at,
       (select json_object_agg(external_id, contact_id) from contact_alias
        where external_id = any(%(external)s)) as named,
       case when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_events else 0 end as window_used,
       case when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_server_events else 0 end as server_window_used,
       case when c.window_started_at > parcours.clock() - interval '1 minute'
            then extract(epoch from c.window_started_at + interval '1 minute' - parcours.clock())
            else 60 end::float8 as window_left
from contact c
where c.id = any(array(
    select id from contact where external_id = any(%(external)s)
    union all select contact_id from identity where anonymous_id = any(%(anonymous)s)
    union all select contact_id from contact_alias where external_id = any(%(external)s)
    union all select unnest(%(ids)s::uuid[])
))
order by c.id
""",
    fields=columns(ContactFields, of="c"),
)
_LOCK_AND_READ = sql("{locked} for no key update of c", locked=_LOCKED)
_LOCK_TO_MERGE = sql("{locked} for update of c", locked=_LOCKED)

OWN_ID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""The usual form of our own ids, in either case, for Python and for PostgreSQL."""
_OWN_ID: Final = re.compile(OWN_ID, re.ASCII | re.IGNORECASE)

_LOCK = sql("select from contact where id = any(%(ids)s) order by id for no key update")

_OWN = statement(select(col(Contact.id)).where(col(Contact.id) == func.any(bindparam("ids"))))

_FIND = sql("""
select external_id, id from contact where external_id = any(%(external)s)
union all select external_id, contact_id from contact_alias where external_id = any(%(external)s)
union all select null, id from contact where id = any(%(ids)s)
""")

_EXTERNAL_IDS = sql("""
select coalesce(c.external_id, c.id::text)
from unnest(%(contacts)s::uuid[]) with ordinality as g(id, place)
join contact c on c.id = g.id order by g.place
""")


async def lock_and_read_contacts(
    conn: Connection,
    *,
    external: Sequence[str] = (),
    anonymous: Sequence[str] = (),
    ids: Sequence[UUID] = (),
    to_merge: bool = False,
) -> list[LockedContact]:
    """Lock the contacts that exist, by external id, anonymous id or our own.

    In the order of their ids, and until the transaction ends. The external id of a contact that was
    merged into another names that one. `to_merge`: one of them may be merged into another.
    """
    wanted = {"external": list(external), "anonymous": list(anonymous), "ids": list(ids)}
    query = _LOCK_TO_MERGE if to_merge else _LOCK_AND_READ
    return await fetch_all_as(conn, LockedContact, query, wanted)


def merged_names(locked: Sequence[LockedContact]) -> dict[str, LockedContact]:
    """Of the external ids that were asked for, those of contacts that were merged, each with the
    locked contact that it names now.

    One whose contact is merged meanwhile is left out. A contact with it cannot be inserted, so that
    the transaction is tried again.
    """
    by_id = {str(contact.id): contact for contact in locked}
    named = (locked[0].named if locked else None) or {}
    return {external: by_id[each] for external, each in named.items() if each in by_id}


async def lock_contacts(conn: Connection, contact_ids: Sequence[UUID]) -> None:
    """Lock contacts in the order of their ids, until the transaction ends.

    A later statement of the transaction reads all that was committed before the lock.
    """
    await execute(conn, _LOCK, {"ids": list(contact_ids)})


def parse_reference(reference: str) -> UUID | None:
    """Our own id, if the text is one in its usual form."""
    return UUID(reference) if _OWN_ID.fullmatch(reference) is not None else None


async def find_own_ids(conn: Connection, references: Iterable[str]) -> set[UUID]:
    """The contacts that have one of the references as our own id of them."""
    own = [parsed for each in references if (parsed := parse_reference(each)) is not None]
    return set(await fetch_column(conn, _OWN, {"ids": own})) if own else set()


async def find_contact(conn: Connection, reference: str) -> UUID | None:
    """The contact with this external id, now or before a merge, else with this id of ours.

    None if there is none.
    """
    return (await find_contacts(conn, [reference])).get(reference)


async def find_contacts(conn: Connection, references: Iterable[str]) -> dict[str, UUID]:
    """Contacts by reference (an external id or an id of ours); unknown ones are left out."""
    wanted = list(dict.fromkeys(references))
    own = {
        reference: parsed
        for reference in wanted
        if (parsed := parse_reference(reference)) is not None
    }
    rows = await fetch_all(conn, _FIND, {"external": wanted, "ids": list(own.values())})
    known = {contact_id for external_id, contact_id in rows if external_id is None}
    found = {reference: parsed for reference, parsed in own.items() if parsed in known}
    # An external id may have the form of a UUID: the contact that has it wins.
    return found | {row[0]: row[1] for row in rows if row[0] is not None}


async def external_ids(conn: Connection, contacts: Sequence[UUID]) -> list[str]:
    """The external ids of contacts, or our ids where there is none, in the order of `contacts`."""
    return await fetch_column(conn, _EXTERNAL_IDS, {"contacts": list(contacts)})


@dataclass(slots=True, kw_only=True)
class ContactRow(ReadableContact):
    """A contact as readers see it."""

    id: UUID
    created_at: datetime
    updated_at: datetime


_READ = statement(
    select(*table_columns(Contact, ContactRow)).where(col(Contact.id) == bindparam("id"))
)


async def read_contact(conn: Connection, contact_id: UUID) -> ContactRow | None:
    """A contact, read without a lock."""
    return await fetch_one_as(conn, ContactRow, _READ, {"id": contact_id})
