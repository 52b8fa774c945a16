"""The arrival of a run at a step, and the decision made there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from activities.context import Context
from store.definitions.catalog import Definition
from store.runs.rows import RunRow


@dataclass(frozen=True)
class StepArrival:
    """A run at a visit that has no outcome yet, and the connection to decide it with."""

    conn: AsyncConnection[Any]
    context: Context
    run: RunRow
    definition: Definition
    visit: int


@dataclass(frozen=True)
class Decision:
    """The outcome of a visit, its facts, and what later steps read of it."""

    outcome: str
    facts: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
