"""A condition without others inside it: what it asks, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from store.conditions.comparisons import Operators, compare, expected
from store.conditions.sql_values import Statement, Values


@dataclass(frozen=True, slots=True)
class Leaf:
    """One question, and the value that answers it."""

    label: str
    sql: str
    """A boolean expression, never null."""
    value: str
    """What it looks at: a jsonb expression."""
    expected: Any
    test: Callable[[str], str] | None
    """The boolean expression over that value; None if the value alone does not tell."""

    @classmethod
    def of(
        cls, label: str, sql: str, values: Values, statement: Statement, operators: Operators
    ) -> Self:
        """A comparison of `values`."""

        def test(seen: str) -> str:
            return compare(statement, Values(seen), operators)

        # Of several values one must meet everything: a list of them would be a value of its own.
        told = None if values.many else test
        return cls(label, sql, values.all_as_one(), expected(operators), told)

    @classmethod
    def truth(cls, label: str, sql: str, wanted: Any = True) -> Self:
        """A question whose value is its answer."""
        return cls(label, sql, f"to_jsonb({sql})", wanted, lambda seen: f"({seen})::boolean")
