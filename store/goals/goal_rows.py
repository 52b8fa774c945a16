"""Goals of runs: set at the start, met by the first event that matches, even after the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete, func, insert, select
from sqlmodel import col

from journeys.model.journey import Journey
from journeys.model.json_values import is_number
from journeys.model.paths import first
from journeys.time.durations import Duration
from store.conditions.goal_times import MAYBE_BEFORE, UP_TO_ITS_END, since_beginning
from store.conditions.trigger_matching import (
    Matching,
    match_trigger,
    needs_exact_test,
    resolve_match,
)
from store.counters.facts import VALUE_LIMIT
from store.metrics import counter
from store.runs.replaced import NOT_REPLACED
from store.sql import (
    Connection,
    Sql,
    execute,
    execute_many,
    fetch_all,
    fetch_all_as,
    fetch_one,
    join,
    sql,
    statement,
)
from store.tables.events import Event
from store.tables.runs import Goal

_COLUMNS = ("run_id", "journey", "contact_id", "event_name", "match", "ref", "until_at", "rest")
_SET = statement(insert(Goal).values({column: bindparam(column) for column in _COLUMNS}))
_REMOVE_UNMET = statement(
    delete(Goal).where(col(Goal.run_id) == bindparam("run"), col(Goal.met_event_id).is_(None))
)
_GOAL_OF_RUN = statement(select(col(Goal.run_id)).where(col(Goal.run_id) == bindparam("run")))
# A run that ended `restarted` or `merged` was replaced by another, whose goal it is from then on.
_OF_RUN = sql("join run r on r.id = g.run_id and {kept}", kept=NOT_REPLACED)
_MATCHES = sql(
    """
    and g.ref < e.id and e.properties @> g.match
    and {up_to_its_end}
    and (e.run_id is null or e.run_id = g.run_id)
    """,
    up_to_its_end=UP_TO_ITS_END,
)
_BY_EVENTS = sql(
    """
select g.run_id, e.id as event_id, r.journey, r.version, g.rest or {maybe_before} as rest
from event e
join goal g on g.contact_id = e.contact_id and g.event_name = e.name and g.met_event_id is null
    {matches}
{of_run}
where e.id = any(%(events)s) and e.id is distinct from r.entry_event_id
""",
    matches=_MATCHES,
    of_run=_OF_RUN,
    maybe_before=MAYBE_BEFORE,
)
_BY_GOALS = sql(
    """
select g.run_id, e.id as event_id, r.journey, r.version, g.rest or {maybe_before} as rest
from goal g
join event e on e.contact_id = g.contact_id and e.name = g.event_name
    {matches}
{of_run}
where (g.contact_id = any(%(contacts)s) or g.run_id = any(%(runs)s)) and g.met_event_id is null
    and e.id is distinct from r.entry_event_id
""",
    matches=_MATCHES,
    of_run=_OF_RUN,
    maybe_before=MAYBE_BEFORE,
)
_PROPERTIES = statement(
    select(col(Event.id), col(Event.properties)).where(
        col(Event.id) == func.any(bindparam("events"))
    )
)
_GOALS: Final = counter("parcours_goals")
_RECORD_MET = sql("""
update goal g set met_event_id = e.id, met_at = e.stamped_at, value = m.value,
       recorded_at = parcours.clock()
from unnest(%(runs)s::uuid[], %(events)s::bigint[], %(values)s::text[]::numeric[])
     m(run_id, event_id, value)
join event e on e.id = m.event_id
where g.run_id = m.run_id and g.met_event_id is null
""")


@dataclass(frozen=True)
class GoalQuery:
    """A version's goal, and the statement that tests whether events meet it."""

    matching: Matching
    within: Duration | None
    """How long after the run's start it can be met; None: without an end."""
    value: str | None
    """The path of its value in the event's properties."""
    sql: Sql
    params: dict[str, Any]


@dataclass(frozen=True)
class NewGoal:
    """The goal of a run that begins."""

    query: GoalQuery
    run_id: UUID
    journey: str
    contact_id: UUID
    entry: dict[str, Any]
    ref: int
    """Only events with a higher id count."""
    started_at: datetime
    zone: ZoneInfo
    """The contact's time zone, in which `within` is counted."""


@dataclass(frozen=True)
class GoalCandidate:
    """An unmet goal, and an event that matches it by name, reference, time and equalities."""

    run_id: UUID
    event_id: int
    journey: str
    version: int
    rest: bool
    """Whether there is more to test, such as when the event happened."""


@dataclass(frozen=True)
class MetGoal:
    """An event that meets a goal."""

    run_id: UUID
    event_id: int
    value: str | None
    """The path of the goal's value."""


def build_goal_query(journey: Journey) -> GoalQuery | None:
    """The query of a version's goal; None if it has none."""
    goal = journey.goal
    if goal is None:
        return None
    matching = match_trigger(goal, "g_", journey.timezone or "UTC")
    since, params = since_beginning(journey, "began_")
    query = sql(
        "select k.run_id, k.event_id"
        " from unnest(%(runs)s::uuid[], %(events)s::bigint[]) k(run_id, event_id)"
        " join run r on r.id = k.run_id join contact c on c.id = r.contact_id"
        " join event e on e.id = k.event_id where {tests}",
        tests=join(" and ", [since, *matching.tests]),
    )
    within = Duration.parse(goal.within) if goal.within is not None else None
    return GoalQuery(matching, within, goal.value, query, {**matching.params, **params})


async def set_goals(conn: Connection, goals: Sequence[NewGoal]) -> None:
    """Insert the goals of runs that begin.

    A goal that refers to a property that the entry lacks can never be met. It is left out.
    """
    rows = []
    for goal in goals:
        query = goal.query
        match = resolve_match(query.matching.equal, goal.entry)
        if match is None:
            continue
        rows.append(
            {
                "run_id": goal.run_id,
                "journey": goal.journey,
                "contact_id": goal.contact_id,
                "event_name": query.matching.event_name,
                "match": Jsonb(match),
                "ref": goal.ref,
                "until_at": (
                    query.within.add_to(goal.started_at, goal.zone) if query.within else None
                ),
                "rest": query.matching.rest or needs_exact_test(match),
            }
        )
    await execute_many(conn, _SET, rows)


async def replace_goal(conn: Connection, run_id: UUID, goal: NewGoal | None) -> None:
    """Replace the run's goal, unless it was met already. None: the run has no goal any more."""
    await execute(conn, _REMOVE_UNMET, {"run": run_id})
    if goal is None:
        return
    if await fetch_one(conn, _GOAL_OF_RUN, {"run": run_id}) is None:
        await set_goals(conn, [goal])


async def goals_by_event(conn: Connection, event_ids: list[int]) -> list[GoalCandidate]:
    """The unmet goals that these events may meet."""
    return await fetch_all_as(conn, GoalCandidate, _BY_EVENTS, {"events": event_ids})


async def goals_by_owner(
    conn: Connection, *, contacts: Sequence[UUID] = (), runs: Sequence[UUID] = ()
) -> list[GoalCandidate]:
    """The unmet goals of contacts, or of runs, with each event of any age that may meet them."""
    return await fetch_all_as(
        conn, GoalCandidate, _BY_GOALS, {"contacts": list(contacts), "runs": list(runs)}
    )


async def evaluate_goals(
    conn: Connection, query: GoalQuery, candidates: Sequence[GoalCandidate]
) -> list[GoalCandidate]:
    """The candidates of one version that meet its goal in full."""
    if not candidates:
        return []
    rows = await fetch_all(
        conn,
        query.sql,
        {
            **query.params,
            "runs": [each.run_id for each in candidates],
            "events": [each.event_id for each in candidates],
        },
    )
    met = set(rows)
    return [each for each in candidates if (each.run_id, each.event_id) in met]


async def record_met_goals(conn: Connection, met: Sequence[MetGoal]) -> None:
    """Record that goals were met. A goal that was met before stays as it is.

    A value that is no number, or beyond VALUE_LIMIT, is left out.
    """
    properties = dict(
        await fetch_all(conn, _PROPERTIES, {"events": [each.event_id for each in met]})
    )
    recorded = await execute(
        conn,
        _RECORD_MET,
        {
            "runs": [each.run_id for each in met],
            "events": [each.event_id for each in met],
            "values": [goal_value(each.value, properties.get(each.event_id, {})) for each in met],
        },
    )
    _GOALS.inc(recorded)


def goal_value(path: str | None, properties: dict[str, Any]) -> str | None:
    """The number at a path of an event's properties, as text; None for anything else."""
    found = first(properties, path) if path is not None else None
    return str(found) if is_number(found) and abs(found) <= VALUE_LIMIT else None
