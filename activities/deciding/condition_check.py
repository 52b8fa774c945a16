"""Conditions of steps: evaluating them, with the values they saw as facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from journeys.model.conditions import Condition
from store.conditions import compile_condition, evaluate
from store.definitions.catalog import Definition
from store.runs.rows import RunRow


@dataclass(frozen=True)
class ConditionResult:
    """Whether a condition holds, and the values it read."""

    holds: bool
    facts: dict[str, Any]


async def check_condition(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    condition: Condition,
    *,
    at: datetime | None = None,
) -> ConditionResult:
    """Evaluate one condition for a run, as of the instant `at` or of now."""
    return (await check_conditions(conn, run, definition, [condition], at=at))[0]


async def check_conditions(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    conditions: list[Condition],
    *,
    at: datetime | None = None,
) -> list[ConditionResult]:
    """Evaluate several conditions for a run, in one statement, as of `at` or of now."""
    zone = definition.journey.timezone or "UTC"
    predicates = [
        compile_condition(
            condition,
            prefix=f"c{number}_",
            default_zone=zone,
            segments=definition.segments.conditions,
            timed=False,
        )
        for number, condition in enumerate(conditions)
    ]
    return [
        ConditionResult(result.holds, {"saw": result.saw})
        for result in await evaluate(conn, run.id, predicates, at)
    ]
