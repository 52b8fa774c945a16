"""Comparisons in SQL: each operator applied to a value, true or false, never null or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import BaseModel

from journeys.model.conditions import Comparison, Where
from journeys.model.values import Operand, Reference
from store.conditions.relative_moments import compare_instant
from store.conditions.sql_values import PredicateBuilder, Test, Values
from store.conditions.verdicts import Verdict, all_of, denied
from store.sql import Sql, join, sql

Operators = dict[str, Any]
"""By the word of the document: an operand, or a list of them for `in` and `not_in`."""

_Timed = Callable[[Sql], Verdict]

_NUMBERS = {"gt": sql(">"), "gte": sql(">="), "lt": sql("<"), "lte": sql("<=")}
_TEXTS: dict[str, Callable[[Sql, Sql], Sql]] = {
    "starts_with": lambda x, y: sql("starts_with({x}, {y})", x=x, y=y),
    "ends_with": lambda x, y: sql("right({x}, length({y})) = {y}", x=x, y=y),
    "contains": lambda x, y: sql("strpos({x}, {y}) > 0", x=x, y=y),
}
_INSTANTS = ("before", "after")
_JSON_TYPES = {"number": sql("'number'"), "string": sql("'string'")}


def operators_of(comparison: Comparison | list[Operand] | Operand) -> Operators:
    """The operators of a value in `where`: a plain value means `is`, a list `in`."""
    if isinstance(comparison, Comparison):
        return dict(comparison.operators())
    return {"in": comparison} if isinstance(comparison, list) else {"is": comparison}


def compare(builder: PredicateBuilder, values: Values, operators: Operators) -> Verdict:
    """Every operator holds.

    Where a path reaches several values through lists, one value must meet all comparisons together;
    `is_not`, `not_in` and `exists: false` hold if no value meets their opposite.
    """
    positive: list[_Timed] = []
    parts: list[Verdict] = []
    for word, operand in operators.items():
        if word in ("is_not", "not_in"):
            opposite = _test(builder, "is" if word == "is_not" else "in", operand)
            parts.append(denied(Verdict(values.any(opposite))))
        elif word == "exists" and operand is False:
            parts.append(denied(Verdict(values.any(_exists))))
        else:
            positive.append(_timed_test(builder, word, operand))
    if positive:
        parts.insert(0, _one_meets(values, positive))
    return _conjunction(parts)


def compare_where(builder: PredicateBuilder, where: Where, event: Sql) -> Verdict:
    """The properties of the row `event`, an alias, meet every comparison of `where`."""
    return _properties(builder, where, sql("{event}.properties", event=event))


def expected(operators: Operators) -> Any:
    """The operators as JSON, in the words of the document."""
    return {word: _plain(operand) for word, operand in operators.items()}


def _plain(operand: Any) -> Any:
    if isinstance(operand, list):
        return [_plain(each) for each in operand]
    if isinstance(operand, dict):
        return expected(operand)
    if isinstance(operand, BaseModel):
        return operand.model_dump(by_alias=True, exclude_unset=True)
    return operand


def _conjunction(parts: list[Verdict]) -> Verdict:
    return all_of(parts) if parts else Verdict(sql("true"))


def _properties(builder: PredicateBuilder, where: Where, properties: Sql) -> Verdict:
    return _conjunction(
        [
            compare(builder, builder.reach(properties, path), operators_of(comparison))
            for path, comparison in where.items()
        ]
    )


def _one_meets(values: Values, tests: Iterable[_Timed]) -> Verdict:
    """One of the values meets all tests. The instants are those of every value."""
    met = all_of([test(values.sql) for test in tests])
    next_change = None if met.next is None else values.earliest(met.next)
    return Verdict(values.any(lambda _: met.holds), next_change)


def _exists(value: Sql) -> Sql:
    return sql("{value} is not null", value=value)


def _timed_test(builder: PredicateBuilder, word: str, operand: Any) -> _Timed:
    """The test of an operator that only a value's presence can fail by missing."""
    if word in _INSTANTS:
        zone = builder.zone()
        return lambda x: compare_instant(
            builder, word, sql("parcours.instant({x}, {zone})", x=x, zone=zone), operand
        )
    if word == "any":
        return lambda x: _one_element(builder, operand, x)
    test = _test(builder, word, operand)
    return lambda x: Verdict(test(x))


def _one_element(builder: PredicateBuilder, where: Where, listed: Sql) -> Verdict:
    """One element of the list meets every comparison."""
    alias = builder.alias()
    element = Values(sql("{alias}.value", alias=alias), (_elements(listed, alias),), many=True)
    return _one_meets(element, [lambda x: _properties(builder, where, x)])


def _elements(listed: Sql, alias: Sql) -> Sql:
    return sql(
        "jsonb_array_elements(case jsonb_typeof({listed}) when 'array' then {listed} end)"
        " as {alias}(value)",
        listed=listed,
        alias=alias,
    )


def _test(builder: PredicateBuilder, word: str, operand: Any) -> Test:
    if word == "exists":
        return _exists if operand is True else lambda _: sql("false")
    if word == "in":
        return _in_list(builder, operand) if isinstance(operand, Reference) else _one_of(
            builder, operand or []
        )  # fmt: skip
    right = builder.operand(operand)
    if word == "is":
        return lambda x: right.any(lambda y: sql("{x} = {y}", x=x, y=y))
    if word in _NUMBERS:
        return _number_test(right, _NUMBERS[word])
    text = _text_test(right, _TEXTS[word])
    return text if word != "contains" else _contains_test(right, text, builder.alias())


def _number_test(right: Values, sign: Sql) -> Test:
    return lambda x: right.any(
        lambda y: _if_both("number", x, y, sql("{x} {sign} {y}", x=x, sign=sign, y=y))
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
            "({text} or exists (select from {elements} where {holds}))",
            text=text(x),
            elements=_elements(x, element),
            holds=right.any(lambda y: sql("{element}.value = {y}", element=element, y=y)),
        )

    return test


def _in_list(builder: PredicateBuilder, reference: Reference) -> Test:
    """`in` of a reference: an element of the list there, or the value itself if it is no list."""
    right = builder.operand(reference)
    element = builder.alias()

    def test(x: Sql) -> Sql:
        return right.any(
            lambda y: sql(
                "({x} = {y} or exists (select from {elements} where {element}.value = {x}))",
                x=x,
                y=y,
                elements=_elements(y, element),
                element=element,
            )
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
