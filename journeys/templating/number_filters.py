"""Filters on numbers. Two whole numbers give a whole number; others are computed in decimals."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, Overflow

from journeys.templating.failures import TemplateLimit, Unfit

Number = int | float


def plus(value: Number, other: Number) -> Number:
    """The sum."""
    return _decimal(value, other, lambda one, two: one + two)


def minus(value: Number, other: Number) -> Number:
    """The difference."""
    return _decimal(value, other, lambda one, two: one - two)


def times(value: Number, other: Number) -> Number:
    """The product."""
    return _decimal(value, other, lambda one, two: one * two)


def divided_by(value: Number, other: Number) -> Number:
    """The quotient, without its fraction if both are whole numbers."""
    _not_zero(other)
    if isinstance(value, int) and isinstance(other, int):
        return value // other
    return _finite(float(value) / float(other))


def modulo(value: Number, other: Number) -> Number:
    """The rest of a division."""
    _not_zero(other)
    return _decimal(value, other, lambda one, two: one % two)


def round_(value: Number, digits: int = 0) -> Number:
    """The number rounded to that many digits after the point."""
    if isinstance(value, int):
        return value
    return round(value, min(digits, 100)) if digits > 0 else round(value)


def ceil(value: Number) -> Number:
    """The next greater whole number."""
    return math.ceil(value)


def floor(value: Number) -> Number:
    """The next smaller whole number."""
    return math.floor(value)


def absolute(value: Number) -> Number:
    """The number without its sign."""
    return abs(value)


def at_most(value: Number, other: Number) -> Number:
    """The smaller number."""
    return min(value, other)


def at_least(value: Number, other: Number) -> Number:
    """The greater number."""
    return max(value, other)


def _not_zero(other: Number) -> None:
    if not other:
        raise Unfit("can't be divided by 0")


def _decimal(one: Number, other: Number, compute: Callable[..., int | Decimal]) -> Number:
    if isinstance(one, int) and isinstance(other, int):
        return int(compute(one, other))
    try:
        return _finite(float(compute(Decimal(str(one)), Decimal(str(other)))))
    except (InvalidOperation, Overflow):
        raise TemplateLimit from None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise TemplateLimit
    return number
