"""Merging an anonymous contact into a known one, under the locks of both."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, update
from sqlmodel import col

from store.runs.lifecycle import end_run
from store.sql import Connection, Sql, execute, fetch_column, sql, statement
from store.tables.contacts import ConsentRecord, Contact, Identity
from store.tables.events import DeadEvent, Event, Outbox
from store.tables.messages import Coupon, Message
from store.tables.runs import Goal, Listener, Refusal, Run

# Of two active runs of one journey and key, the younger.
_COLLIDING = sql("""
select case when (a.started_at, a.id) > (b.started_at, b.id) then a.id else b.id end
from run a join run b on b.journey = a.journey and b.key = a.key
where a.contact_id = %(gone)s and b.contact_id = %(into)s
  and a.state = 'active' and b.state = 'active'
order by 1
""")

# Of two states of consent to a topic, the stricter one stays.
_CONSENT = sql("""
insert into topic_state (contact_id, topic, state, event_id, confirmed_email, confirmed_phone,
                         changed_at)
select %(into)s, topic, state, event_id, confirmed_email, confirmed_phone, changed_at
from topic_state where contact_id = %(gone)s
on conflict (contact_id, topic) do update
set state = excluded.state, event_id = excluded.event_id, changed_at = excluded.changed_at,
    confirmed_email = excluded.confirmed_email, confirmed_phone = excluded.confirmed_phone
where array_position(array['unsubscribed', 'pending', 'subscribed'], excluded.state)
    < array_position(array['unsubscribed', 'pending', 'subscribed'], topic_state.state)
""")
# Of two states of consent to a channel as well.
_CHANNELS = sql("""
insert into channel_state (contact_id, channel, state, event_id, changed_at)
select %(into)s, channel, state, event_id, changed_at
from channel_state where contact_id = %(gone)s
on conflict (contact_id, channel) do update
set state = excluded.state, event_id = excluded.event_id, changed_at = excluded.changed_at
where excluded.state = 'unsubscribed' and channel_state.state = 'subscribed'
""")
_GROUPS = sql("""
insert into group_member (contact_id, group_key, added_at)
select %(into)s, group_key, added_at from group_member where contact_id = %(gone)s
on conflict (contact_id, group_key) do nothing
""")
_REASSIGN: Final[tuple[Sql, ...]] = tuple(
    statement(
        update(table)
        .where(col(table.contact_id) == bindparam("gone"))
        .values(contact_id=bindparam("into"))
    )
    for table in (
        Event, Outbox, DeadEvent, Run, Listener, Goal, Message, Coupon, Refusal, Identity,
        ConsentRecord,
    )
)  # fmt: skip
_INHERIT = sql("""
update contact c set
    last_event_id = greatest(c.last_event_id, gone.last_event_id),
    created_at = least(c.created_at, gone.created_at)
from contact gone where gone.id = %(gone)s and c.id = %(into)s
""")
# The merged contact is judged by all segments at once, with what it has of both.
_SEGMENTS = sql("""
with gone as (
    delete from segment_member where contact_id = %(gone)s
), changes as (
    delete from segment_change where contact_id = %(gone)s
), due as (
    delete from segment_due where contact_id = %(gone)s
)
insert into segment_due (contact_id, segment, due_at)
select %(into)s, '', parcours.clock() where exists (select from segment)
on conflict (contact_id, segment) do update set due_at = excluded.due_at
""")
# Of a job that has worked on both, what it did with the survivor stands.
_ENTRIES = sql("""
with gone as (
    delete from job_entry where contact_id = %(gone)s returning job_id, run_id
), near as (
    delete from near_contact where contact_id = %(gone)s
)
insert into job_entry (job_id, contact_id, run_id) select job_id, %(into)s, run_id from gone
on conflict (job_id, contact_id) do nothing
""")
_DELETE = statement(delete(Contact).where(col(Contact.id) == bindparam("gone")))


async def merge_contact(conn: Connection, gone: UUID, into: UUID) -> list[UUID]:
    """Assign everything of the contact `gone` to `into` and delete its row; the runs that ended.

    The caller has locked both rows, merges the attributes, and records the event that makes the
    reassigned listeners check. Of two active runs of one journey and key the younger ends as
    `merged`.
    """
    contacts = {"gone": gone, "into": into}
    ended: list[UUID] = await fetch_column(conn, _COLLIDING, contacts)
    for run_id in ended:
        await end_run(conn, run_id, "merged", None, stop_workflow=True)
    for query in (_CONSENT, _CHANNELS, _GROUPS, *_REASSIGN, _INHERIT, _SEGMENTS, _ENTRIES, _DELETE):
        await execute(conn, query, contacts)
    return ended
