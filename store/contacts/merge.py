"""Merging of two contacts, under the locks of both: one survives, and has everything of the other.

`_REASSIGN` lists the tables whose rows change their owner. What is kept of each of two rows of one
key has a statement of its own.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, update
from sqlmodel import col

from store.contacts.audit_subjects import REASSIGN_AUDIT
from store.runs.lifecycle import end_run
from store.sql import Connection, Sql, execute, fetch_column, sql, statement
from store.tables.contacts import ConsentRecord, Contact, ContactAlias, Identity
from store.tables.events import DeadEvent, Event, Outbox
from store.tables.holdouts import HoldoutObservation
from store.tables.imports import ImportChange
from store.tables.messages import Coupon, Message, TestMessage
from store.tables.operations import Fault
from store.tables.runs import Goal, Listener, Refusal, Run

# Of two active runs of one journey and key, the younger.
_COLLIDING = sql("""
select case when (a.started_at, a.id) > (b.started_at, b.id) then a.id else b.id end
from run a join run b on b.journey = a.journey and b.key = a.key
where a.contact_id = %(gone)s and b.contact_id = %(into)s
  and a.state = 'active' and b.state = 'active'
order by 1
""")

# Of two states of consent to a topic, the stricter one stays. Where that is a change for the
# contact that stays, it is recorded.
_CONSENT = sql("""
with kept as (
    insert into topic_state (contact_id, topic, state, event_id, confirmed_email, confirmed_phone,
                             changed_at)
    select %(into)s, topic, state, event_id, confirmed_email, confirmed_phone, changed_at
    from topic_state where contact_id = %(gone)s
    on conflict (contact_id, topic) do update
    set state = excluded.state, event_id = excluded.event_id, changed_at = excluded.changed_at,
        confirmed_email = excluded.confirmed_email, confirmed_phone = excluded.confirmed_phone
    where array_position(array['unsubscribed', 'pending', 'subscribed'], excluded.state)
        < array_position(array['unsubscribed', 'pending', 'subscribed'], topic_state.state)
    returning topic, state, event_id
)
insert into consent_record (contact_id, event_id, topic, state, previous, source)
select %(into)s, k.event_id, k.topic, k.state, t.state, 'merge'
from kept k left join topic_state t on t.contact_id = %(into)s and t.topic = k.topic
where k.state is distinct from t.state
order by k.topic
""")
# Of two states of consent to a channel as well.
_CHANNELS = sql("""
with kept as (
    insert into channel_state (contact_id, channel, state, event_id, changed_at)
    select %(into)s, channel, state, event_id, changed_at
    from channel_state where contact_id = %(gone)s
    on conflict (contact_id, channel) do update
    set state = excluded.state, event_id = excluded.event_id, changed_at = excluded.changed_at
    where excluded.state = 'unsubscribed' and channel_state.state = 'subscribed'
    returning channel, state, event_id
)
insert into consent_record (contact_id, event_id, channel, state, previous, source)
select %(into)s, k.event_id, k.channel, k.state, t.state, 'merge'
from kept k left join channel_state t on t.contact_id = %(into)s and t.channel = k.channel
where k.state is distinct from t.state
order by k.channel
""")
_GROUPS = sql("""
insert into group_member (contact_id, group_key, added_at)
select %(into)s, group_key, added_at from group_member where contact_id = %(gone)s
on conflict (contact_id, group_key) do nothing
""")
# By the later of two last entries it is decided whether the contact may enter again.
_LAST_ENTRIES = sql("""
insert into last_entry as kept (contact_id, journey, key, started_at)
select %(into)s, journey, key, started_at from last_entry where contact_id = %(gone)s
on conflict (contact_id, journey, key) do update
set started_at = greatest(kept.started_at, excluded.started_at)
""")
# Of one key the newest event is kept.
_KEPT_ENTRIES = sql("""
insert into kept_entry as kept (contact_id, journey, key, event_id, kept_at)
select %(into)s, journey, key, event_id, kept_at from kept_entry where contact_id = %(gone)s
on conflict (contact_id, journey, key) do update
set event_id = greatest(kept.event_id, excluded.event_id)
""")
# A contact is compared as what it was first.
_FIRST_OBSERVATIONS = sql("""
update holdout_observation o set is_first = false from holdout_observation k
where o.contact_id in (%(gone)s, %(into)s) and k.contact_id in (%(gone)s, %(into)s)
  and o.contact_id <> k.contact_id and o.is_first and k.is_first
  and o.holdout = k.holdout and o.design = k.design
  and (o.observed_at, o.id) > (k.observed_at, k.id)
""")
_OBSERVATIONS = sql("""
delete from holdout_observation o using holdout_observation k
where o.contact_id in (%(gone)s, %(into)s) and k.contact_id in (%(gone)s, %(into)s)
  and o.contact_id <> k.contact_id
  and o.holdout = k.holdout and o.design = k.design and o.journey = k.journey
  and (o.observed_at, o.id) > (k.observed_at, k.id)
""")
# Erasure finds rejected calls by what they named.
_REJECTED = sql("""
update rejected_item set reference = %(into)s::text where reference = %(gone)s::text
""")
_ALIAS = sql("""
insert into contact_alias (external_id, contact_id)
select external_id, %(into)s from contact where id = %(gone)s and external_id is not null
""")
_REASSIGN: Final[tuple[Sql, ...]] = tuple(
    statement(
        update(table)
        .where(col(table.contact_id) == bindparam("gone"))
        .values(contact_id=bindparam("into"))
    )
    for table in (
        Event, Outbox, DeadEvent, Run, Listener, Goal, Message, Coupon, Refusal, Identity,
        ConsentRecord, ContactAlias, TestMessage, Fault, HoldoutObservation,
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
select %(into)s, '', parcours.clock()
where (select key from segment order by key limit 1) is not null
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
# Who was sent a message on a day counts once, as one of them or as both. What is not folded yet
# comes first: a fold of it that is under way is waited for.
_TARGETED: Final = (
    sql("update figure_delta set targeted = %(into)s where targeted = %(gone)s"),
    sql("""
with twice as (
    delete from targeted_contact g using targeted_contact i
    where g.contact_id = %(gone)s and i.contact_id = %(into)s and i.day = g.day
    returning g.day
), counted as (
    insert into figure_delta (journey, version, step, fact, label, at, entered_at, count)
    select '', 0, '', 'targeted', '', day, day, -1 from twice
)
update targeted_contact set contact_id = %(into)s
where contact_id = %(gone)s and day not in (
    select day from targeted_contact where contact_id = %(into)s)
"""),
)
# An import can no longer be undone for a contact that was merged since.
_IMPORTS = statement(delete(ImportChange).where(col(ImportChange.contact_id) == bindparam("gone")))
_DELETE = statement(delete(Contact).where(col(Contact.id) == bindparam("gone")))
_KEPT: Final = (
    _CONSENT,
    _CHANNELS,
    _GROUPS,
    _LAST_ENTRIES,
    _KEPT_ENTRIES,
    _REJECTED,
    _FIRST_OBSERVATIONS,
    _OBSERVATIONS,
    REASSIGN_AUDIT,
)


async def merge_contact(conn: Connection, gone: UUID, into: UUID) -> list[UUID]:
    """Assign everything of the contact `gone` to `into` and delete its row; the runs that ended.

    The caller has locked both rows `for update`, merges the attributes, and records the event that
    makes the reassigned listeners check. Of two active runs of one journey and key the younger ends
    as `merged`. An external id of the one that is gone names the other from now on.
    """
    contacts = {"gone": gone, "into": into}
    ended: list[UUID] = await fetch_column(conn, _COLLIDING, contacts)
    for run_id in ended:
        await end_run(conn, run_id, "merged", None, stop_workflow=True)
    others = (_ALIAS, _INHERIT, _SEGMENTS, _IMPORTS, _ENTRIES, *_TARGETED, _DELETE)
    for query in (*_KEPT, *_REASSIGN, *others):
        await execute(conn, query, contacts)
    return ended
