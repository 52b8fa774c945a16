"""Listing of runs, page by page, and one run with its visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from psycopg import AsyncConnection

from journeys.protocol.deferrals import DeferralReason
from store.contacts.rows import find_contact
from store.counters.facts import IS_MET
from store.repairs.run_repairs import RepairRow, repairs_of
from store.reports.goal_counts import RunGoal, read_goal
from store.sql import Sql, fetch_all, fetch_all_as, fetch_one_as, integer, join, sql
from store.tables.messages import MessageState
from store.tables.runs import RunState

PAGE = 50
"""Runs of a page by default."""


class BadCursor(ValueError):
    """A cursor that no page has given."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor[:50]!r} is no cursor: give the `next` of the page before")


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run as it is listed."""

    id: UUID
    journey: str
    version: int
    contact: str
    """The external id, or our id if there is none."""
    state: RunState
    step: str | None
    outcome: str | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListedVisit:
    """A visit of a run that is shown."""

    step: str
    kind: str
    visit: int
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    message_id: UUID | None
    facts: dict[str, Any]
    due_at: datetime | None
    """When a wait or a deferral ends by itself."""
    held: str | None
    """Why a send is deferred."""
    state: MessageState | None
    """That of its message, and so the following; all None without a message."""
    attempts: int | None
    code: str | None
    """Why the last attempt did not succeed."""
    detail: str | None
    """The provider's words, which may name an address."""
    provider: str | None
    """Who took its last attempt, or did not."""
    provider_id: str | None


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run with its goal, its visits and its repairs by operators, in their order."""

    run: ListedRun
    goal: RunGoal | None
    visits: list[ListedVisit]
    repairs: list[RepairRow]


@dataclass(frozen=True, slots=True)
class RunListing:
    """A page of runs, the newest first."""

    items: list[ListedRun]
    next: UUID | None
    """The cursor of the page after it; None if this is the last one. Of the runs at one step a page
    may have fewer than were asked for, and another after it."""


_COLUMNS = sql(
    """
    r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact, r.state,
    r.step, r.outcome, r.reason, r.started_at, r.ended_at
    """
)
# No index knows the step at which a run stands: each step of each run would pay for it. So a page
# looks at a bounded number of runs, and ends with the last one that it has looked at.
_LOOKED_AT: Final = 5_000


def _found(wanted: Sql) -> Sql:
    """The runs of a page among those that were looked at, and where the page ends."""
    return sql(
        """
    cut as materialized (
        select (
            select least.id
            from (
                select state from looked group by state having count(*) = {looked_at}
            ) full_page
            cross join lateral (
                select id from looked where looked.state = full_page.state order by id limit 1
            ) least
            order by least.id desc limit 1
        ) as id
    )
    select cut.id, found.*
    from cut left join lateral (
        select {columns}
        from looked l join run r on r.id = l.id join contact c on c.id = r.contact_id
        where {wanted} and (cut.id is null or l.id >= cut.id)
        order by r.id desc limit %(limit)s
    ) found on true
    order by found.id desc
    """,
        columns=_COLUMNS,
        looked_at=integer(_LOOKED_AT),
        wanted=wanted,
    )


_FOUND = _found(sql("l.step = %(step)s"))
# The states of a journey's runs are read one by one: each is in order in its index. Ids alone are
# asked of it, which it has: for whole rows the planner would go through all runs by their ids.
_BY_STATE = sql(
    """
    select {columns}
    from unnest(%(states)s::text[]) as s(state)
    cross join lateral (
        select id from run
        where run.state = s.state and run.journey = %(journey)s
          and (%(before)s::uuid is null or run.id < %(before)s::uuid)
        order by run.id desc limit %(limit)s
    ) listed
    join run r on r.id = listed.id
    join contact c on c.id = r.contact_id
    order by r.id desc limit %(limit)s
    """,
    columns=_COLUMNS,
)
_RUNS_AT_STEP = sql(
    """
    with looked as materialized (
        select s.state, r.id, of_run.step
        from unnest(%(states)s::text[]) as s(state)
        cross join lateral (
            select id from run
            where run.state = s.state and run.journey = %(journey)s
              and (%(before)s::uuid is null or run.id < %(before)s::uuid)
            order by run.id desc limit {looked_at}
        ) r
        cross join lateral (select step from run where run.id = r.id offset 0) of_run
    ),
    {found}
    """,
    looked_at=integer(_LOOKED_AT),
    found=_FOUND,
)
_GOALS_MET = sql(
    """
    with looked as materialized (
        select s.state, r.id, met.step
        from unnest(%(states)s::text[]) as s(state)
        cross join lateral (
            select id from run
            where run.state = s.state and run.journey = %(journey)s
              and (%(before)s::uuid is null or run.id < %(before)s::uuid)
            order by run.id desc limit {looked_at}
        ) r
        left join lateral (
            select coalesce(g.step, '') as step from goal g where g.run_id = r.id and {is_met}
            offset 0
        ) met on true
    ),
    {found}
    """,
    looked_at=integer(_LOOKED_AT),
    is_met=IS_MET,
    found=_found(sql("l.step is not null and (%(step)s::text is null or l.step = %(step)s::text)")),
)
_RUNS_AT_STEP_OF_ANY = sql(
    """
    with looked as materialized (
        select '' as state, r.id, r.step
        from (
            select id, step from run
            where run.state = any(%(states)s)
              and (%(before)s::uuid is null or run.id < %(before)s::uuid)
            order by run.id desc limit {looked_at}
        ) r
    ),
    {found}
    """,
    looked_at=integer(_LOOKED_AT),
    found=_FOUND,
)
_HAS_GOAL = sql("exists (select from goal g where g.run_id = r.id and {is_met})", is_met=IS_MET)
_BY_ID = sql(
    """
    select {columns}
    from run r join contact c on c.id = r.contact_id
    where r.state = any(%(states)s)
      and (%(contact)s::uuid is null or r.contact_id = %(contact)s::uuid)
      and (%(journey)s::text is null or r.journey = %(journey)s::text)
      and (%(step)s::text is null or r.step = %(step)s::text)
      and (%(before)s::uuid is null or r.id < %(before)s::uuid)
      and (%(lowest)s::uuid is null or r.id between %(lowest)s::uuid and %(highest)s::uuid)
      and (%(goal)s::boolean is null or {has_goal})
    order by r.id desc limit %(limit)s
    """,
    columns=_COLUMNS,
    has_goal=_HAS_GOAL,
)
_OF_CONTACT = sql("r.contact_id = %(contact)s")
_OF_JOURNEY = sql("r.journey = %(journey)s")
_AT_STEP = sql("r.step = %(step)s")
_BEFORE = sql("r.id < %(before)s")
_BETWEEN = sql("r.id between %(lowest)s and %(highest)s")
_HELD = sql("v.held = %(held)s")
_CODE = sql("coalesce(m.code, v.facts ->> 'fault') = %(code)s")
_ONE = sql(
    "select {columns} from run r join contact c on c.id = r.contact_id where r.id = %(run)s",
    columns=_COLUMNS,
)
_VISITS = sql(
    """
    select v.step, v.kind, v.visit, v.outcome, v.started_at, v.ended_at, v.message_id, v.facts,
           v.due_at, v.held, m.state, m.attempts, m.code, m.detail, m.provider,
           m.provider_id
    from visit v left join message m on m.run_id = v.run_id and m.visit = v.visit
    where v.run_id = %(run)s order by v.visit
    """
)


async def list_runs(
    conn: AsyncConnection[Any],
    *,
    contact: str | None = None,
    journey: str | None = None,
    state: RunState | None = None,
    step: str | None = None,
    prefix: str | None = None,
    held: DeferralReason | None = None,
    code: str | None = None,
    goal_met: bool = False,
    cursor: str | None = None,
    limit: int = PAGE,
) -> RunListing:
    """A page of the runs that meet every filter, the newest first.

    Args:
        contact: an external id, or an id of ours; an unknown one gives an empty page.
        step: the step of the run's newest visit.
        prefix: how the ids begin, in hexadecimal digits and dashes.
        held: why the send is deferred at which an active run stands.
        code: why the last attempt at a deferred send did not succeed.
        goal_met: only runs that met their goal; of a journey, `step` is then the step at which the
            run stood, or had ended, when it did.

    Raises BadCursor if the cursor is not a page's `next`.
    """
    contact_id: UUID | None = None
    if contact is not None:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            return RunListing([], None)
    parameters = {
        "contact": contact_id,
        "journey": journey,
        "states": [state] if state else list(get_args(RunState)),
        "step": step,
        "before": _parse_cursor(cursor) if cursor else None,
        "held": held,
        "code": code,
        "goal": True if goal_met else None,
        "lowest": _completed(prefix, "0") if prefix else None,
        "highest": _completed(prefix, "f") if prefix else None,
        # One more than the page has: if it exists, there is a page after this one.
        "limit": limit + 1,
    }
    cut: UUID | None = None
    if held is not None or code is not None:
        if state == "ended":
            return RunListing([], None)
        runs = await fetch_all_as(conn, ListedRun, _deferred(parameters), parameters)
    elif contact_id is not None or prefix is not None:
        runs = await fetch_all_as(conn, ListedRun, _BY_ID, parameters)
    elif step is not None or (goal_met and journey is not None):
        query = _RUNS_AT_STEP_OF_ANY if journey is None else _RUNS_AT_STEP
        query = _GOALS_MET if goal_met and journey is not None else query
        rows = await fetch_all(conn, query, parameters)
        cut = rows[0][0]
        runs = [ListedRun(*row[1:]) for row in rows if row[1] is not None]
    else:
        query = _BY_ID if journey is None else _BY_STATE
        runs = await fetch_all_as(conn, ListedRun, query, parameters)
    items = runs[:limit]
    return RunListing(items, items[-1].id if len(runs) > limit else cut)


async def show_run(conn: AsyncConnection[Any], run_id: UUID) -> ShownRun | None:
    """A run with its goal and its visits; None if there is no such run."""
    run = await fetch_one_as(conn, ListedRun, _ONE, {"run": run_id})
    if run is None:
        return None
    visits = await fetch_all_as(conn, ListedVisit, _VISITS, {"run": run_id})
    goal = await read_goal(conn, run_id)
    return ShownRun(run, goal, visits, await repairs_of(conn, run_id))


def _deferred(parameters: Mapping[str, Any]) -> Sql:
    """The active runs at a deferred send that meet each filter which is given."""
    filters = {
        "contact": _OF_CONTACT,
        "journey": _OF_JOURNEY,
        "step": _AT_STEP,
        "before": _BEFORE,
        "lowest": _BETWEEN,
        "held": _HELD,
        "code": _CODE,
        "goal": _HAS_GOAL,
    }
    given = [each for name, each in filters.items() if parameters[name] is not None]
    # The planner begins with the deferred visits if they are few, else with the newest runs.
    return sql(
        """
        select {columns}
        from visit v
        join run r on r.id = v.run_id and r.visit = v.visit and r.state = 'active'
        join contact c on c.id = r.contact_id
        left join message m on m.run_id = v.run_id and m.visit = v.visit
        where v.held is not null and v.outcome is null and {filters}
        order by r.id desc limit %(limit)s
        """,
        columns=_COLUMNS,
        filters=join(" and ", given),
    )


def _parse_cursor(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor(cursor) from None


def _completed(prefix: str, digit: str) -> UUID:
    """The lowest or highest id with the prefix."""
    return UUID(prefix.replace("-", "").ljust(32, digit)[:32])
