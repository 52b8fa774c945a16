"""Contacts: reading one, locking many in one order, and erasing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row

from journeys.model.contact_fields import CONTACT_FIELDS, FIELD_NAMES


@dataclass(slots=True)
class LockedContact:
    """A contact whose row this transaction holds locked, or is about to make.

    Changes are made here and written once, with the events that go with them.
    """

    id: UUID
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    country: str | None = None
    score: float = 0.0
    lifecycle: str | None = None
    attributes_json: str = "{}"
    window_used: int = 0
    """Items accepted within the current minute."""
    window_left: float = 60.0
    """Seconds until that minute ends."""
    new: bool = False
    touched: bool = False
    """Something of this contact is to be written."""
    changed: bool = False
    """One of its attributes, or its external id, is to be written."""
    _attributes: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes without a column, decoded at the first look."""
        if self._attributes is None:
            self._attributes = orjson.loads(self.attributes_json)
        return self._attributes

    def set(self, changes: Mapping[str, Any]) -> list[str]:
        """Take over checked values by name, None removing; the names whose value is now another."""
        names = []
        for name, value in changes.items():
            if name in FIELD_NAMES:
                wanted = CONTACT_FIELDS[name].absent if value is None else value
                if getattr(self, name) == wanted:
                    continue
                setattr(self, name, wanted)
            elif value is None:
                if name not in self.attributes:
                    continue
                del self.attributes[name]
            else:
                held = self.attributes.get(name)
                # True == 1 in Python; in JSON they are two values.
                if held == value and orjson.dumps(held) == orjson.dumps(value):
                    continue
                self.attributes[name] = value
            names.append(name)
        if names:
            self.changed = True
        return names

    def fill(self, values: Mapping[str, Any]) -> list[str]:
        """Take over values only where there is none yet; the names that were filled."""
        return self.set(
            {
                name: value
                for name, value in values.items()
                if value is not None
                and (getattr(self, name) in (None, 0.0) if name in FIELD_NAMES
                     else name not in self.attributes)
            }
        )  # fmt: skip


# Sorted before they are locked, so that whoever locks several contacts waits in the same order.
# The array is worked out once: a row that changed while we waited for it is judged by its id alone.
_HOLD = """
select c.id, c.external_id, c.email, c.phone, c.timezone, c.locale, c.country, c.score,
       c.lifecycle, c.attributes::text as attributes_json,
       case when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_events else 0 end as window_used,
       case when c.window_started_at > parcours.clock() - interval '1 minute'
            then extract(epoch from c.window_started_at + interval '1 minute' - parcours.clock())
            else 60 end::float8 as window_left
from contact c
where c.id = any(array(
    select id from contact where external_id = any(%(external)s)
    union all select contact_id from identity where anonymous_id = any(%(anonymous)s)
    union all select unnest(%(ids)s::uuid[])
))
order by c.id
for no key update of c
"""


async def lock_and_read_contacts(
    conn: AsyncConnection[Any],
    *,
    external: Sequence[str] = (),
    anonymous: Sequence[str] = (),
    ids: Sequence[UUID] = (),
) -> list[LockedContact]:
    """Lock the contacts that exist, by external id, anonymous id or our own.

    In the order of their ids, and until the transaction ends.
    """
    async with conn.cursor(row_factory=class_row(LockedContact)) as cursor:
        await cursor.execute(
            _HOLD, {"external": list(external), "anonymous": list(anonymous), "ids": list(ids)}
        )
        return await cursor.fetchall()


async def lock_contacts(conn: AsyncConnection[Any], contact_ids: Sequence[UUID]) -> None:
    """Lock contacts in the order of their ids, until the transaction ends.

    What a later statement reads includes all that was committed before the lock.
    """
    await conn.execute(
        "select from contact where id = any(%s) order by id for no key update",
        (list(contact_ids),),
    )


def parse_reference(reference: str) -> UUID | None:
    """Our own id, if the text is one in its usual form."""
    if len(reference) != 36:
        return None
    try:
        return UUID(reference)
    except ValueError:
        return None


async def find_contact(conn: AsyncConnection[Any], reference: str) -> UUID | None:
    """The contact with this external id, else with this id of ours; None if there is none."""
    return (await find_contacts(conn, [reference])).get(reference)


async def find_contacts(conn: AsyncConnection[Any], references: Iterable[str]) -> dict[str, UUID]:
    """The contacts of these references, each an external id or an id of ours; unknown ones lack."""
    wanted = list(dict.fromkeys(references))
    own = {
        reference: parsed
        for reference in wanted
        if (parsed := parse_reference(reference)) is not None
    }
    cursor = await conn.execute(
        "select external_id, id from contact where external_id = any(%s)"
        " union all select null, id from contact where id = any(%s)",
        (wanted, list(own.values())),
    )
    rows = await cursor.fetchall()
    known = {contact_id for external_id, contact_id in rows if external_id is None}
    found = {reference: parsed for reference, parsed in own.items() if parsed in known}
    # An external id that happens to be a UUID is its owner's own.
    return found | {row[0]: row[1] for row in rows if row[0] is not None}


@dataclass(frozen=True)
class ContactRow:
    """A contact as readers see it."""

    id: UUID
    external_id: str | None
    email: str | None
    phone: str | None
    timezone: str | None
    locale: str | None
    country: str | None
    score: float
    lifecycle: str | None
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


async def read_contact(conn: AsyncConnection[Any], contact_id: UUID) -> ContactRow | None:
    """A contact as it is, unlocked."""
    async with conn.cursor(row_factory=class_row(ContactRow)) as cursor:
        await cursor.execute(
            "select id, external_id, email, phone, timezone, locale, country, score, lifecycle,"
            " attributes, created_at, updated_at from contact where id = %s",
            (contact_id,),
        )
        return await cursor.fetchone()
