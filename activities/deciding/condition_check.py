"""Conditions of steps: evaluating them, with the values they saw as facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from journeys.model.conditions import Condition
from store.conditions import evaluate
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
    """Evaluate one condition of the definition for a run, as of the instant `at` or of now."""
    return (await check_conditions(conn, run, definition, [condition], at=at))[0]


async def check_conditions(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    conditions: list[Condition],
    *,
    at: datetime | None = None,
) -> list[ConditionResult]:
    """Evaluate conditions of the definition for a run, in one statement, as of `at` or of now."""
    question = definition.compiled.question(conditions)
    return [
        ConditionResult(result.holds, {"saw": result.saw})
        for result in await evaluate(conn, run.id, question, at)
    ]
