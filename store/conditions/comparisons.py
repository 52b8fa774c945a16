"""Comparisons in SQL: each operator applied to a value, true or false, never null or an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel

from journeys.model.conditions import Comparison, Where
from journeys.model.values import Operand
from store.conditions.sql_values import PredicateBuilder, Test, Values
from store.sql import Sql, join, sql

Operators = dict[str, Any]
"""By the word of the document: an operand, or a list of them for `in` and `not_in`."""

_NUMBERS = {"gt": sql(">"), "gte": sql(">="), "lt": sql("<"), "lte": sql("<=")}
_TEXTS: dict[str, Callable[[Sql, Sql], Sql]] = {
    "starts_with": lambda x, y: sql("starts_with({x}, {y})", x=x, y=y),
    "ends_with": lambda x, y: sql("right({x}, length({y})) = {y}", x=x, y=y),
    "contains": lambda x, y: sql("strpos({x}, {y}) > 0", x=x, y=y),
}
_INSTANTS = {"before": sql("<"), "after": sql(">")}
_JSON_TYPES = {"number": sql("'number'"), "string": sql("'string'")}


def operators_of(comparison: Comparison | list[Operand] | Operand) -> Operators:
    """The operators of a value in `where`: a plain value means `is`, a list `in`."""
    if isinstance(comparison, Comparison):
        return dict(comparison.operators())
    return {"in": comparison} if isinstance(comparison, list) else {"is": comparison}


def compare(builder: PredicateBuilder, values: Values, operators: Operators) -> Sql:
    """A boolean expression: every operator holds.

    Where a path reaches several values through lists, one value must meet all comparisons together;
    `is_not`, `not_in` and `exists: false` hold if no value meets their opposite.
    """
    positive: list[Test] = []
    parts: list[Sql] = []
    for word, operand in operators.items():
        if word in ("is_not", "not_in"):
            denied = _test(builder, "is" if word == "is_not" else "in", operand)
            parts.append(sql("not {denied}", denied=values.any(denied)))
        elif word == "exists" and operand is False:
            exists = values.any(_test(builder, "exists", True))
            parts.append(sql("not {exists}", exists=exists))
        else:
            positive.append(_test(builder, word, operand))
    if positive:
        parts.insert(0, values.any(lambda x: join(" and ", [test(x) for test in positive])))
    return _conjunction(parts)


def compare_where(builder: PredicateBuilder, where: Where, event: Sql) -> Sql:
    """A boolean expression over the row `event`: its properties meet every comparison of `where`.

    `event` is the row's alias.
    """
    properties = sql("{event}.properties", event=event)
    return _conjunction(
        [
            compare(builder, builder.reach(properties, path), operators_of(comparison))
            for path, comparison in where.items()
        ]
    )


def expected(operators: Operators) -> Any:
    """The operators as JSON, in the words of the document."""
    return {word: _plain(operand) for word, operand in operators.items()}


def _plain(operand: Any) -> Any:
    if isinstance(operand, list):
        return [_plain(each) for each in operand]
    return operand.model_dump(by_alias=True) if isinstance(operand, BaseModel) else operand


def _conjunction(parts: list[Sql]) -> Sql:
    return sql("({parts})", parts=join(" and ", parts)) if parts else sql("true")


def _test(builder: PredicateBuilder, word: str, operand: Any) -> Test:
    if word == "exists":
        return lambda x: sql("{x} is not null", x=x) if operand is True else sql("false")
    if word == "in":
        return _one_of(builder, operand or [])
    right = builder.operand(operand)
    if word == "is":
        return lambda x: right.any(lambda y: sql("{x} = {y}", x=x, y=y))
    if word in _NUMBERS:
        return _number_test(right, _NUMBERS[word])
    if word in _INSTANTS:
        return _instant_test(right, _INSTANTS[word], builder.zone())
    text = _text_test(right, _TEXTS[word])
    return text if word != "contains" else _contains_test(right, text, builder.alias())


def _number_test(right: Values, sign: Sql) -> Test:
    return lambda x: right.any(
        lambda y: _if_both("number", x, y, sql("{x} {sign} {y}", x=x, sign=sign, y=y))
    )


def _instant_test(right: Values, sign: Sql, zone: Sql) -> Test:
    return lambda x: right.any(
        lambda y: sql(
            "parcours.instant({x}, {zone}) {sign} parcours.instant({y}, {zone})",
            x=x,
            y=y,
            sign=sign,
            zone=zone,
        )
    )


def _text_test(right: Values, compared: Callable[[Sql, Sql], Sql]) -> Test:
    def test(x: Sql) -> Sql:
        text = sql("({x} #>> '{}')", x=x)
        return right.any(
            lambda y: _if_both("string", x, y, compared(text, sql("({y} #>> '{}')", y=y)))
        )

    return test


def _contains_test(right: Values, text: Test, element: Sql) -> Test:
    """`contains`: a part of a text, or an element of a list."""

    def test(x: Sql) -> Sql:
        return sql(
            "({text} or exists (select from"
            " jsonb_array_elements(case jsonb_typeof({x}) when 'array' then {x} end)"
            " as {element} where {holds}))",
            text=text(x),
            x=x,
            element=element,
            holds=right.any(lambda y: sql("{element}.value = {y}", element=element, y=y)),
        )

    return test


def _one_of(builder: PredicateBuilder, operands: list[Operand]) -> Test:
    plain = [operand for operand in operands if not isinstance(operand, BaseModel)]
    references = [operand for operand in operands if isinstance(operand, BaseModel)]
    tests = [_test(builder, "is", operand) for operand in references]
    array = builder.literals(plain)

    def test(x: Sql) -> Sql:
        in_array = sql("{x} = any({array})", x=x, array=array)
        alternatives = [in_array, *(each(x) for each in tests)]
        return sql("({alternatives})", alternatives=join(" or ", alternatives))

    return test


def _if_both(kind: Literal["number", "string"], x: Sql, y: Sql, then: Sql) -> Sql:
    # Not `and`, whose parts PostgreSQL may evaluate in any order.
    return sql(
        "case when jsonb_typeof({x}) = {kind} and jsonb_typeof({y}) = {kind}"
        " then {then} else false end",
        x=x,
        y=y,
        kind=_JSON_TYPES[kind],
        then=then,
    )
