"""What explanations read of a contact and a journey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from store.sql import Connection, fetch_all_as, fetch_one_as, sql

EVENTS: Final = 10
"""Events that are explained, the newest first."""
_LOOKED_AT: Final = 50
"""Events of one name that are looked at for those."""


@dataclass(frozen=True, slots=True)
class JourneyFacts:
    """A journey, and since when its version is live."""

    key: str
    state: str
    version: int | None
    """The active version, else the newest one."""
    updated_at: datetime
    live_since: datetime | None
    """The first activation; None if it was never active."""
    active_since: datetime | None
    """The latest activation."""


@dataclass(frozen=True, slots=True)
class EntryState:
    """What decides whether a contact may enter, apart from the event."""

    restricted: bool
    timezone: str | None
    active_run: UUID | None
    """The run with the same key that was active then."""
    active_since: datetime | None
    has_message: bool
    """Whether that run has claimed a message."""
    last_started: datetime | None
    """The start of the last run with the same key before then."""
    now: datetime


@dataclass(frozen=True, slots=True)
class EntryEvent:
    """An event of the contact, and the outcome for one journey."""

    id: int
    name: str
    properties: str
    """As JSON: PostgreSQL takes numbers of more digits than Python reads."""
    stamped_at: datetime
    occurred_at: datetime
    of_one_run: bool
    imported: bool
    kept: bool
    """Whether it comes in once the journey is resumed."""
    waiting: bool
    """Whether it is still to be dispatched."""
    attempts: int
    not_before: datetime | None
    dead_code: str | None
    run: UUID | None
    """The run of the journey that it began."""
    code: str | None
    """Why the journey refused it."""
    refused_at: datetime | None
    depth: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that no event brought, which was refused."""

    key: str
    code: str
    refused_at: datetime
    replayed_at: datetime | None


_JOURNEY: Final = sql("""
select j.key, j.state,
       coalesce(j.active_version, (select max(v.version) from journey_version v
                                   where v.journey = j.key)) as version,
       j.updated_at,
       coalesce((select min(a.activated_at) from activation a where a.journey = j.key),
                case when j.state <> 'draft' then j.created_at end) as live_since,
       coalesce((select max(a.activated_at) from activation a where a.journey = j.key),
                case when j.state <> 'draft' then j.created_at end) as active_since
from journey j where j.key = %(journey)s
""")
_STATE: Final = sql("""
select c.restricted, c.timezone, active.id as active_run, active.started_at as active_since,
       exists (select from message m where m.run_id = active.id) as has_message,
       greatest(
           (select max(r.started_at) from run r
            where r.journey = %(journey)s and r.contact_id = c.id and r.key = %(key)s
              and r.started_at <= %(at)s and r.id is distinct from %(but)s::uuid),
           (select l.started_at from last_entry l
            where l.journey = %(journey)s and l.contact_id = c.id and l.key = %(key)s)
       ) as last_started,
       parcours.clock() as now
from contact c
left join lateral (
    select r.id, r.started_at from run r
    where r.journey = %(journey)s and r.contact_id = c.id and r.key = %(key)s
      and r.started_at <= %(at)s and (r.ended_at is null or r.ended_at > %(at)s)
      and r.id is distinct from %(but)s::uuid
    order by r.started_at desc limit 1
) active on true
where c.id = %(contact)s
""")
_EVENTS: Final = sql("""
select e.id, e.name, e.properties::text as properties, e.stamped_at, e.occurred_at,
       e.run_id is not null as of_one_run,
       exists (select from job j join imported_event i on i.job_id = j.id and i.event_id = e.id
               where j.kind = 'import') as imported,
       exists (select from kept_entry k where k.contact_id = e.contact_id
               and k.journey = %(journey)s and k.event_id = e.id) as kept,
       o.event_id is not null as waiting, coalesce(o.attempts, 0)::int as attempts, o.not_before,
       d.code as dead_code,
       (select r.id from run r where r.entry_event_id = e.id and r.journey = %(journey)s) as run,
       f.code, f.refused_at, e.depth::int as depth
from unnest(%(names)s::text[]) as wanted(name)
cross join lateral (
    select * from event
    where contact_id = %(contact)s and name = wanted.name and stamped_at <= %(at)s
    order by occurred_at desc, id desc limit %(limit)s
) e
left join outbox o on o.contact_id = e.contact_id and o.event_id = e.id
left join dead_event d on d.event_id = e.id
left join refusal f on f.event_id = e.id and f.journey = %(journey)s and f.replayed_at is null
order by e.id desc
""")
_REFUSED: Final = sql("""
select key, code, refused_at, replayed_at from refusal
where contact_id = %(contact)s and journey = %(journey)s and event_id is null
  and refused_at <= %(at)s
order by id desc limit 1
""")


async def read_journey(conn: Connection, journey: str) -> JourneyFacts | None:
    """A journey; None if there is none."""
    return await fetch_one_as(conn, JourneyFacts, _JOURNEY, {"journey": journey})


async def read_entry_state(
    conn: Connection,
    journey: str,
    contact: UUID,
    key: str,
    at: datetime,
    *,
    but: UUID | None = None,
) -> EntryState:
    """What decided about an entry at an instant; the run `but` is left out."""
    state = await fetch_one_as(
        conn,
        EntryState,
        _STATE,
        {"journey": journey, "contact": contact, "key": key, "at": at, "but": but},
    )
    assert state is not None
    return state


async def read_entry_events(
    conn: Connection, journey: str, contact: UUID, names: list[str], at: datetime
) -> list[EntryEvent]:
    """The contact's events of these names up to an instant, the newest first."""
    wanted: dict[str, Any] = {"journey": journey, "contact": contact, "names": names, "at": at}
    return await fetch_all_as(conn, EntryEvent, _EVENTS, {**wanted, "limit": _LOOKED_AT})


async def last_refused(
    conn: Connection, journey: str, contact: UUID, at: datetime
) -> Refused | None:
    """The contact's latest refused entry that no event brought; None if there is none."""
    wanted = {"journey": journey, "contact": contact, "at": at}
    return await fetch_one_as(conn, Refused, _REFUSED, wanted)
