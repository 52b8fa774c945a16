"""Merging an anonymous contact into a known one, under both locks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from store.runs.lifecycle import end_run

_COLLIDING = """
select case when (a.started_at, a.id) > (b.started_at, b.id) then a.id else b.id end
from run a join run b on b.journey = a.journey and b.key = a.key
where a.contact_id = %s and b.contact_id = %s and a.state = 'active' and b.state = 'active'
order by 1
"""

# Consent: whichever of the two is stricter stays.
_CONSENT = """
insert into topic_state (contact_id, topic, state, event_id, changed_at)
select %(into)s, topic, state, event_id, changed_at from topic_state where contact_id = %(gone)s
on conflict (contact_id, topic) do update
set state = excluded.state, event_id = excluded.event_id, changed_at = excluded.changed_at
where array_position(array['unsubscribed', 'pending', 'subscribed'], excluded.state)
    < array_position(array['unsubscribed', 'pending', 'subscribed'], topic_state.state)
"""
_GROUPS = """
insert into group_member (contact_id, group_key, added_at)
select %(into)s, group_key, added_at from group_member where contact_id = %(gone)s
on conflict (contact_id, group_key) do nothing
"""
_REPOINTED = (
    "update event set contact_id = %(into)s where contact_id = %(gone)s",
    "update outbox set contact_id = %(into)s where contact_id = %(gone)s",
    "update dead_event set contact_id = %(into)s where contact_id = %(gone)s",
    "update run set contact_id = %(into)s where contact_id = %(gone)s",
    "update listener set contact_id = %(into)s where contact_id = %(gone)s",
    "update goal set contact_id = %(into)s where contact_id = %(gone)s",
    "update message set contact_id = %(into)s where contact_id = %(gone)s",
    "update coupon set contact_id = %(into)s where contact_id = %(gone)s",
    "update refusal set contact_id = %(into)s where contact_id = %(gone)s",
    "update identity set contact_id = %(into)s where contact_id = %(gone)s",
)
_INHERIT = """
update contact c set
    last_event_id = greatest(c.last_event_id, gone.last_event_id),
    created_at = least(c.created_at, gone.created_at)
from contact gone where gone.id = %(gone)s and c.id = %(into)s
"""


async def merge_contact(conn: AsyncConnection[Any], gone: UUID, into: UUID) -> list[UUID]:
    """Move everything of the contact `gone` to `into` and delete its row; the runs that ended.

    Both rows are locked by the caller, who takes over the attributes and records the event that
    makes moved listeners look. Of two active runs of one journey and key the younger ends as
    `merged`.
    """
    cursor = await conn.execute(_COLLIDING, (gone, into))
    ended = [row[0] for row in await cursor.fetchall()]
    for run_id in ended:
        await end_run(conn, run_id, "merged", None, stop_workflow=True)
    contacts = {"gone": gone, "into": into}
    for statement in (_CONSENT, _GROUPS, *_REPOINTED, _INHERIT):
        await conn.execute(statement, contacts)
    await conn.execute("delete from contact where id = %s", (gone,))
    return ended
