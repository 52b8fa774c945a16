"""Members of groups, added and removed. A group exists once it is used."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, delete, func
from sqlmodel import col

from journeys.model.well_known_events import GROUP_JOINED, GROUP_LEFT
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.recording import ConcurrentChange, NewEvent, record_changes
from store.sql import Connection, fetch_all, fetch_column, sql, statement
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
select group_key, false as joined from removed union all select group_key, true from added
order by 2, 1
""")


async def add_to_group(conn: Connection, group: str, contacts: Sequence[UUID]) -> int:
    """Add contacts to a group and record that each joined; how many were not in it.

    Raises ConcurrentChange if one of them was merged or erased at the same time.
    """
    locked = await _lock(conn, contacts)
    added = await fetch_column(
        conn, _ADD, {"contacts": [contact.id for contact in locked], "group": group}
    )
    return await _record(conn, GROUP_JOINED, group, added)


async def remove_from_group(conn: Connection, group: str, contacts: Sequence[UUID]) -> int:
    """Remove contacts from a group and record that each left; how many were in it.

    Raises ConcurrentChange if one of them was merged or erased at the same time.
    """
    locked = await _lock(conn, contacts)
    removed = await fetch_column(
        conn, _REMOVE, {"contacts": [contact.id for contact in locked], "group": group}
    )
    return await _record(conn, GROUP_LEFT, group, removed)


async def _lock(conn: Connection, contacts: Sequence[UUID]) -> list[LockedContact]:
    locked = await lock_and_read_contacts(conn, ids=contacts)
    if len(locked) < len({*contacts}):
        raise ConcurrentChange
    return locked


async def _record(conn: Connection, name: str, group: str, changed: Sequence[UUID]) -> int:
    event = NewEvent(name, {"group": group})
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
    changed = await fetch_all(
        conn, _CHANGE, {"contact": contact_id, "add": list(add), "remove": list(remove)}
    )
    events = [
        NewEvent(GROUP_JOINED if joined else GROUP_LEFT, {"group": key}, depth=depth)
        for key, joined in changed
    ]
    await record_changes(conn, [(contact_id, event) for event in events])
