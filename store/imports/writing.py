"""Rows that an import writes: contacts, and their events, many with one statement.

New rows are copied, so a row that another transaction has inserted meanwhile fails the page, which
is then done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg.errors import UniqueViolation

from journeys.model.contact_fields import READABLE_NAMES
from store.contacts.rows import FIELD_COLUMNS, FIELD_DEFINITIONS, LockedContact
from store.events.recording import ConcurrentChange, PendingEvent
from store.sql import Connection, copy_rows, execute, fetch_column, join, name, sql

_DRAW_IDS = sql("select nextval('event_id_seq') from generate_series(1, %(count)s::int)")
_COPY_CONTACTS = sql(
    "copy contact (id, {fields}, attributes, derived, last_event_id) from stdin",
    fields=FIELD_COLUMNS,
)
_COPY_EVENTS = sql("""
copy event (id, contact_id, name, properties, message_id, source, client_at, original_at, cause_id)
from stdin
""")
_COPY_OUTBOX = sql("copy outbox (contact_id, event_id) from stdin")
_UPDATE_CONTACTS = sql(
    """
update contact c set
    {assignments},
    last_event_id = greatest(c.last_event_id, g.newest),
    updated_at = parcours.clock()
from json_to_recordset(%(contacts)s::json) as g(
    id uuid, newest bigint, {definitions}, attributes jsonb, derived jsonb)
where c.id = g.id
""",
    definitions=FIELD_DEFINITIONS,
    assignments=join(
        ",\n    ",
        (
            sql("{column} = g.{column}", column=name(each))
            for each in (*READABLE_NAMES, "attributes", "derived")
        ),
    ),
)
_TOUCH_CONTACTS = sql("""
update contact c set last_event_id = greatest(c.last_event_id, g.newest)
from unnest(%(contacts)s::uuid[], %(newest)s::bigint[]) as g(id, newest)
where c.id = g.id
""")


async def write_contacts(
    conn: Connection, contacts: Iterable[LockedContact], events: Sequence[PendingEvent], *,
    outbox: bool,
) -> dict[UUID, int]:  # fmt: skip
    """Write contacts as they are now, and their events in order; each one's newest event.

    The caller has locked the contacts that exist. `outbox`: whether the events are dispatched.
    Raises ConcurrentChange if another transaction has inserted one of the rows.
    """
    ids = await fetch_column(conn, _DRAW_IDS, {"count": len(events)}) if events else []
    numbers = {id(event): number for event, number in zip(events, ids, strict=True)}
    newest: dict[UUID, int] = {}
    for event, number in zip(events, ids, strict=True):
        newest[event.contact_id] = number
    new, changed, touched = [], [], []
    for contact in contacts:
        if contact.new:
            new.append(contact)
        elif contact.changed:
            changed.append(contact)
        elif contact.id in newest:
            touched.append(contact.id)
    try:
        if new:
            await copy_rows(conn, _COPY_CONTACTS, (_new_row(each, newest) for each in new))
        if changed:
            await execute(
                conn,
                _UPDATE_CONTACTS,
                {"contacts": orjson.dumps([_row(each, newest) for each in changed]).decode()},
            )
        if touched:
            await execute(
                conn,
                _TOUCH_CONTACTS,
                {"contacts": touched, "newest": [newest[each] for each in touched]},
            )
        if events:
            await copy_rows(
                conn,
                _COPY_EVENTS,
                (
                    (
                        number, event.contact_id, event.name,
                        orjson.dumps(event.properties).decode(),
                        event.message_id, event.source, event.client_at, event.original_at,
                        None if event.cause is None else numbers[id(event.cause)],
                    )
                    for event, number in zip(events, ids, strict=True)
                ),
            )  # fmt: skip
            if outbox:
                await copy_rows(
                    conn,
                    _COPY_OUTBOX,
                    ((event.contact_id, number) for event, number in zip(events, ids, strict=True)),
                )
    except UniqueViolation as error:
        raise ConcurrentChange from error
    return newest


_FIELDS: Final = READABLE_NAMES


def _new_row(contact: LockedContact, newest: dict[UUID, int]) -> tuple[Any, ...]:
    values = contact.field_values()
    return (
        contact.id,
        *(_text(values[each]) for each in _FIELDS),
        orjson.dumps(contact.attributes).decode(),
        orjson.dumps(contact.derived).decode(),
        newest.get(contact.id, 0),
    )


def _text(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _row(contact: LockedContact, newest: dict[UUID, int]) -> dict[str, Any]:
    return {
        "id": contact.id,
        "newest": newest.get(contact.id, 0),
        **contact.field_values(),
        "attributes": contact.attributes,
        "derived": contact.derived,
    }
