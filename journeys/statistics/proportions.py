"""Shares of contacts: their intervals, and the difference of two of them at a fixed horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from journeys.statistics.distributions import (
    log_hypergeometric,
    normal_quantile,
    normal_two_sided,
)
from journeys.statistics.intervals import Interval

ProportionTest = Literal["z", "fisher"]
"""The two-proportion z-test with the pooled share, or Fisher's exact test."""
_LEAST_EXPECTED: Final = 5
"""Where a cell of the table is expected to be smaller, the exact test is taken (Cochran, 1954)."""
_AS_LIKELY: Final = 1e-7
"""Relative difference of probabilities that are taken as equal: they are sums of rounded terms."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total`."""

    count: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.total:
            raise ValueError(f"{self.count} of {self.total} is no share")

    @property
    def rate(self) -> float | None:
        """The share; None of nothing."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class ProportionDifference:
    """How much larger the second of two shares is, as seen once, at a fixed horizon."""

    difference: float
    interval: Interval
    p_value: float
    """Two-sided, of the hypothesis that both are shares of the same probability."""
    test: ProportionTest


def wilson(share: Proportion, level: float) -> Interval:
    """The score interval of a probability, of which a share was seen; `level` is 0.05 for 95 %.

    Source: Wilson, “Probable inference, the law of succession, and statistical inference”, Journal
    of the American Statistical Association 22 (1927), 209–212.
    """
    if not share.total:
        return Interval(0.0, 1.0)
    z = normal_quantile(1 - level / 2)
    n, rate = share.total, share.count / share.total
    middle = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At both ends the bound is exact; rounding would leave it beside.
    low = 0.0 if share.count == 0 else max(0.0, (middle - half) / scale)
    high = 1.0 if share.count == share.total else min(1.0, (middle + half) / scale)
    return Interval(low, high)


def newcombe(first: Proportion, second: Proportion, level: float) -> Interval:
    """The hybrid score interval of the second probability minus the first.

    Source: Newcombe, “Interval estimation for the difference between independent proportions:
    comparison of eleven methods”, Statistics in Medicine 17 (1998), 873–890, method 10.
    """
    if not first.total or not second.total:
        return Interval(-1.0, 1.0)
    rate_1, rate_2 = first.count / first.total, second.count / second.total
    wilson_1, wilson_2 = wilson(first, level), wilson(second, level)
    difference = rate_2 - rate_1
    return Interval(
        difference - math.hypot(rate_2 - wilson_2.low, wilson_1.high - rate_1),
        difference + math.hypot(wilson_2.high - rate_2, rate_1 - wilson_1.low),
    )


def z_test(first: Proportion, second: Proportion) -> float:
    """The two-sided p-value of the two-proportion z-test with the pooled share."""
    both = first.count + second.count
    n = first.total + second.total
    if both in (0, n):
        return 1.0
    pooled = both / n
    spread = math.sqrt(pooled * (1 - pooled) * (1 / first.total + 1 / second.total))
    return normal_two_sided((second.count / second.total - first.count / first.total) / spread)


def fisher_test(first: Proportion, second: Proportion) -> float:
    """The two-sided p-value of Fisher's exact test: of all tables that are not more probable."""
    both, n = first.count + second.count, first.total + second.total
    seen = _log_table(first.count, both, n, first.total)
    likely = seen + math.log1p(_AS_LIKELY)
    smallest, largest = max(0, both - second.total), min(both, first.total)
    total = 0.0
    for count in range(smallest, largest + 1):
        log_probability = _log_table(count, both, n, first.total)
        if log_probability <= likely:
            total += math.exp(log_probability)
    return min(1.0, total)


def _log_table(count: int, both: int, n: int, draws: int) -> float:
    return log_hypergeometric(count, both, n - both, draws)


def compare(first: Proportion, second: Proportion, level: float) -> ProportionDifference | None:
    """The second share compared with the first; None if one of them is of nothing.

    The p-value is that of the z-test, and of Fisher's exact test where a cell of the table is
    expected to be below 5.
    """
    if not first.total or not second.total:
        return None
    both, n = first.count + second.count, first.total + second.total
    least = min(both, n - both) * min(first.total, second.total) / n
    exact = least < _LEAST_EXPECTED
    return ProportionDifference(
        difference=second.count / second.total - first.count / first.total,
        interval=newcombe(first, second, level),
        p_value=fisher_test(first, second) if exact else z_test(first, second),
        test="fisher" if exact else "z",
    )
