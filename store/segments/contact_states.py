"""How contacts stand that are about to be judged: read under their locks, at one instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    CONTACT_CHANGED,
    GROUP_JOINED,
    GROUP_LEFT,
)
from store.segments.contact_chains import ContactState, DueSegment, PendingEvent
from store.segments.live_segments import KeptSegments, LiveSegments
from store.sql import Connection, fetch_all, sql, text_list

_EVENTS: Final = 200
"""Events of one contact in one pass."""
_LOCK = sql("""
select id, judged_event_id from contact where id = any(%(contacts)s) order by id for no key update
""")
# One statement, so that clock, definitions and contacts are of one moment. What a change was of is
# read of few events.
_READ = sql(
    """
select 0 as kind, null::uuid as contact_id, null::text as name,
       (select revision from catalog) as number, parcours.clock() as at, null::jsonb as properties,
       0 as depth
union all
select 1, d.contact_id, d.segment, d.attempts, d.due_at, null, 0
from segment_due d where d.contact_id = any(%(contacts)s)
union all
select 2, m.contact_id, m.segment, 0, null, null, 0
from segment_member m where m.contact_id = any(%(contacts)s)
union all
select 3, k.contact_id, e.name, e.id, e.stamped_at, e.properties, e.depth
from unnest(%(contacts)s::uuid[], %(references)s::bigint[]) k(contact_id, reference)
cross join lateral (
    select e.id, e.name, e.stamped_at, e.depth,
           case when e.name in ({stateful}) then jsonb_build_object(
               'names', e.properties -> 'names', 'group', e.properties -> 'group',
               'topic', e.properties -> 'topic') end as properties
    from outbox o join event e on e.id = o.event_id
    where o.contact_id = k.contact_id and o.event_id > k.reference
      and e.name = any(%(watched)s) and e.run_id is null
    order by o.event_id limit %(events)s
) e
order by 1, 2, 4
""",
    stateful=text_list(sorted({CONTACT_CHANGED, GROUP_JOINED, GROUP_LEFT, *CONSENT_EVENTS})),
)


@dataclass(frozen=True)
class Reading:
    """The segments, and the contacts that exist."""

    kept: KeptSegments
    contacts: list[ContactState]


async def lock_contacts_of_segments(
    conn: Connection, contact_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Lock contacts in the order of their ids; those that exist, with their last judged event."""
    return dict(await fetch_all(conn, _LOCK, {"contacts": list(contact_ids)}))


async def read_states(
    conn: Connection, live: LiveSegments, references: Mapping[UUID, int]
) -> Reading:
    """How locked contacts stand now, each with its first events after its reference."""
    kept = await live.read(conn, -1)
    while True:
        rows = await fetch_all(
            conn,
            _READ,
            {
                "contacts": list(references),
                "references": list(references.values()),
                "watched": list(kept.by_event),
                "events": _EVENTS,
            },
        )
        revision, now = rows[0][3], rows[0][4]
        current = await live.read(conn, revision)
        if current is kept:
            break
        # The events to watch for may be others.
        kept = current
    states = {
        contact_id: ContactState(contact_id, reference, now)
        for contact_id, reference in references.items()
    }
    for kind, contact_id, name, number, at, properties, depth in rows[1:]:
        state = states[contact_id]
        if kind == 1 and name:
            state.due[name] = DueSegment(at, number)
        elif kind == 1:
            state.merged = True
        elif kind == 2:
            state.members.add(name)
        else:
            state.events.append(PendingEvent(number, name, at, depth, properties or {}))
    for state in states.values():
        if state.events:
            last = max(event.stamped_at for event in state.events)
            if len(state.events) >= _EVENTS:
                state.cut = True
                state.until = last
            else:
                state.until = max(now, last)
    return Reading(kept, list(states.values()))
