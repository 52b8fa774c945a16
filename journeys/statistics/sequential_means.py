"""A method for means that allows a look on every day: a mixture of normal likelihood ratios.

The difference of two means, in units of the spread of values, is compared with a mixture over
normal distributions around 0. It is asymptotic: the means are taken as normal, so nothing is said
before `LEAST_VALUES` contacts have a value.

Sources: Robbins, “Statistical methods related to the law of the iterated logarithm”, Annals of
Mathematical Statistics 41 (1970), 1397–1409; Johari, Koomen, Pekelis and Walsh, “Always valid
inference: continuous monitoring of A/B tests”, Operations Research 70 (2022), 1806–1821;
Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, “Time-uniform central limit theory and asymptotic
confidence sequences”, Annals of Statistics 52 (2024), 2613–2640.
"""

from __future__ import annotations

import math
from typing import Final

from journeys.statistics.distributions import bisect, normal_quantile
from journeys.statistics.intervals import Interval
from journeys.statistics.means import Sample
from journeys.statistics.sequential_counts import SequentialComparison

METHOD: Final = "normal mixture sequential test of two means, asymptotic"
SOURCE: Final = "Johari, Koomen, Pekelis and Walsh, 2022; Waudby-Smith and others, 2024"
LEAST_VALUES: Final = 100
"""Contacts of both arms that must have a value before means are compared."""

_SPREADS: Final = (0.3, 0.1, 0.03, 0.01)
"""Of the normal distributions: differences that are expected, in standard deviations of values."""
_MOST_NEEDED: Final = 10**12
_BEYOND: Final = 60
"""Standard errors: no interval is as wide, because the evidence there is beyond any level."""


def compare_means(
    first: Sample, second: Sample, values: int, level: float
) -> SequentialComparison | None:
    """The second mean compared with the first one; its interval is of their difference.

    `values`: the contacts of both with a value. None if they are fewer than `LEAST_VALUES`, or if a
    variance is unknown or both are 0.
    """
    p_value = means_p_value(first, second, values)
    if p_value is None:
        return None
    error, in_variances = _errors(first, second)
    threshold = -math.log(level)
    width = bisect(lambda z: _log_evidence(z, in_variances) < threshold, 0.0, _BEYOND)
    half = width * math.sqrt(error)
    difference = difference_of_means(first, second)
    return SequentialComparison(p_value, Interval(difference - half, difference + half))


def means_p_value(first: Sample, second: Sample, values: int) -> float | None:
    """The always-valid p-value that both means are equal; None where `compare_means` is None."""
    if values < LEAST_VALUES or first.variance is None or second.variance is None:
        return None
    error, in_variances = _errors(first, second)
    if not error:
        return None
    evidence = _log_evidence(difference_of_means(first, second) / math.sqrt(error), in_variances)
    return math.exp(-max(0.0, evidence))


def difference_of_means(first: Sample, second: Sample) -> float:
    """The second mean minus the first one, of samples that are not empty."""
    return second.total / second.size - first.total / first.size


def _errors(first: Sample, second: Sample) -> tuple[float, float]:
    """The variance of the difference of two means, and that in units of the variance of values."""
    variance_1, variance_2 = first.variance or 0.0, second.variance or 0.0
    error = variance_1 / first.size + variance_2 / second.size
    pooled = ((first.size - 1) * variance_1 + (second.size - 1) * variance_2) / (
        first.size + second.size - 2
    )
    return error, error / pooled if pooled else 0.0


def contacts_needed_for_means(
    difference: float, deviation: float, share: float, level: float, power: float
) -> int | None:
    """The contacts of both arms together after which this difference of means is detected.

    With probability `power` at least, the p-value is at most `level` at that number; it may be so
    before. `deviation` is the standard deviation of values; None if it or the difference is 0.
    """
    if not difference or not deviation:
        return None
    effect = abs(difference) / deviation
    z = normal_quantile(power)

    def too_few(size: float) -> bool:
        error = 1 / (size * share) + 1 / (size * (1 - share))
        unlucky = effect / math.sqrt(error) - z
        return unlucky <= 0 or _log_evidence(unlucky, error) < -math.log(level)

    size = 2.0
    while too_few(size):
        size *= 2
        if size > _MOST_NEEDED:
            return None
    return math.ceil(bisect(too_few, size / 2, size))


def _log_evidence(z: float, error: float) -> float:
    """The logarithm of the mixture's likelihood ratio, at `z` standard errors from 0.

    `error`: the variance of the difference, in units of the variance of values.
    """
    mixed = []
    for spread in _SPREADS:
        part = error / (error + spread * spread)
        mixed.append(0.5 * math.log(part) + 0.5 * z * z * (1 - part))
    largest = max(mixed)
    return largest + math.log(sum(math.exp(each - largest) for each in mixed) / len(mixed))
