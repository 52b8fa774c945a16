"""The topics and groups of a contact, listed page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from journeys.model.well_known_events import ConsentState
from store.sql import Connection, fetch_all_as, sql


@dataclass(frozen=True, slots=True)
class ListedTopic:
    """A topic, as a contact stands to it."""

    topic: str
    name: str | None
    default: str | None
    state: ConsentState | None
    """The state that was recorded last; None if there is no record."""
    changed_at: datetime | None
    confirmed_email: str | None
    confirmed_phone: str | None


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group that a contact is in."""

    group: str
    since: datetime


# A topic that was removed is listed as long as there is a record of it.
_TOPICS = sql("""
select page.topic, d.document ->> 'name' as name, d.document ->> 'default' as "default",
       t.state, t.changed_at, t.confirmed_email, t.confirmed_phone
from (
    select key as topic from document where kind = 'topic' and key > %(after)s
    union
    select topic from topic_state where contact_id = %(contact)s and topic > %(after)s
    order by topic limit %(limit)s
) page
left join document d on d.kind = 'topic' and d.key = page.topic
left join topic_state t on t.contact_id = %(contact)s and t.topic = page.topic
order by page.topic
""")
_GROUPS = sql("""
select group_key as "group", added_at as since from group_member
where contact_id = %(contact)s and group_key > %(after)s
order by group_key limit %(limit)s
""")


async def topics_of(
    conn: Connection, contact_id: UUID, after: str, limit: int
) -> list[ListedTopic]:
    """All topics by their keys, from the first after a key on, as a contact stands to each."""
    wanted = {"contact": contact_id, "after": after, "limit": limit}
    return await fetch_all_as(conn, ListedTopic, _TOPICS, wanted)


async def groups_of(
    conn: Connection, contact_id: UUID, after: str, limit: int
) -> list[ListedGroup]:
    """The groups of a contact by their keys, from the first after a key on."""
    wanted = {"contact": contact_id, "after": after, "limit": limit}
    return await fetch_all_as(conn, ListedGroup, _GROUPS, wanted)
