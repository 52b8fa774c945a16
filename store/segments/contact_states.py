"""How contacts stand that are about to be judged: read under their locks, at one instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    CONTACT_CHANGED,
    GROUP_JOINED,
    GROUP_LEFT,
)
from store.segments.contact_chains import ContactState, DueSegment, PendingEvent
from store.segments.live_segments import KeptSegments, LiveSegments
from store.sql import Connection, Sql, fetch_all, sql, text_list
from store.tables.segments import DueLane

_EVENTS: Final = 200
"""Events of one contact in one pass."""
_LOCK = sql("""
select id, judged_event_id from contact where id = any(%(contacts)s) order by id for no key update
""")
_LOCK_FREE = sql("""
select id, judged_event_id from contact where id = any(%(contacts)s)
order by id for no key update skip locked
""")
_STATEFUL = text_list(sorted({CONTACT_CHANGED, GROUP_JOINED, GROUP_LEFT, *CONSENT_EVENTS}))


def _reading(events: Sql, taken: Sql) -> Sql:
    """One statement, so that clock, definitions and contacts are of one moment.

    What a change was of is read of few events. `taken`: whether a row that is due is, although it
    is in another lane.
    """
    return sql(
        """
select 0 as kind, null::uuid as contact_id, null::text as name,
       (select revision from catalog) as number, parcours.clock() as at, null::jsonb as properties,
       0 as depth, 0 as lane, (select last_value from event_id_seq) as reference, false as taken
union all
select 1, d.contact_id, d.segment, d.attempts, d.due_at, null, 0, d.lane, d.reference, {taken}
from segment_due d where d.contact_id = any(%(contacts)s)
union all
select 2, m.contact_id, m.segment, 0, null, null, 0, 0, null, false
from segment_member m where m.contact_id = any(%(contacts)s)
union all
select 3, k.contact_id, e.name, e.id, e.stamped_at, e.properties, e.depth, 0, null, false
from unnest(%(contacts)s::uuid[], %(references)s::bigint[]) k(contact_id, reference)
cross join lateral (
    select e.id, e.name, e.stamped_at, e.depth,
           case when e.name in ({stateful}) then jsonb_build_object(
               'names', e.properties -> 'names', 'group', e.properties -> 'group',
               'topic', e.properties -> 'topic') end as properties
    from {events}
      and e.name = any(%(watched)s) and e.run_id is null
    order by e.id limit %(events)s
) e
order by 1, 2, 4
""",
        stateful=_STATEFUL,
        events=events,
        taken=taken,
    )


_READ = _reading(
    sql(
        "outbox o join event e on e.id = o.event_id"
        " where o.contact_id = k.contact_id and o.event_id > k.reference"
    ),
    sql("false"),
)
_TAKEN = sql(
    "(d.lane = any(%(lanes)s::smallint[])"
    " and (%(only)s::text[] is null or d.segment = any(%(only)s::text[]))"
    " and (%(waiting)s::boolean or d.take_at <= parcours.clock()))"
)
# What is behind may have left the outbox. It is read by the one index of a contact's events.
_READ_BEHIND = _reading(
    sql(
        """event e
    where e.contact_id = k.contact_id and e.id <= k.reference and e.id > (
        select min(d.reference) from segment_due d where d.contact_id = k.contact_id and {taken}
    )""",
        taken=_TAKEN,
    ),
    _TAKEN,
)


@dataclass(frozen=True)
class Reading:
    """The segments, and the contacts that exist."""

    kept: KeptSegments
    contacts: list[ContactState]


@dataclass(frozen=True)
class Behind:
    """What is gone through of what was put off."""

    lanes: tuple[DueLane, ...]
    only: list[str] | None = None
    """Of these segments; None: of all."""
    waiting: bool = False
    """Also what has its turn later."""
    events: int = _EVENTS
    """Events of one contact in one pass, at most."""


async def lock_contacts_of_segments(
    conn: Connection, contact_ids: Collection[UUID], *, free: bool = False
) -> dict[UUID, int]:
    """Lock contacts in the order of their ids; those that exist, with their last judged event.

    `free`: those that are locked by others are left out.
    """
    query = _LOCK_FREE if free else _LOCK
    return dict(await fetch_all(conn, query, {"contacts": list(contact_ids)}))


async def read_states(
    conn: Connection,
    live: LiveSegments,
    references: Mapping[UUID, int],
    behind: Behind | None = None,
) -> Reading:
    """How locked contacts stand now, each with its first events after its reference.

    `behind`: with what was put off, and is behind the reference.
    """
    kept = await live.read(conn, -1)
    parameters: dict[str, Any] = {
        "contacts": list(references),
        "references": list(references.values()),
        "events": _EVENTS,
    }
    if behind is not None:
        parameters |= {
            "lanes": list(behind.lanes),
            "only": behind.only,
            "waiting": behind.waiting,
            "events": behind.events,
        }
    query = _READ if behind is None else _READ_BEHIND
    while True:
        rows = await fetch_all(conn, query, {**parameters, "watched": list(kept.by_event)})
        revision, now = rows[0][3], rows[0][4]
        current = await live.read(conn, revision)
        if current is kept:
            break
        # The events to watch for may be others.
        kept = current
    states = {
        contact_id: ContactState(contact_id, reference, now, rows[0][8])
        for contact_id, reference in references.items()
    }
    for kind, contact_id, name, number, at, properties, depth, lane, reference, taken in rows[1:]:
        state = states[contact_id]
        if kind == 1 and name:
            state.due[name] = DueSegment(at, number, DueLane(lane), reference, taken)
        elif kind == 1:
            state.merged = True
        elif kind == 2:
            state.members.add(name)
        else:
            state.events.append(PendingEvent(number, name, at, depth, properties or {}))
    for state in states.values():
        if state.events:
            last = max(event.stamped_at for event in state.events)
            if len(state.events) >= parameters["events"]:
                state.cut = True
                state.until = last
            else:
                state.until = max(now, last)
    if behind is not None:
        for state in states.values():
            state.go_back()
    return Reading(kept, list(states.values()))
