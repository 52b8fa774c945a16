"""Comparisons: what each operator asks of a value, two-valued and never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from journeys.model.conditions import Comparison, Where
from journeys.model.values import Operand
from store.conditions.sql_values import Statement, Values

Operators = dict[str, Any]
"""By the word of the document: an operand, or a list of them for `in` and `not_in`."""

_NUMBERS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TEXTS: dict[str, Callable[[str, str], str]] = {
    "starts_with": lambda x, y: f"starts_with({x}, {y})",
    "ends_with": lambda x, y: f"right({x}, length({y})) = {y}",
    "contains": lambda x, y: f"strpos({x}, {y}) > 0",
}
_INSTANTS = {"before": "<", "after": ">"}


def operators_of(asked: Comparison | list[Operand] | Operand) -> Operators:
    """What a value in `where` asks: a plain value means `is`, a list `in`."""
    if isinstance(asked, Comparison):
        return dict(asked.operators())
    return {"in": asked} if isinstance(asked, list) else {"is": asked}


def compare(statement: Statement, values: Values, operators: Operators) -> str:
    """A boolean expression: every operator holds.

    Of several values that a path reaches through lists, one must meet all comparisons together;
    `is_not`, `not_in` and `exists: false` say that none is so.
    """
    wanted: list[Callable[[str], str]] = []
    parts: list[str] = []
    for word, operand in operators.items():
        if word in ("is_not", "not_in"):
            denied = _test(statement, "is" if word == "is_not" else "in", operand)
            parts.append(f"not {values.any(denied)}")
        elif word == "exists" and operand is False:
            parts.append(f"not {values.any(_test(statement, 'exists', True))}")
        else:
            wanted.append(_test(statement, word, operand))
    if wanted:
        parts.insert(0, values.any(lambda x: " and ".join(test(x) for test in wanted)))
    return _joined(parts)


def compare_where(statement: Statement, where: Where, event: str) -> str:
    """A boolean expression over the row `event`: its properties are as `where` asks."""
    return _joined(
        [
            compare(statement, statement.reach(f"{event}.properties", path), operators_of(asked))
            for path, asked in where.items()
        ]
    )


def expected(operators: Operators) -> Any:
    """The operators as JSON, in the words of the document."""
    return {word: _plain(operand) for word, operand in operators.items()}


def _plain(operand: Any) -> Any:
    if isinstance(operand, list):
        return [_plain(each) for each in operand]
    return operand.model_dump(by_alias=True) if isinstance(operand, BaseModel) else operand


def _joined(parts: list[str]) -> str:
    return f"({' and '.join(parts)})" if parts else "true"


def _test(statement: Statement, word: str, operand: Any) -> Callable[[str], str]:
    if word == "exists":
        return lambda x: f"{x} is not null" if operand is True else "false"
    if word == "in":
        return _one_of(statement, operand or [])
    right = statement.operand(operand)
    if word == "is":
        return lambda x: right.any(lambda y: f"{x} = {y}")
    if word in _NUMBERS:
        return lambda x: right.any(lambda y: _both("number", x, y, f"{x} {_NUMBERS[word]} {y}"))
    if word in _INSTANTS:
        zone = statement.zone()
        return lambda x: right.any(
            lambda y: (
                f"parcours.instant({x}, {zone}) {_INSTANTS[word]} parcours.instant({y}, {zone})"
            )
        )
    compared = _TEXTS[word]

    def text(x: str) -> str:
        return right.any(
            lambda y: _both("string", x, y, compared(f"({x} #>> '{{}}')", f"({y} #>> '{{}}')"))
        )

    if word != "contains":
        return text
    element = statement.alias()

    def contains(x: str) -> str:
        listed = f"jsonb_array_elements(case jsonb_typeof({x}) when 'array' then {x} end)"
        holds = right.any(lambda y: f"{element}.value = {y}")
        return f"({text(x)} or exists (select from {listed} as {element} where {holds}))"

    return contains


def _one_of(statement: Statement, operands: list[Operand]) -> Callable[[str], str]:
    plain = [operand for operand in operands if not isinstance(operand, BaseModel)]
    others = [operand for operand in operands if isinstance(operand, BaseModel)]
    tests = [_test(statement, "is", operand) for operand in others]
    array = statement.literals(plain)

    def test(x: str) -> str:
        return "(" + " or ".join([f"{x} = any({array})", *(each(x) for each in tests)]) + ")"

    return test


def _both(kind: str, x: str, y: str, then: str) -> str:
    # Not `and`, whose parts PostgreSQL may evaluate in any order.
    return (
        f"case when jsonb_typeof({x}) = '{kind}' and jsonb_typeof({y}) = '{kind}'"
        f" then {then} else false end"
    )
