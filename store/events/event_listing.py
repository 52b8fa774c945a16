"""Events as operators see them: what each began and woke, or why nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.sql import Connection, fetch_all, fetch_all_as, sql

# An attribute with a dot in it may be inside any of the attributes that changed.
_ENTRY_PATH = sql("""
'$.entry[*] ? (@.event == $name
    || @.group == $about && ($name == "Group Joined" && !(@.on == "leave")
                             || $name == "Group Left" && @.on == "leave")
    || @.segment == $about && $by != "fill" && $by != "import"
       && ($name == "Segment Entered" && !(@.on == "leave")
           || $name == "Segment Left" && @.on == "leave")
    || $name == "Place Reached" && (@.near.places == $about || exists(@.near.lat))
    || $name == "Contact Changed" && (@.attribute == $names[*] || @.attribute like_regex "[.]"))'
""")
_LIST = sql(
    """
select e.id, e.name, coalesce(c.external_id, c.id::text) as contact, e.properties::text,
       e.message_id,
       e.source, e.stamped_at, e.occurred_at, e.cause_id, e.run_id,
       o.event_id is not null as waiting, coalesce(o.attempts, 0) as attempts, o.not_before,
       d.code as dead_code, d.detail as dead_detail,
       (select coalesce(jsonb_agg(jsonb_build_object('journey', r.journey, 'run', r.id)
                        order by r.journey), '[]')
        from run r where r.entry_event_id = e.id) as began,
       (select coalesce(jsonb_agg(jsonb_build_object('journey', f.journey, 'code', f.code)
                        order by f.journey), '[]')
        from refusal f where f.event_id = e.id and f.replayed_at is null) as refused,
       array(select k.journey from kept_entry k
             where k.contact_id = e.contact_id and k.event_id = e.id order by 1) as kept,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'journey', r.journey, 'run', r.id, 'step', v.step,
                            'outcome', v.outcome) order by r.journey, v.visit), '[]')
        from run r join visit v on v.run_id = r.id and v.facts->>'event_id' = e.id::text
        where r.contact_id = e.contact_id and r.started_at <= e.stamped_at + interval '1 minute'
        and v.kind = 'wait') as woke,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'journey', j.key, 'since', j.since, 'then', j.had_entry)
                        order by j.key), '[]')
        from (select j.key, latest.activated_at as since,
                     j.state in ('active', 'paused') and jsonb_path_exists(
                         latest.document, {entry}, asked.vars) as has_entry,
                     coalesce(jsonb_path_exists(
                         earlier.document, {entry}, asked.vars), false) as had_entry
              from journey j
              cross join lateral (
                  select a.activated_at, v.document from activation a
                  join journey_version v on v.journey = a.journey and v.version = a.version
                  where a.journey = j.key order by a.id desc limit 1
              ) latest
              left join lateral (
                  select a.version from activation a
                  where a.journey = j.key and a.activated_at <= e.stamped_at
                  order by a.id desc limit 1
              ) past on true
              left join journey_version earlier
                  on earlier.journey = j.key and earlier.version = past.version) j
        where j.has_entry or j.had_entry) as candidates
from event e
join contact c on c.id = e.contact_id
cross join lateral (select jsonb_build_object(
    'name', e.name, 'by', coalesce(e.properties ->> 'by', ''),
    'names', coalesce(e.properties -> 'names', '[]'),
    'about', coalesce(e.properties ->> 'group', e.properties ->> 'segment',
                      e.properties ->> 'places', '')) as vars) asked
left join outbox o on o.contact_id = e.contact_id and o.event_id = e.id
left join dead_event d on d.event_id = e.id
where (%(contact)s::uuid is null or e.contact_id = %(contact)s)
and (%(name)s::text is null or e.name = %(name)s)
and (%(from)s::timestamptz is null or e.stamped_at >= %(from)s)
and (%(to)s::timestamptz is null or e.stamped_at < %(to)s)
and (%(before)s::bigint is null or e.id < %(before)s)
order by e.id desc limit %(limit)s
""",
    entry=_ENTRY_PATH,
)


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event, and what came of it."""

    id: int
    name: str
    contact: str
    properties: str
    """As JSON: PostgreSQL takes numbers of more digits than Python reads."""
    message_id: str
    source: str
    stamped_at: datetime
    occurred_at: datetime
    cause_id: int | None
    run_id: UUID | None
    waiting: bool
    """Whether it is still to be dispatched."""
    attempts: int
    """How often its dispatch has failed so far."""
    not_before: datetime | None
    """When it is tried again."""
    dead_code: str | None
    """Why its dispatch was given up."""
    dead_detail: str | None
    began: list[dict[str, Any]]
    """Runs: `{journey, run}`."""
    refused: list[dict[str, Any]]
    """Entries: `{journey, code}`."""
    kept: list[str]
    """Journeys that let it in once they are resumed."""
    woke: list[dict[str, Any]]
    """Waits that it ended: `{journey, run, step, outcome}`."""
    candidates: list[dict[str, Any]]
    """Journeys with an entry by it: `{journey, since, then}`.

    `since` is the activation of the newest version, and `then` whether the version of that time had
    such an entry.
    """


async def list_events(
    conn: Connection,
    *,
    contact: UUID | None,
    name: str | None,
    from_: datetime | None,
    to: datetime | None,
    before: int | None,
    limit: int,
) -> list[ListedEvent]:
    """Events, the newest first, those with an id below `before`."""
    return await fetch_all_as(
        conn,
        ListedEvent,
        _LIST,
        {"contact": contact, "name": name, "from": from_, "to": to, "before": before,
         "limit": limit},
    )  # fmt: skip


_RECENT = sql("""
select name, properties, occurred_at from event
where contact_id = %(contact)s and stamped_at <= %(until)s and name <> all(%(without)s)
order by id desc limit %(limit)s
""")


async def recent_events(
    conn: Connection, contact_id: UUID, *, until: datetime, without: Collection[str], limit: int
) -> list[tuple[str, dict[str, Any], datetime]]:
    """The latest events of a contact up to a time, the newest first: name, properties, when.

    Those with a name in `without` are left out.
    """
    wanted = {
        "contact": contact_id, "until": until, "without": sorted(without), "limit": limit
    }  # fmt: skip
    return await fetch_all(conn, _RECENT, wanted)
