"""A run that has come to a step, and what was decided there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from activities.context import Context
from store.definitions.catalog import Definition
from store.runs.rows import RunRow


@dataclass(frozen=True)
class StepArrival:
    """A run at a visit that is not decided yet, and the connection to decide it on."""

    conn: AsyncConnection[Any]
    context: Context
    run: RunRow
    definition: Definition
    visit: int


@dataclass(frozen=True)
class Decision:
    """An outcome, why, and what the step leaves for later ones."""

    outcome: str
    facts: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
