"""Tails and quantiles of the normal, Student's t, chi-square and hypergeometric distributions.

The incomplete gamma and beta functions are evaluated by the series and continued fractions of
Press, Teukolsky, Vetterling and Flannery, “Numerical Recipes”, 3rd edition (2007), sections 6.2 and
6.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_TINY: Final = 1e-300
_PRECISION: Final = 1e-15
_TERMS: Final = 100_000
_BISECTIONS: Final = 200


def normal_quantile(probability: float) -> float:
    """The value below which a standard normal variable is with this probability, in (0, 1)."""
    return _NORMAL.inv_cdf(probability)


def normal_two_sided(z: float) -> float:
    """The probability that a standard normal variable is at least as far from 0 as `z`."""
    return math.erfc(abs(z) / math.sqrt(2))


def student_two_sided(t: float, freedom: float) -> float:
    """The probability that a variable of Student's t is at least as far from 0 as `t`.

    `freedom`: the degrees of freedom, which need not be a whole number.
    """
    if math.isinf(t):
        return 0.0
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def student_quantile(probability: float, freedom: float) -> float:
    """The value below which a variable of Student's t is with this probability, in [0.5, 1)."""
    tail = 2 * (1 - probability)

    def too_low(t: float) -> bool:
        return student_two_sided(t, freedom) > tail

    high = 1.0
    while too_low(high):
        high *= 2
    return bisect(too_low, 0.0, high)


def chi_square_tail(value: float, freedom: int) -> float:
    """The probability that a chi-square variable is at least `value`."""
    return incomplete_gamma_tail(freedom / 2, value / 2) if value > 0 else 1.0


def incomplete_gamma_tail(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), of a > 0 and x > 0."""
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for step in range(1, _TERMS):
            term *= x / (a + step)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1 - front * total)
    b = x + 1 - a
    c = 1 / _TINY
    d = 1 / b
    fraction = d
    for step in range(1, _TERMS):
        factor = -step * (step - a)
        b += 2
        d = 1 / _kept_from_zero(factor * d + b)
        c = _kept_from_zero(b + factor / c)
        change = d * c
        fraction *= change
        if abs(change - 1) < _PRECISION:
            break
    return front * fraction


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I(a, b) at x in [0, 1]."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, 1 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1 / _kept_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for step in range(1, _TERMS):
        twice = 2 * step
        for factor in (
            step * (b - step) * x / ((a + twice - 1) * (a + twice)),
            -(a + step) * (a + b + step) * x / ((a + twice) * (a + twice + 1)),
        ):
            d = 1 / _kept_from_zero(1 + factor * d)
            c = _kept_from_zero(1 + factor / c)
            change = c * d
            fraction *= change
        if abs(change - 1) < _PRECISION:
            break
    return fraction


def _kept_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_hypergeometric(drawn: int, marked: int, others: int, draws: int) -> float:
    """The logarithm of the probability that `drawn` of `draws` are marked, without replacement."""
    return (
        _log_choose(marked, drawn)
        + _log_choose(others, draws - drawn)
        - _log_choose(marked + others, draws)
    )


def _log_choose(whole: int, part: int) -> float:
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)


def bisect(too_low: Callable[[float], bool], low: float, high: float) -> float:
    """The place in [low, high] where `too_low` changes from true to false."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if too_low(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2
