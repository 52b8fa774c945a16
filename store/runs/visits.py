"""Visits: the record of a run at a step, which is its decision.

A deciding activity may run twice, with different data. The first row wins, and the second attempt
gets it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from store.sql import (
    Connection,
    fetch_all,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
    table_columns,
)
from store.tables.runs import Visit


@dataclass(frozen=True)
class VisitRow:
    """A visit. While it has no outcome, the run is still at its step."""

    step: str
    kind: str
    outcome: str | None
    due_at: datetime | None
    ref: int | None
    started_at: datetime
    held: str | None
    facts: dict[str, Any]


_READ = statement(
    select(*table_columns(Visit, VisitRow)).where(
        col(Visit.run_id) == bindparam("run"), col(Visit.visit) == bindparam("visit")
    )
)
_DECIDE = sql("""
with decided as (
    insert into visit
        (run_id, visit, step, kind, outcome, started_at, ended_at, facts, output)
    values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(outcome)s,
            coalesce(%(at)s, parcours.clock()), coalesce(%(at)s, parcours.clock()),
            %(facts)s, %(output)s)
    on conflict (run_id, visit) do nothing
    returning outcome
), run_at_step as (
    update run set step = %(step)s, visit = %(visit)s
    where id = %(run)s and exists (select from decided)
)
select outcome from decided
""")
_COUNT = statement(
    select(func.count())
    .select_from(Visit)
    .where(col(Visit.run_id) == bindparam("run"), col(Visit.step) == bindparam("step"))
)
_STEP_OUTPUTS = sql("""
select distinct on (step) step, outcome, ended_at, count(*) over (partition by step), output
from visit where run_id = %(run)s and outcome is not null order by step, visit desc
""")


async def find_visit(conn: Connection, run_id: UUID, visit: int) -> VisitRow | None:
    """A visit; None if it has not begun."""
    return await fetch_one_as(conn, VisitRow, _READ, {"run": run_id, "visit": visit})


async def decide(
    conn: Connection,
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    outcome: str,
    facts: dict[str, Any],
    output: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> str:
    """Record the outcome of a step that takes no time, and that the run is at it; `at`, or now.

    Returns the visit's outcome: an earlier one if it was decided before. Raises LookupError if the
    visit has begun and is not decided.
    """
    decided = await fetch_value(
        conn,
        _DECIDE,
        {
            "run": run_id,
            "visit": visit,
            "step": step,
            "kind": kind,
            "outcome": outcome,
            "facts": Jsonb(facts),
            "output": Jsonb(output or {}),
            "at": at,
        },
    )
    if decided is not None:
        return str(decided)
    before = await find_visit(conn, run_id, visit)
    if before is None or before.outcome is None:
        raise LookupError(f"visit {visit} of run {run_id} is not decided")
    return before.outcome


async def visits_of(conn: Connection, run_id: UUID, step: str) -> int:
    """The number of the run's visits at a step."""
    return int(await fetch_value(conn, _COUNT, {"run": run_id, "step": step}))


async def step_outputs(conn: Connection, run_id: UUID) -> dict[str, dict[str, Any]]:
    """The outputs of steps at their latest visits, by step id, with outcome, at and visits."""
    rows = await fetch_all(conn, _STEP_OUTPUTS, {"run": run_id})
    return {
        step: {**output, "outcome": outcome, "at": at.isoformat(), "visits": visits}
        for step, outcome, at, visits, output in rows
    }
