"""A condition without others inside it: its expression and the value it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from store.conditions.comparisons import Operators, compare, expected
from store.conditions.sql_values import PredicateBuilder, Test, Values
from store.conditions.verdicts import Verdict
from store.sql import Sql, sql


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison, and the value that decides it."""

    label: str
    verdict: Verdict
    """Its expression is never null."""
    value: Sql
    """The value it reads: a jsonb expression."""
    expected: Any
    test: Test | None
    """The boolean expression over that value; None if the value alone does not decide."""

    @classmethod
    def of(
        cls,
        label: str,
        verdict: Verdict,
        values: Values,
        builder: PredicateBuilder,
        operators: Operators,
    ) -> Self:
        """A comparison of `values`."""

        def test(seen: Sql) -> Sql:
            return compare(builder, Values(seen), operators).holds

        # Of several values one must meet every operator. Together they would be one list.
        over_value = None if values.many else test
        return cls(label, verdict, values.all_as_one(), expected(operators), over_value)

    @classmethod
    def truth(cls, label: str, verdict: Verdict, wanted: Any = True) -> Self:
        """A condition whose value is its own answer."""
        value = sql("to_jsonb({holds})", holds=verdict.holds)
        return cls(label, verdict, value, wanted, lambda seen: sql("({seen})::boolean", seen=seen))
