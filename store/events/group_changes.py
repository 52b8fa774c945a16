"""Members of groups, added and removed. A group exists once it is used."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, delete, func
from sqlmodel import col

from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.rows import lock_and_read_contacts
from store.events.recording import NewEvent, record_changes, record_events
from store.sql import Connection, fetch_column, sql, statement
from store.tables.contacts import GroupMember

_ADD = sql("""
insert into group_member (contact_id, group_key) select unnest(%(contacts)s::uuid[]), %(group)s
on conflict (contact_id, group_key) do nothing returning contact_id
""")
_REMOVE = statement(
    delete(GroupMember)
    .where(
        col(GroupMember.group_key) == bindparam("group"),
        col(GroupMember.contact_id) == func.any(bindparam("contacts")),
    )
    .returning(col(GroupMember.contact_id))
)
_CHANGE = sql("""
with removed as (
    delete from group_member
    where contact_id = %(contact)s and group_key = any(%(remove)s) returning group_key
), added as (
    insert into group_member (contact_id, group_key)
    select %(contact)s, unnest(%(add)s::text[]) on conflict do nothing returning group_key
)
select group_key from removed union select group_key from added order by 1
""")


async def add_to_group(conn: Connection, group: str, contacts: Sequence[UUID]) -> int:
    """Add contacts to a group and record the change of each; how many were not in it."""
    locked = await lock_and_read_contacts(conn, ids=contacts)
    added = await fetch_column(
        conn, _ADD, {"contacts": [contact.id for contact in locked], "group": group}
    )
    return await _record_change(conn, group, added)


async def remove_from_group(conn: Connection, group: str, contacts: Sequence[UUID]) -> int:
    """Remove contacts from a group and record the change of each; how many were in it."""
    locked = await lock_and_read_contacts(conn, ids=contacts)
    removed = await fetch_column(
        conn, _REMOVE, {"contacts": [contact.id for contact in locked], "group": group}
    )
    return await _record_change(conn, group, removed)


async def _record_change(conn: Connection, group: str, changed: Sequence[UUID]) -> int:
    event = NewEvent(CONTACT_CHANGED, {"names": [f"group:{group}"]})
    await record_changes(conn, [(contact_id, event) for contact_id in changed])
    return len(changed)


async def change_groups(
    conn: Connection,
    contact_id: UUID,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    depth: int,
) -> None:
    """Add a contact that the caller has locked to groups, and remove it from others."""
    keys = await fetch_column(
        conn, _CHANGE, {"contact": contact_id, "add": list(add), "remove": list(remove)}
    )
    if keys:
        names = [f"group:{key}" for key in keys]
        event = NewEvent(CONTACT_CHANGED, {"names": names}, depth=depth)
        await record_events(conn, contact_id, [event])
