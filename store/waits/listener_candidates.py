"""Listeners that an event may fire. Those on conditions are made due instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from journeys.model.well_known_events import CONTACT_CHANGED
from store.sql import Connection, fetch_all, fetch_all_as, sql, text_literal, with_values
from store.waits.listener_queries import ListenerQuery

_BY_EVENTS = sql(
    """
select g.event_id, found.*
from unnest(%(events)s::bigint[], %(visits)s::int[], %(runs)s::uuid[])
     g(event_id, after_visit, after_run)
join event e on e.id = g.event_id
cross join lateral (
    -- Events that came with a merge are older than it, so every moved listener is checked. Slots
    -- below 0 watch changes of the contact, of which a merge is one.
    select e.name = {contact_changed} and e.properties @> '{"merged": true}' as yes
) merged
cross join lateral (
    select l.run_id, l.visit, min(l.slot)::int as slot,
           bool_and(l.rest or merged.yes and l.slot >= 0) as rest, r.journey, r.version, v.step
    from listener l
    join run r on r.id = l.run_id and r.state = 'active'
    left join visit v on v.run_id = l.run_id and v.visit = l.visit
    where l.contact_id = e.contact_id
    and l.event_name is not null
    and (merged.yes or (l.event_name = e.name and e.properties @> l.match))
    and l.ref < e.id
    and (e.run_id is null or e.run_id = l.run_id)
    and e.id is distinct from r.entry_event_id
    and (g.after_run is null or (l.visit, l.run_id) > (g.after_visit, g.after_run))
    group by l.visit, l.run_id, r.journey, r.version, v.step
    order by l.visit, l.run_id limit %(limit)s
) found
order by g.event_id, found.visit, found.run_id
""",
    contact_changed=text_literal(CONTACT_CHANGED),
)


@dataclass(frozen=True)
class Candidate:
    """A run that listens, at a visit, for an event's name and equalities."""

    event_id: int
    run_id: UUID
    visit: int
    """0: its exits listen."""
    slot: int
    """The first of the triggers that may fire."""
    rest: bool
    """Whether there is more to test."""
    journey: str
    version: int
    step: str | None


@dataclass(frozen=True)
class ListenedEvent:
    """An event whose listeners are asked for: those beyond a visit and run, if these are given."""

    event_id: int
    after_visit: int | None = None
    after_run: UUID | None = None


async def listeners_for(
    conn: Connection, events: Sequence[ListenedEvent], limit: int
) -> list[Candidate]:
    """The runs that these events may wake, up to `limit` for each event, those of exits first."""
    return await fetch_all_as(
        conn,
        Candidate,
        _BY_EVENTS,
        {
            "events": [each.event_id for each in events],
            "visits": [each.after_visit for each in events],
            "runs": [each.after_run for each in events],
            "limit": limit,
        },
    )


async def fired_among(
    conn: Connection, query: ListenerQuery, listening: Sequence[tuple[UUID, int]]
) -> set[tuple[UUID, int]]:
    """Those of the runs, each at a visit, for which a trigger of the query has fired.

    All listen for the same: the waits of one step, or the exits, of one version.
    """
    if not listening:
        return set()
    each = with_values(query.sql, run=sql("k.run_id"), visit=sql("k.visit"))
    rows = await fetch_all(
        conn,
        sql(
            "select k.run_id, k.visit, fired.*"
            " from unnest(%(among_runs)s::uuid[], %(among_visits)s::int[]) k(run_id, visit)"
            " cross join lateral ({query}) fired",
            query=each,
        ),
        {
            **query.params,
            "due": None,
            "among_runs": [run_id for run_id, _ in listening],
            "among_visits": [visit for _, visit in listening],
        },
    )
    return {
        (run_id, visit)
        for run_id, visit, *fired in rows
        if any(event_id is not None for event_id in fired)
    }
