"""Statements of the listing of runs, and of one run with its visits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from store.counters.facts import IS_MET
from store.sql import Sql, integer, join, sql

COLUMNS = sql(
    """
    r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact, r.state,
    r.step, r.outcome, r.reason, r.started_at, r.ended_at
    """
)
# No index knows the step at which a run stands: each step of each run would pay for it. So a page
# looks at a bounded number of runs, and ends with the last one that it has looked at.
_LOOKED_AT: Final = 5_000


def _been(run: Sql) -> Sql:
    """Whether a run has come to the step `reached`, if one is given."""
    return sql(
        """
        (%(reached)s::text is null or exists (
            select from visit v
            where v.run_id = {run} and v.step = %(reached)s::text
              and (%(took)s::text is null or v.outcome = %(took)s::text)
        ))
        """,
        run=run,
    )


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
        from (
            select l.id from looked l
            where {wanted} and {been} and (cut.id is null or l.id >= cut.id)
            order by l.id desc limit %(limit)s
        ) page
        join run r on r.id = page.id join contact c on c.id = r.contact_id
    ) found on true
    order by found.id desc
    """,
        columns=COLUMNS,
        looked_at=integer(_LOOKED_AT),
        wanted=wanted,
        been=_been(sql("l.id")),
    )


_FOUND = _found(sql("l.step = %(step)s"))
# The states of a journey's runs are read one by one: each is in order in its index. Ids alone are
# asked of it, which it has: for whole rows the planner would go through all runs by their ids.
BY_STATE = sql(
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
    columns=COLUMNS,
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
_AMONG_LOOKED = _found(
    sql("l.step is not null and (%(step)s::text is null or l.step = %(step)s::text)")
)
_RUNS_THAT_REACHED = sql(
    """
    with looked as materialized (
        select s.state, r.id, been.step
        from unnest(%(states)s::text[]) as s(state)
        cross join lateral (
            select id from run
            where run.state = s.state and run.journey = %(journey)s
              and (%(before)s::uuid is null or run.id < %(before)s::uuid)
            order by run.id desc limit {looked_at}
        ) r
        left join lateral (
            select coalesce((select step from run where run.id = v.run_id), '') as step
            from visit v
            where v.run_id = r.id and v.step = %(reached)s::text
              and (%(took)s::text is null or v.outcome = %(took)s::text)
            limit 1
        ) been on true
    ),
    {found}
    """,
    looked_at=integer(_LOOKED_AT),
    found=_AMONG_LOOKED,
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
    found=_AMONG_LOOKED,
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
BY_ID = sql(
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
      and {been}
    order by r.id desc limit %(limit)s
    """,
    columns=COLUMNS,
    has_goal=_HAS_GOAL,
    been=_been(sql("r.id")),
)
_OF_CONTACT = sql("r.contact_id = %(contact)s")
_OF_JOURNEY = sql("r.journey = %(journey)s")
_AT_STEP = sql("r.step = %(step)s")
_BEFORE = sql("r.id < %(before)s")
_BETWEEN = sql("r.id between %(lowest)s and %(highest)s")
_HELD = sql("v.held = %(held)s")
_CODE = sql("coalesce(m.code, v.facts ->> 'fault') = %(code)s")
ONE = sql(
    "select {columns} from run r join contact c on c.id = r.contact_id where r.id = %(run)s",
    columns=COLUMNS,
)
VISITS = sql(
    """
    select v.step, v.kind, v.visit, v.outcome, v.started_at, v.ended_at, v.message_id, v.facts,
           v.due_at, v.held, m.state, m.attempts, m.code, m.detail, m.provider,
           m.provider_id
    from visit v left join message m on m.run_id = v.run_id and m.visit = v.visit
    where v.run_id = %(run)s order by v.visit
    """
)


def looking(
    journey: str | None, step: str | None, *, goal_met: bool, reached: str | None
) -> Sql | None:
    """The query that looks at runs one by one; None where an index knows which are wanted."""
    if journey is not None and goal_met:
        return _GOALS_MET
    if journey is not None and reached is not None:
        return _RUNS_THAT_REACHED
    if step is not None:
        return _RUNS_AT_STEP_OF_ANY if journey is None else _RUNS_AT_STEP
    return None


def deferred(parameters: Mapping[str, Any]) -> Sql:
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
        "reached": _been(sql("r.id")),
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
        columns=COLUMNS,
        filters=join(" and ", given),
    )
