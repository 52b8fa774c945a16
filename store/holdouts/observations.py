"""Observations: contacts that entered a journey, or would have, and the goals that they met.

The goal of both is looked for in the same way: from the entry on, for as long as the `within` of
the goal says, else for the `window` of the holdout. A goal by a message is none here, because those
who are held out get no message; nor do events count that one run alone sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from journeys.model.journey import Journey
from journeys.model.triggers import EventGoal
from journeys.time.durations import Duration
from store.conditions.goal_times import since_beginning
from store.conditions.trigger_matching import (
    Matching,
    match_trigger,
    needs_exact_test,
    resolve_match,
)
from store.goals.goal_rows import goal_value
from store.holdouts.live_holdouts import LiveHoldout
from store.sql import Connection, Sql, execute, fetch_all, fetch_all_as, join, sql

_INSERT = sql("""
insert into holdout_observation (holdout, design, journey, version, contact_id, held, observed_at,
                                 entry_event_id, entry, ref, event_name, match, rest, until_at,
                                 is_first)
select g.*,
       row_number() over (partition by g.contact_id, g.holdout, g.design order by g.journey) = 1
       and not exists (
           select from holdout_observation o where o.contact_id = g.contact_id
             and o.holdout = g.holdout and o.design = g.design
       )
from jsonb_to_recordset(%(rows)s) g(
    holdout text, design text, journey text, version int, contact_id uuid, held boolean,
    observed_at timestamptz, entry_event_id bigint, entry jsonb, ref bigint, event_name text,
    match jsonb, rest boolean, until_at timestamptz)
order by g.contact_id, g.holdout, g.journey
on conflict (contact_id, holdout, design, journey) do nothing
""")
# What a run is to the goals of runs: an event that it alone sees counts for no observation.
_RUN: Final = sql("""
cross join lateral (
    select null::uuid as id, o.entry, o.ref as entry_ref, o.entry_event_id,
           o.observed_at as started_at, 0 as visit
) r
""")
_CANDIDATES: Final = sql("""
select o.id, e.id as event_id, o.journey, o.version, o.rest or e.occurred_at < o.observed_at as rest
from holdout_observation o
join event e on e.contact_id = o.contact_id and e.name = o.event_name
    and o.ref < e.id and e.properties @> o.match and e.occurred_at <= o.until_at
    and e.run_id is null and e.id is distinct from o.entry_event_id
""")
_BY_EVENTS = sql(
    "{candidates} where o.met_event_id is null and e.id = any(%(events)s)", candidates=_CANDIDATES
)
_BY_CONTACTS = sql(
    "{candidates} where o.met_event_id is null and o.contact_id = any(%(contacts)s)",
    candidates=_CANDIDATES,
)
_BY_OBSERVATIONS = sql(
    "{candidates} where o.met_event_id is null and o.id = any(%(observations)s)",
    candidates=_CANDIDATES,
)
_PROPERTIES = sql("select id, properties from event where id = any(%(events)s)")
_RECORD_MET = sql("""
update holdout_observation o
set met_event_id = e.id, met_at = e.stamped_at, value = m.value, look_at = null
from unnest(%(observations)s::bigint[], %(events)s::bigint[], %(values)s::text[]::numeric[])
     m(id, event_id, value)
join event e on e.id = m.event_id
where o.id = m.id and o.met_event_id is null
""")
_PUT_OFF = sql("""
update holdout_observation
set attempts = least(attempts + 1, 1000),
    look_at = parcours.clock() + least(%(first)s * 2 ^ least(attempts, 20), interval '1 hour')
where id = any(%(observations)s) and met_event_id is null
""")
_TO_LOOK_AT = sql("""
select id from holdout_observation where look_at <= (select parcours.clock())
order by look_at limit %(limit)s for update skip locked
""")
_LOOKED_AT = sql("""
update holdout_observation set look_at = null where id = any(%(observations)s)
""")
FIRST_DELAY: Final = timedelta(minutes=1)
"""After which a goal is judged again if that has failed; each further delay is twice as long."""


@dataclass(frozen=True)
class ObservedGoal:
    """A version's goal as both could meet it, and the statement that tests whether events do."""

    matching: Matching
    within: Duration | None
    value: str | None
    sql: Sql
    params: dict[str, Any]


@dataclass(frozen=True)
class NewObservation:
    """A contact that enters a journey, or is held out of it, as a holdout compares it."""

    holdout: LiveHoldout
    held: bool
    journey: str
    version: int
    goal: ObservedGoal | None
    contact_id: UUID
    observed_at: datetime
    zone: ZoneInfo
    """The contact's, in which windows are counted."""
    entry_event_id: int | None
    entry: dict[str, Any]
    ref: int


@dataclass(frozen=True)
class ObservedCandidate:
    """An observation, and an event that may meet its goal."""

    id: int
    event_id: int
    journey: str
    version: int
    rest: bool
    """Whether there is more to test."""


@dataclass(frozen=True)
class MetObservation:
    """An event that meets the goal of an observation."""

    id: int
    event_id: int
    value: str | None
    """The path of the goal's value."""


def observed_goal(journey: Journey) -> ObservedGoal | None:
    """The goal of a version; None if it has none that those who are held out could meet."""
    goal = journey.goal
    if not isinstance(goal, EventGoal):
        return None
    matching = match_trigger(goal, "g_", journey.timezone or "UTC")
    since, params = since_beginning(journey, "began_")
    query = sql(
        "select k.id, k.event_id"
        " from unnest(%(observations)s::bigint[], %(events)s::bigint[]) k(id, event_id)"
        " join holdout_observation o on o.id = k.id join contact c on c.id = o.contact_id"
        " join event e on e.id = k.event_id {run} where {tests}",
        run=_RUN,
        tests=join(" and ", [since, *matching.tests]),
    )
    within = None if goal.within is None else Duration.parse(goal.within)
    return ObservedGoal(matching, within, goal.value, query, {**matching.params, **params})


async def insert_observations(conn: Connection, observations: Sequence[NewObservation]) -> None:
    """Insert observations; the first of a contact, a journey and a design stays."""
    if observations:
        await execute(conn, _INSERT, {"rows": Jsonb([_row(each) for each in observations])})


def _row(new: NewObservation) -> dict[str, Any]:
    goal = new.goal
    match = None if goal is None else resolve_match(goal.matching.equal, new.entry)
    if match is None:
        # It refers to a property that the entry lacks, and can never be met.
        goal = None
    rest = goal is not None and (goal.matching.rest or needs_exact_test(match or {}))
    window = Duration.parse(new.holdout.document.window)
    if goal is not None and goal.within is not None:
        window = goal.within
    return {
        "holdout": new.holdout.key,
        "design": new.holdout.design,
        "journey": new.journey,
        "version": new.version,
        "contact_id": str(new.contact_id),
        "held": new.held,
        "observed_at": new.observed_at.isoformat(),
        "entry_event_id": new.entry_event_id,
        "entry": new.entry if rest else {},
        "ref": new.ref,
        "event_name": None if goal is None else goal.matching.event_name,
        "match": match or {},
        "rest": rest,
        "until_at": window.add_to(new.observed_at, new.zone).isoformat(),
    }


async def candidates_by_event(
    conn: Connection, event_ids: Sequence[int]
) -> list[ObservedCandidate]:
    """The unmet observations whose goals these events may meet."""
    return await fetch_all_as(conn, ObservedCandidate, _BY_EVENTS, {"events": list(event_ids)})


async def candidates_by_contact(
    conn: Connection, contacts: Sequence[UUID]
) -> list[ObservedCandidate]:
    """The unmet observations of contacts, with each event of any age that may meet their goals."""
    return await fetch_all_as(conn, ObservedCandidate, _BY_CONTACTS, {"contacts": list(contacts)})


async def candidates_by_observation(
    conn: Connection, observations: Sequence[int]
) -> list[ObservedCandidate]:
    """These observations, with each event of any age that may meet their goals."""
    return await fetch_all_as(
        conn, ObservedCandidate, _BY_OBSERVATIONS, {"observations": list(observations)}
    )


async def evaluate_observed(
    conn: Connection, goal: ObservedGoal, candidates: Sequence[ObservedCandidate]
) -> list[ObservedCandidate]:
    """The candidates of one version that meet its goal in full."""
    if not candidates:
        return []
    rows = await fetch_all(
        conn,
        goal.sql,
        {
            **goal.params,
            "observations": [each.id for each in candidates],
            "events": [each.event_id for each in candidates],
        },
    )
    met = set(rows)
    return [each for each in candidates if (each.id, each.event_id) in met]


async def record_met_observations(conn: Connection, met: Sequence[MetObservation]) -> None:
    """Record that goals were met. One that was met before stays as it is."""
    events = [each.event_id for each in met]
    properties = dict(await fetch_all(conn, _PROPERTIES, {"events": events}))
    await execute(
        conn,
        _RECORD_MET,
        {
            "observations": [each.id for each in met],
            "events": events,
            "values": [goal_value(each.value, properties.get(each.event_id, {})) for each in met],
        },
    )


async def put_off_observations(conn: Connection, observations: Sequence[int]) -> None:
    """Judge goals later, because that has failed; each time later."""
    await execute(conn, _PUT_OFF, {"observations": list(observations), "first": FIRST_DELAY})


async def take_observations_to_look_at(conn: Connection, limit: int) -> list[int]:
    """Observations whose goals are to be judged again, locked."""
    found: list[int] = [row[0] for row in await fetch_all(conn, _TO_LOOK_AT, {"limit": limit})]
    return found


async def observations_looked_at(conn: Connection, observations: Sequence[int]) -> None:
    """Record that goals could be judged."""
    await execute(conn, _LOOKED_AT, {"observations": list(observations)})
