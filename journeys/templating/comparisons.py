"""Tests of `if`, `unless` and `case`, with the comparisons of conditions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from liquid import RenderContext
from liquid.builtin.expressions import BooleanExpression
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
)
from liquid.expression import Expression

from journeys.templating.context import Context
from journeys.templating.loops import operand
from journeys.templating.values import contains, equal, is_true, ordered

_SIGNS: Final[dict[type[Expression], Callable[[Any, Any], bool]]] = {
    LtExpression: operator.lt,
    LeExpression: operator.le,
    GtExpression: operator.gt,
    GeExpression: operator.ge,
}


class _Comparison(Expression):
    __slots__ = ("kind", "left", "right")

    def __init__(self, kind: type[Expression], left: Expression, right: Expression) -> None:
        super().__init__(left.token)
        self.kind = kind
        self.left = left
        self.right = right

    def evaluate(self, context: RenderContext) -> bool:
        assert isinstance(context, Context)
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        spend = context.budget.spend
        spend(1 + _length(left) + _length(right))
        if self.kind is EqExpression:
            return equal(left, right, spend)
        if self.kind is NeExpression:
            return not equal(left, right, spend)
        if self.kind is ContainsExpression:
            return contains(left, right, spend)
        return ordered(left, right, _SIGNS[self.kind])

    def children(self) -> list[Expression]:
        return [self.left, self.right]


class _Logical(Expression):
    """`and`, `or`, and the truth of one value."""

    __slots__ = ("both", "parts")

    def __init__(self, token: Any, parts: list[Expression], *, both: bool = True) -> None:
        super().__init__(token)
        self.parts = parts
        self.both = both

    def evaluate(self, context: RenderContext) -> bool:
        assert isinstance(context, Context)
        context.budget.spend(1)
        found = (is_true(part.evaluate(context)) for part in self.parts)
        return all(found) if self.both else any(found)

    def children(self) -> list[Expression]:
        return self.parts


class AnyOf(Expression):
    """The values of a `when`: whether one of them equals the value of the `case`."""

    __slots__ = ("left", "values")

    def __init__(self, left: Expression, values: list[Expression]) -> None:
        super().__init__(left.token)
        self.left = left
        self.values = values

    def evaluate(self, context: RenderContext) -> list[bool]:
        """One element: whether a value is equal."""
        assert isinstance(context, Context)
        left = self.left.evaluate(context)
        for value in self.values:
            right = value.evaluate(context)
            context.budget.spend(1 + _length(left) + _length(right))
            if equal(left, right, context.budget.spend):
                return [True]
        return [False]

    def children(self) -> list[Expression]:
        """The values; the left side belongs to the `case`."""
        return self.values


def condition(expression: Expression) -> Expression:
    """A condition of the parser as one of these."""
    kind = type(expression)
    if isinstance(expression, BooleanExpression):
        return _Logical(expression.token, [condition(expression.expression)])
    if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
        parts = [condition(expression.left), condition(expression.right)]
        both = isinstance(expression, LogicalAndExpression)
        return _Logical(expression.token, parts, both=both)
    assert not isinstance(expression, LogicalNotExpression)
    if kind in _SIGNS or kind in (EqExpression, NeExpression, ContainsExpression):
        return _Comparison(kind, operand(expression.left), operand(expression.right))  # type: ignore[attr-defined]
    return operand(expression)


def _length(value: object) -> int:
    return len(value) // 100 if isinstance(value, str) else 0
