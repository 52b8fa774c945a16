"""Goals: set when a run begins, met by the first event that fits, also once the run has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from journeys.model.journey import Journey
from journeys.model.paths import first
from journeys.time.durations import Duration
from store.conditions.trigger_matching import (
    Matching,
    match_trigger,
    needs_exact_test,
    resolve_match,
)


@dataclass(frozen=True)
class GoalQuery:
    """A version's goal, and the statement that tests whether events meet it."""

    matching: Matching
    within: Duration | None
    """After the run's start; None: for ever."""
    value: str | None
    """The path of its value in the event's properties."""
    sql: str


@dataclass(frozen=True)
class NewGoal:
    """The goal of a run that begins."""

    look: GoalQuery
    run_id: UUID
    journey: str
    contact_id: UUID
    entry: dict[str, Any]
    ref: int
    """Only events with a higher id count."""
    started_at: datetime
    zone: ZoneInfo
    """Of the contact: `within` is counted on its calendar."""


@dataclass(frozen=True)
class GoalCandidate:
    """An unmet goal, and an event whose name, place, time and equalities meet it."""

    run_id: UUID
    event_id: int
    journey: str
    version: int
    rest: bool
    """There is more to test."""


@dataclass(frozen=True)
class MetGoal:
    """An event that meets a goal."""

    run_id: UUID
    event_id: int
    value: str | None
    """The path of the goal's value."""


def build_goal_query(journey: Journey) -> GoalQuery | None:
    """The look at a version's goal; None if it has none."""
    goal = journey.goal
    if goal is None:
        return None
    matching = match_trigger(goal, "g_")
    tests = " and ".join(["true", *map(str, matching.tests)])
    sql = (
        "select k.run_id, k.event_id"
        " from unnest(%(runs)s::uuid[], %(events)s::bigint[]) k(run_id, event_id)"
        " join run r on r.id = k.run_id join contact c on c.id = r.contact_id"
        f" join event e on e.id = k.event_id where {tests}"
    )
    within = Duration.parse(goal.within) if goal.within is not None else None
    return GoalQuery(matching, within, goal.value, sql)


async def set_goals(conn: AsyncConnection[Any], goals: Sequence[NewGoal]) -> None:
    """Keep the goals of runs that begin. One that asks for what its entry lacks is left out."""
    rows = []
    for goal in goals:
        look = goal.look
        match = resolve_match(look.matching.equal, goal.entry)
        if match is None:
            continue
        until = look.within.add_to(goal.started_at, goal.zone) if look.within else None
        rest = look.matching.rest or needs_exact_test(match)
        rows.append(
            (goal.run_id, goal.journey, goal.contact_id, look.matching.event_name, Jsonb(match),
             goal.ref, until, rest)
        )  # fmt: skip
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into goal (run_id, journey, contact_id, event_name, match, ref, until_at, rest)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


async def replace_goal(conn: AsyncConnection[Any], run_id: UUID, goal: NewGoal | None) -> None:
    """Let a goal take the place of the run's, unless that was met already.

    None: the run has none from now on.
    """
    await conn.execute("delete from goal where run_id = %s and met_event_id is null", (run_id,))
    if goal is None:
        return
    cursor = await conn.execute("select from goal where run_id = %s", (run_id,))
    if await cursor.fetchone() is None:
        await set_goals(conn, [goal])


_FITS = """
    and g.ref < e.id and e.properties @> g.match
    and (g.until_at is null or e.stamped_at <= g.until_at)
    and (e.run_id is null or e.run_id = g.run_id)
"""
_BY_EVENTS = f"""
select g.run_id, e.id as event_id, r.journey, r.version, g.rest
from event e
join goal g on g.contact_id = e.contact_id and g.event_name = e.name and g.met_event_id is null
    {_FITS}
join run r on r.id = g.run_id
where e.id = any(%s)
"""
_BY_GOALS = f"""
select g.run_id, e.id as event_id, r.journey, r.version, g.rest
from goal g
join event e on e.contact_id = g.contact_id and e.name = g.event_name
    {_FITS}
join run r on r.id = g.run_id
where (g.contact_id = any(%(contacts)s) or g.run_id = any(%(runs)s)) and g.met_event_id is null
"""


async def goals_by_event(conn: AsyncConnection[Any], event_ids: list[int]) -> list[GoalCandidate]:
    """The unmet goals that these events may meet."""
    async with conn.cursor(row_factory=class_row(GoalCandidate)) as cursor:
        await cursor.execute(_BY_EVENTS, (event_ids,))
        return await cursor.fetchall()


async def goals_by_owner(
    conn: AsyncConnection[Any], *, contacts: Sequence[UUID] = (), runs: Sequence[UUID] = ()
) -> list[GoalCandidate]:
    """The unmet goals of contacts, or of runs, that any of their events may meet, however old."""
    async with conn.cursor(row_factory=class_row(GoalCandidate)) as cursor:
        await cursor.execute(_BY_GOALS, {"contacts": list(contacts), "runs": list(runs)})
        return await cursor.fetchall()


async def evaluate_goals(
    conn: AsyncConnection[Any], look: GoalQuery, candidates: Sequence[GoalCandidate]
) -> list[GoalCandidate]:
    """Those candidates of one version that meet its goal in full."""
    if not candidates:
        return []
    cursor = await conn.execute(
        look.sql,
        {
            **look.matching.params,
            "runs": [each.run_id for each in candidates],
            "events": [each.event_id for each in candidates],
        },
    )
    met = set(await cursor.fetchall())
    return [each for each in candidates if (each.run_id, each.event_id) in met]


async def record_met_goals(conn: AsyncConnection[Any], met: Sequence[MetGoal]) -> None:
    """Note that goals were met. One that was met before stays as it is."""
    cursor = await conn.execute(
        "select id, properties from event where id = any(%s)", ([each.event_id for each in met],)
    )
    properties = dict(await cursor.fetchall())
    await conn.execute(
        """
        update goal g set met_event_id = e.id, met_at = e.stamped_at, value = m.value
        from unnest(%(runs)s::uuid[], %(events)s::bigint[], %(values)s::text[]::numeric[])
             m(run_id, event_id, value)
        join event e on e.id = m.event_id
        where g.run_id = m.run_id and g.met_event_id is null
        """,
        {
            "runs": [each.run_id for each in met],
            "events": [each.event_id for each in met],
            "values": [_value(each.value, properties.get(each.event_id, {})) for each in met],
        },
    )


def _value(path: str | None, properties: dict[str, Any]) -> str | None:
    found = first(properties, path) if path is not None else None
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return str(found) if number else None
