"""Groups: lists of contacts that come into being by use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.rows import lock_and_read_contacts
from store.events.recording import NewEvent, record_changes, record_events


async def add_to_group(conn: AsyncConnection[Any], group: str, contacts: Sequence[UUID]) -> int:
    """Add contacts to a group, telling whoever waits for it; how many were not in it."""
    held = await lock_and_read_contacts(conn, ids=contacts)
    cursor = await conn.execute(
        "insert into group_member (contact_id, group_key) select unnest(%s::uuid[]), %s"
        " on conflict (contact_id, group_key) do nothing returning contact_id",
        ([contact.id for contact in held], group),
    )
    return await _tell(conn, group, [row[0] for row in await cursor.fetchall()])


async def remove_from_group(
    conn: AsyncConnection[Any], group: str, contacts: Sequence[UUID]
) -> int:
    """Remove contacts from a group, telling whoever waits for it; how many were in it."""
    held = await lock_and_read_contacts(conn, ids=contacts)
    cursor = await conn.execute(
        "delete from group_member where group_key = %s and contact_id = any(%s)"
        " returning contact_id",
        (group, [contact.id for contact in held]),
    )
    return await _tell(conn, group, [row[0] for row in await cursor.fetchall()])


async def _tell(conn: AsyncConnection[Any], group: str, changed: Sequence[UUID]) -> int:
    event = NewEvent(CONTACT_CHANGED, {"names": [f"group:{group}"]})
    await record_changes(conn, [(contact_id, event) for contact_id in changed])
    return len(changed)


async def change_groups(
    conn: AsyncConnection[Any],
    contact_id: UUID,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    depth: int,
) -> None:
    """Add a locked contact to groups and remove it from others."""
    cursor = await conn.execute(
        """
        with gone as (
            delete from group_member
            where contact_id = %(contact)s and group_key = any(%(remove)s) returning group_key
        ), come as (
            insert into group_member (contact_id, group_key)
            select %(contact)s, unnest(%(add)s::text[]) on conflict do nothing returning group_key
        )
        select group_key from gone union select group_key from come order by 1
        """,
        {"contact": contact_id, "add": list(add), "remove": list(remove)},
    )
    keys = [row[0] for row in await cursor.fetchall()]
    if keys:
        names = [f"group:{key}" for key in keys]
        event = NewEvent(CONTACT_CHANGED, {"names": names}, depth=depth)
        await record_events(conn, contact_id, [event])
