"""Groups and their members: pages for readers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.sql import Connection, fetch_all_as, sql

_FIRST: Final = UUID(int=0)
# Each key is found by index from the one before, however many members the groups have.
_GROUPS = sql("""
with recursive found as (
    (select group_key, 1 as n from group_member where group_key > %(after)s
     order by group_key limit 1)
    union all
    select following.group_key, f.n + 1
    from found f
    cross join lateral (
        select g.group_key from group_member g where g.group_key > f.group_key
        order by g.group_key limit 1
    ) following
    where f.n < %(limit)s
)
select f.group_key as key,
       (select count(*) from group_member g where g.group_key = f.group_key) as members
from found f order by 1
""")
_MEMBERS = sql("""
select g.contact_id, coalesce(c.external_id, c.id::text) as contact, c.email, g.added_at
from group_member g join contact c on c.id = g.contact_id
where g.group_key = %(group)s and g.contact_id > %(after)s
order by g.contact_id limit %(limit)s
""")


@dataclass(frozen=True)
class Group:
    """A group that has members."""

    key: str
    members: int


@dataclass(frozen=True)
class ListedMember:
    """A contact in a group."""

    contact_id: UUID
    contact: str
    """Its external id, else its own."""
    email: str | None
    added_at: datetime


async def list_groups(conn: Connection, after: str, limit: int) -> list[Group]:
    """Groups with members in the order of their keys, after the key `after`."""
    return await fetch_all_as(conn, Group, _GROUPS, {"after": after, "limit": limit})


async def list_group_members(
    conn: Connection, group: str, after: UUID | None, limit: int
) -> list[ListedMember]:
    """The members of a group after a contact, in the order of their ids."""
    page = {"group": group, "after": after or _FIRST, "limit": limit}
    return await fetch_all_as(conn, ListedMember, _MEMBERS, page)
