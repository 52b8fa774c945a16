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

from store.counters.facts import VALUE_LIMIT
from store.sql import fetch_one, statement
from store.tables.runs import Goal


@dataclass(frozen=True, slots=True)
class RunGoal:
    """A run's goal. Both fields are None until it is met."""

    met_at: datetime | None
    value: int | float | None


@dataclass(frozen=True, slots=True)
class GoalCounts:
    """The number of runs that met their goal, and the sum of the goals' values.

    Runs that ended `restarted` or `merged` are left out: another run replaced them.
    """

    met: int
    value: int | float


_GOAL = statement(
    select(col(Goal.met_at), col(Goal.value)).where(col(Goal.run_id) == bindparam("run"))
)


async def read_goal(conn: AsyncConnection[Any], run_id: UUID) -> RunGoal | None:
    """A run's goal; None if it has none."""
    row = await fetch_one(conn, _GOAL, {"run": run_id})
    if row is None:
        return None
    met_at, value = row
    usable = value is not None and abs(value) <= VALUE_LIMIT
    return RunGoal(met_at, number(value) if usable else None)


def number(value: Decimal) -> int | float:
    """An integer if the value is whole."""
    return int(value) if value == value.to_integral_value() else float(value)
