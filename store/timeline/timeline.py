"""The timeline of a contact: one query over all that names it, newest first, page by page.

Each kind of item is read by an index, up to the length of a page, and the page is the newest of
them all. So a page costs the same however long the timeline is, and one that was read stays as it
was: an item has its place by its own time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from journeys.model.json_values import read_json
from journeys.model.well_known_events import (
    CONTACT_CHANGED,
    CONTACT_CREATED,
    GROUP_JOINED,
    GROUP_LEFT,
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
)
from store.messages.kept_contents import unpack_content
from store.sql import Connection, fetch_all_as, integer, sql
from store.timeline.cursor import SOURCES, Place, bounds

ItemType = Literal[
    "event", "change", "group", "segment", "entry", "refusal", "visit", "message", "consent",
    "coupon", "merge", "repair", "end",
]  # fmt: skip
ITEM_TYPES: Final[tuple[ItemType, ...]] = get_args(ItemType)

_TYPE_OF_EVENT: Final[dict[str, ItemType]] = {
    CONTACT_CREATED: "change",
    CONTACT_CHANGED: "change",
    GROUP_JOINED: "group",
    GROUP_LEFT: "group",
}
"""Events of the engine that are items of a type of their own."""
_RECORDED_ELSEWHERE: Final = (SEGMENT_ENTERED, SEGMENT_LEFT)
"""Events of changes that have a row of their own, which says more."""

# A name is found by the index from the one before it, and a contact has few of them; so the
# newest events of all names are read without an index by time alone, which each event would pay
# for. So are the newest refusals of all journeys. The newest visits and messages are in the runs
# whose newest one is among the newest.
_PAGE = sql(
    """
with recursive names(name) as (
    (select name from event where contact_id = %(contact)s order by name limit 1)
    union all
    select (select e.name from event e where e.contact_id = %(contact)s and e.name > n.name
            order by e.name limit 1)
    from names n where n.name is not null
),
refusing(journey) as (
    (select journey from refusal where contact_id = %(contact)s and %(refusal)s
     order by journey limit 1)
    union all
    select (select f.journey from refusal f
            where f.contact_id = %(contact)s and f.journey > r.journey
            order by f.journey limit 1)
    from refusing r where r.journey is not null
),
wanted_names as (
    select name from names
    where name is not null and (%(names)s::text[] is null or name = any(%(names)s::text[]))
      and name <> all(%(without)s::text[])
),
runs as materialized (
    select id, journey, version, key, started_at, ended_at, outcome, reason, entry_event_id
    from run
    where contact_id = %(contact)s
      and (%(entry)s or %(end)s or %(visit)s or %(message)s or %(repair)s)
      and (ended_at is null or ended_at >= coalesce(%(from)s::timestamptz, '-infinity'))
),
visited as materialized (
    select r.id, r.journey, r.version, newest.visit
    from runs r cross join lateral (
        select v.started_at, v.visit from visit v
        where v.run_id = r.id
          and (v.started_at, v.run_id, v.visit)
            < (coalesce(%(visit_at)s::timestamptz, 'infinity'), %(visit_id)s::uuid,
               %(visit_n)s::bigint)
        order by v.visit desc limit 1
    ) newest
    where %(visit)s
    order by newest.started_at desc, r.id desc limit %(limit)s
),
messaged as materialized (
    select r.id, r.journey, r.version, newest.visit
    from runs r cross join lateral (
        select m.first_attempt_at, m.visit from message m
        where m.run_id = r.id
          and (m.first_attempt_at, m.run_id, m.visit)
            < (coalesce(%(message_at)s::timestamptz, 'infinity'), %(message_id)s::uuid,
               %(message_n)s::bigint)
        order by m.visit desc limit 1
    ) newest
    where %(message)s
    order by newest.first_attempt_at desc, r.id desc limit %(limit)s
),
page as (
    (select e.occurred_at as at, {event} as rank, %(none)s::uuid as id, e.id as n,
            null::uuid as message, jsonb_build_object(
                'event', e.id, 'name', e.name, 'properties', e.properties, 'source', e.source,
                'recorded_at', e.stamped_at, 'run', e.run_id, 'cause', e.cause_id) as details
     from (
        select newest.occurred_at, newest.id
        from wanted_names w cross join lateral (
            select i.occurred_at, i.id from event i
            where %(event)s and i.contact_id = %(contact)s and i.name = w.name
              and (i.occurred_at, i.id)
                < (coalesce(%(event_at)s::timestamptz, 'infinity'), %(event_n)s::bigint)
              and i.occurred_at >= coalesce(%(from)s::timestamptz, '-infinity')
            order by i.occurred_at desc, i.id desc limit %(limit)s
        ) newest
        order by newest.occurred_at desc, newest.id desc limit %(limit)s
     ) chosen join event e on e.id = chosen.id)
    union all
    (select r.started_at, {entry}, r.id, 0, null, jsonb_build_object(
                'run', r.id, 'journey', r.journey, 'version', r.version, 'key', r.key,
                'event', r.entry_event_id)
     from runs r
     where %(entry)s
       and (r.started_at, r.id)
         < (coalesce(%(entry_at)s::timestamptz, 'infinity'), %(entry_id)s::uuid)
       and r.started_at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by r.started_at desc, r.id desc limit %(limit)s)
    union all
    (select v.started_at, {visit}, v.run_id, v.visit, v.message_id, jsonb_build_object(
                'run', v.run_id, 'journey', r.journey, 'version', r.version, 'visit', v.visit,
                'step', v.step, 'kind', v.kind, 'outcome', v.outcome, 'ended_at', v.ended_at,
                'due_at', v.due_at, 'held', v.held, 'facts', v.facts, 'message', v.message_id)
     from visited r cross join lateral (
        select * from visit
        where run_id = r.id and visit <= r.visit
          and (started_at, run_id, visit)
            < (coalesce(%(visit_at)s::timestamptz, 'infinity'), %(visit_id)s::uuid,
               %(visit_n)s::bigint)
          and started_at >= coalesce(%(from)s::timestamptz, '-infinity')
        order by visit desc limit %(limit)s
     ) v
     order by v.started_at desc, v.run_id desc, v.visit desc limit %(limit)s)
    union all
    (select m.first_attempt_at, {message}, m.run_id, m.visit, m.id, jsonb_build_object(
                'message', m.id, 'run', m.run_id, 'journey', r.journey, 'version', r.version,
                'visit', m.visit, 'step', m.step, 'channel', m.channel, 'topic', m.topic,
                'state', m.state, 'code', m.code, 'address', m.address,
                'attempts', m.attempts, 'settled_at', m.settled_at,
                'statuses', jsonb_strip_nulls(jsonb_build_object(
                    'delivered', m.delivered_at, 'opened', m.opened_at, 'clicked', m.clicked_at,
                    'bounced', m.bounced_at, 'replied', m.replied_at,
                    'complained', m.complained_at, 'unsubscribed', m.unsubscribed_at)))
     from messaged r cross join lateral (
        select * from message
        where run_id = r.id and visit <= r.visit
          and (first_attempt_at, run_id, visit)
            < (coalesce(%(message_at)s::timestamptz, 'infinity'), %(message_id)s::uuid,
               %(message_n)s::bigint)
          and first_attempt_at >= coalesce(%(from)s::timestamptz, '-infinity')
        order by visit desc limit %(limit)s
     ) m
     order by m.first_attempt_at desc, m.run_id desc, m.visit desc limit %(limit)s)
    union all
    (select c.recorded_at, {consent}, %(none)s::uuid, c.id, c.message_id, jsonb_build_object(
                'topic', c.topic, 'channel', c.channel, 'address', c.address, 'state', c.state,
                'previous', c.previous, 'source', c.source, 'text', c.text,
                'request_address', c.request_address, 'event', c.event_id,
                'message', c.message_id)
     from consent_record c
     where %(consent)s and c.contact_id = %(contact)s
       and (c.recorded_at, c.id)
         < (coalesce(%(consent_at)s::timestamptz, 'infinity'), %(consent_n)s::bigint)
       and c.recorded_at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by c.recorded_at desc, c.id desc limit %(limit)s)
    union all
    (select c.drawn_at, {coupon}, %(none)s::uuid, c.id, null, jsonb_build_object(
                'pool', c.pool, 'code', c.code, 'run', c.run_id, 'redeemed_at', c.redeemed_at)
     from coupon c
     where %(coupon)s and c.contact_id = %(contact)s
       and (c.drawn_at, c.id)
         < (coalesce(%(coupon_at)s::timestamptz, 'infinity'), %(coupon_n)s::bigint)
       and c.drawn_at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by c.drawn_at desc, c.id desc limit %(limit)s)
    union all
    (select f.refused_at, {refusal}, %(none)s::uuid, f.id, null, jsonb_build_object(
                'journey', f.journey, 'code', f.code, 'key', f.key, 'event', f.event_id,
                'replayed_at', f.replayed_at)
     from refusing j cross join lateral (
        select * from refusal
        where contact_id = %(contact)s and journey = j.journey
          and (refused_at, id)
            < (coalesce(%(refusal_at)s::timestamptz, 'infinity'), %(refusal_n)s::bigint)
          and refused_at >= coalesce(%(from)s::timestamptz, '-infinity')
        order by id desc limit %(limit)s
     ) f
     order by f.refused_at desc, f.id desc limit %(limit)s)
    union all
    (select p.made_at, {repair}, p.run_id, p.id, null, jsonb_build_object(
                'run', p.run_id, 'journey', r.journey, 'action', p.action, 'visit', p.visit,
                'step', p.step, 'to', p.target, 'reason', p.reason, 'by', p.made_by)
     from runs r join run_repair p on p.run_id = r.id
     where %(repair)s
       and (p.made_at, p.run_id, p.id)
         < (coalesce(%(repair_at)s::timestamptz, 'infinity'), %(repair_id)s::uuid,
            %(repair_n)s::bigint)
       and p.made_at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by p.made_at desc, p.run_id desc, p.id desc limit %(limit)s)
    union all
    (select g.at, {segment}, %(none)s::uuid, g.id, null, jsonb_build_object(
                'segment', g.segment, 'entered', g.entered, 'by', g.by, 'event', g.event_id,
                'recorded_at', g.recorded_at)
     from segment_change g
     where %(segment)s and g.contact_id = %(contact)s
       and (g.at, g.id)
         < (coalesce(%(segment_at)s::timestamptz, 'infinity'), %(segment_n)s::bigint)
       and g.at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by g.at desc, g.id desc limit %(limit)s)
    union all
    (select a.merged_at, {merge}, md5(a.external_id)::uuid, 0, null,
            jsonb_build_object('merged', a.external_id)
     from contact_alias a
     where %(merge)s and a.contact_id = %(contact)s
       and (a.merged_at, md5(a.external_id)::uuid)
         < (coalesce(%(merge_at)s::timestamptz, 'infinity'), %(merge_id)s::uuid)
       and a.merged_at >= coalesce(%(from)s::timestamptz, '-infinity')
     order by a.merged_at desc, 3 desc limit %(limit)s)
    union all
    (select r.ended_at, {end}, r.id, 0, null, jsonb_build_object(
                'run', r.id, 'journey', r.journey, 'version', r.version, 'outcome', r.outcome,
                'reason', r.reason)
     from runs r
     where %(end)s and r.ended_at is not null
       and (r.ended_at, r.id)
         < (coalesce(%(end_at)s::timestamptz, 'infinity'), %(end_id)s::uuid)
     order by r.ended_at desc, r.id desc limit %(limit)s)
    order by at desc, rank desc, id desc, n desc limit %(limit)s
)
select p.at, p.rank, p.id, p.n, p.message, p.details::text as details, kept.content
from page p left join lateral (
    select content from kept_content
    where p.rank = {message} and message_id = p.message order by kept_at desc limit 1
) kept on true
order by p.at desc, p.rank desc, p.id desc, p.n desc
""",
    **{source: integer(rank) for rank, source in enumerate(SOURCES)},
)


@dataclass(frozen=True, slots=True)
class _Row:
    at: datetime
    rank: int
    id: UUID
    n: int
    message: UUID | None
    details: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened to a contact."""

    at: datetime
    type: ItemType
    place: Place
    details: dict[str, Any]
    """What is known of it, in the shape of its type; a number of more than 4,300 digits as text."""
    content: dict[str, Any] | None
    """What a message said; None if it is not kept, and for other items."""


async def read_timeline(
    conn: Connection,
    contact_id: UUID,
    *,
    types: frozenset[ItemType] = frozenset(ITEM_TYPES),
    from_: datetime | None = None,
    to: datetime | None = None,
    before: Place | None = None,
    limit: int,
) -> list[TimelineItem]:
    """Items of a contact, newest first: from an instant on, and before another.

    `before` is the place of the last item of the page before.
    """
    of_events = {name for name, kind in _TYPE_OF_EVENT.items() if kind in types}
    sources: dict[str, Any] = {source: source in types for source in SOURCES}
    sources["event"] = "event" in types or bool(of_events)
    rows = await fetch_all_as(
        conn,
        _Row,
        _PAGE,
        {
            "contact": contact_id,
            "none": UUID(int=0),
            "names": None if "event" in types else sorted(of_events),
            "without": sorted({*_TYPE_OF_EVENT} - of_events | {*_RECORDED_ELSEWHERE}),
            "from": from_,
            "limit": limit,
            **sources,
            **bounds(before, to),
        },
    )
    return [_item(row) for row in rows]


def _item(row: _Row) -> TimelineItem:
    source = SOURCES[row.rank]
    details: dict[str, Any] = read_json(row.details)
    if source == "event":
        kind = _TYPE_OF_EVENT.get(details["name"], "event")
    else:
        kind = source
    return TimelineItem(
        row.at,
        kind,
        Place(row.at, row.rank, row.id, row.n),
        details,
        None if row.content is None else unpack_content(row.content),
    )
