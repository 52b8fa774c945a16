"""Goals of one run, and counted for a journey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import bindparam, select
from sqlmodel import col

from store.counters.removed import VALUE_LIMIT, RemovedCounts
from store.runs.replaced import NOT_REPLACED
from store.sql import fetch_all, fetch_one, integer, sql, statement
from store.tables.runs import Goal


@dataclass(frozen=True, slots=True)
class RunGoal:
    """A run's goal. Both fields are None until it is met."""

    met_at: datetime | None
    value: int | float | None


@dataclass(frozen=True, slots=True)
class GoalCounts:
    """The number of runs that met their goal, and the sum of the goals' values."""

    met: int
    value: int | float


_GOAL = statement(
    select(col(Goal.met_at), col(Goal.value)).where(col(Goal.run_id) == bindparam("run"))
)
# The same event would count twice for a run and for the one that replaced it.
_COUNTED = sql(
    """
    from run r join goal g on g.run_id = r.id
    where r.journey = %(journey)s and g.met_event_id is not null
      and (%(version)s::integer is null or r.version = %(version)s::integer)
      and {kept}
    """,
    kept=NOT_REPLACED,
)
_COUNT = sql(
    "select count(*), coalesce(sum(g.value) filter (where abs(g.value) <= {most}), 0) {counted}",
    most=integer(VALUE_LIMIT),
    counted=_COUNTED,
)
_COUNT_BY_ARM = sql(
    """
    select v.step, v.outcome, count(distinct v.run_id) from visit v
    where v.kind = 'split' and v.outcome <> 'skipped' and v.run_id in (select r.id {counted})
    group by v.step, v.outcome order by v.step, v.outcome
    """,
    counted=_COUNTED,
)


async def read_goal(conn: AsyncConnection[Any], run_id: UUID) -> RunGoal | None:
    """A run's goal; None if it has none."""
    row = await fetch_one(conn, _GOAL, {"run": run_id})
    if row is None:
        return None
    met_at, value = row
    usable = value is not None and abs(value) <= VALUE_LIMIT
    return RunGoal(met_at, _number(value) if usable else None)


async def count_goals(
    conn: AsyncConnection[Any], journey: str, version: int | None, removed: RemovedCounts
) -> GoalCounts:
    """The goals that a journey's runs met, of one version or of all, those removed included.

    Runs that ended `restarted` or `merged` are left out: another run replaced them.
    """
    row = await fetch_one(conn, _COUNT, {"journey": journey, "version": version})
    assert row is not None
    met, value = row
    for each in removed.of("goal"):
        met, value = met + each.count, value + each.value
    return GoalCounts(met, _number(value))


async def count_goals_by_arm(
    conn: AsyncConnection[Any], journey: str, version: int | None, removed: RemovedCounts
) -> dict[str, dict[str, int]]:
    """For each split, the number of runs that met their goal by arm."""
    counted: dict[str, dict[str, int]] = {}
    parameters = {"journey": journey, "version": version}
    for step, arm, count in await fetch_all(conn, _COUNT_BY_ARM, parameters):
        counted.setdefault(step, {})[arm] = count
    for each in removed.of("arm"):
        of_step = counted.setdefault(each.step, {})
        of_step[each.label] = of_step.get(each.label, 0) + each.count
    return counted


def _number(value: Decimal) -> int | float:
    """An integer if the value is whole."""
    return int(value) if value == value.to_integral_value() else float(value)
