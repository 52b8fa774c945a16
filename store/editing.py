"""Contacts edited by operators, rather than by what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection

from store.contacts import find_contact, hold
from store.identifiers import new_id
from store.recording import CONTACT_CHANGED, Contended, PendingEvent, write_pending


async def put_contact(
    conn: AsyncConnection[Any], reference: str, changes: Mapping[str, Any]
) -> tuple[UUID, bool]:
    """Take over checked values by attribute, None removing; the contact, and whether it is new.

    A reference that nobody has becomes a new contact's external id. Raises
    store.recording.Contended if the contact went away meanwhile.
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
        held = await hold(conn, external=[reference])
    else:
        held = await hold(conn, ids=[contact_id])
    if not held:
        raise Contended
    names = held[0].set(changes)
    if names:
        properties = orjson.Fragment(orjson.dumps({"names": sorted(names)}))
        event = PendingEvent(held[0].id, CONTACT_CHANGED, properties, str(uuid4()))
        await write_pending(conn, [event], held)
    return held[0].id, new
