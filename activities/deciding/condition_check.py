"""Conditions of steps: evaluating them, with the values they saw as facts."""

from __future__ import annotations

from dataclasses import dataclass
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
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, condition: Condition
) -> ConditionResult:
    """Evaluate one condition for a run."""
    return (await check_conditions(conn, run, definition, [condition]))[0]


async def check_conditions(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    conditions: list[Condition],
) -> list[ConditionResult]:
    """Evaluate several conditions for a run, in one statement."""
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
        for result in await evaluate(conn, run.id, predicates)
    ]
