"""Members of segments and groups, and what has changed: pages for readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.sql import Connection, fetch_all, fetch_all_as, fetch_column, fetch_value, sql
from store.tables.segments import ChangedBy

_PAGE = sql("""
select contact_id from segment_member
where segment = %(segment)s and contact_id > %(after)s order by contact_id limit %(limit)s
""")
_MEMBERS = sql("""
select m.contact_id, coalesce(c.external_id, c.id::text) as contact, c.email, m.entered_at
from segment_member m join contact c on c.id = m.contact_id
where m.segment = %(segment)s and m.contact_id > %(after)s
order by m.contact_id limit %(limit)s
""")
_CHANGES = sql("""
select h.id, coalesce(c.external_id, h.contact_id::text) as contact, h.segment, h.entered, h.at,
       h.by, h.event_id
from segment_change h left join contact c on c.id = h.contact_id
where h.segment = %(segment)s and h.id < %(before)s
order by h.id desc limit %(limit)s
""")
_COUNT = sql("select count(*) from segment_member where segment = %(segment)s")
_COUNTS = sql("""
select segment, count(*) from segment_member where segment = any(%(segments)s) group by segment
""")
_OF_CONTACT = sql("""
select segment, entered_at from segment_member where contact_id = %(contact)s order by segment
""")
_FIRST: Final = UUID(int=0)
_NEWEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Member:
    """A contact in a segment."""

    contact_id: UUID
    contact: str
    """Its external id, else its own."""
    email: str | None
    entered_at: datetime


@dataclass(frozen=True)
class MemberChange:
    """A contact entered a segment, or left it."""

    id: int
    contact: str
    segment: str
    entered: bool
    at: datetime
    by: ChangedBy
    event_id: int | None


async def members_page(
    conn: Connection, segment: str, after: UUID | None, limit: int
) -> list[UUID]:
    """The members after a contact, in the order of their ids."""
    page = {"segment": segment, "after": after or _FIRST, "limit": limit}
    return await fetch_column(conn, _PAGE, page)


async def list_members(
    conn: Connection, segment: str, after: UUID | None, limit: int
) -> list[Member]:
    """The same with what readers see of them."""
    page = {"segment": segment, "after": after or _FIRST, "limit": limit}
    return await fetch_all_as(conn, Member, _MEMBERS, page)


async def list_changes(
    conn: Connection, segment: str, before: int | None, limit: int
) -> list[MemberChange]:
    """Who entered and left, newest first, before the change `before`."""
    page = {"segment": segment, "before": before or _NEWEST, "limit": limit}
    return await fetch_all_as(conn, MemberChange, _CHANGES, page)


async def count_members(conn: Connection, segment: str) -> int:
    """How many contacts are in a segment, exactly."""
    return int(await fetch_value(conn, _COUNT, {"segment": segment}))


async def count_members_of(conn: Connection, segments: Sequence[str]) -> dict[str, int]:
    """How many contacts are in each of some segments."""
    found = dict(await fetch_all(conn, _COUNTS, {"segments": list(segments)}))
    return {key: int(found.get(key, 0)) for key in segments}


async def segments_of(conn: Connection, contact_id: UUID) -> list[tuple[str, datetime]]:
    """The segments that a contact is in, each with since when."""
    return [(key, at) for key, at in await fetch_all(conn, _OF_CONTACT, {"contact": contact_id})]
