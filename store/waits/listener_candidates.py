"""Listeners that an event, or the time, may fire."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from journeys.model.well_known_events import CONTACT_CHANGED
from store.sql import Connection, fetch_all_as, sql, text_literal

_BY_EVENTS = sql(
    """
select e.id as event_id, l.run_id, l.visit, l.slot, r.journey, r.version, v.step,
       l.rest or (merged.yes and l.slot >= 0) as rest
from event e
cross join lateral (
    -- Events that came with a merge are older than it, so every moved listener is checked.
    select e.name = {contact_changed} and e.properties @> '{"merged": true}' as yes
) merged
join listener l on l.contact_id = e.contact_id
    and (merged.yes or ((l.event_name = e.name or l.event_name is null)
                        and e.properties @> l.match))
    and l.ref < e.id
join run r on r.id = l.run_id and r.state = 'active'
left join visit v on v.run_id = l.run_id and v.visit = l.visit
where e.id = any(%(events)s) and (e.run_id is null or e.run_id = l.run_id)
    and e.id is distinct from r.entry_event_id
order by l.visit, l.run_id, l.slot
""",
    contact_changed=text_literal(CONTACT_CHANGED),
)
_BY_TIME = sql("""
select 0::bigint as event_id, l.run_id, l.visit, l.slot, l.rest, r.journey, r.version,
       v.step
from listener l
join run r on r.id = l.run_id and r.state = 'active'
left join visit v on v.run_id = l.run_id and v.visit = l.visit
where l.timed and (%(after)s::uuid is null or l.run_id > %(after)s::uuid)
order by l.run_id limit %(limit)s
""")


@dataclass(frozen=True)
class Candidate:
    """A listener whose event name, reference and equalities an event satisfies."""

    event_id: int
    run_id: UUID
    visit: int
    slot: int
    rest: bool
    """Whether there is more to test."""
    journey: str
    version: int
    step: str | None


async def listeners_for(conn: Connection, event_ids: list[int]) -> list[Candidate]:
    """The listeners that these events may fire, those of exits first."""
    return await fetch_all_as(conn, Candidate, _BY_EVENTS, {"events": event_ids})


async def timed_listeners(conn: Connection, after: UUID | None, limit: int) -> list[Candidate]:
    """Listeners on conditions that time alone can change, a page at a time by run."""
    return await fetch_all_as(conn, Candidate, _BY_TIME, {"after": after, "limit": limit})
