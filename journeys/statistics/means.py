"""Means of values for each contact, and the difference of two of them at a fixed horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass

from journeys.statistics.distributions import student_quantile, student_two_sided
from journeys.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of contacts: how many contacts, the sum of their values, and that of the squares.

    A contact without a value counts with 0.
    """

    size: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        """The mean; None of no contact."""
        return self.total / self.size if self.size else None

    @property
    def variance(self) -> float | None:
        """The unbiased variance; None of less than two contacts."""
        if self.size < 2:
            return None
        return max(0.0, (self.squares - self.total * self.total / self.size) / (self.size - 1))


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """How much larger the second of two means is, as seen once, at a fixed horizon."""

    difference: float
    interval: Interval
    p_value: float
    """Two-sided, of the hypothesis that both means are equal."""
    freedom: float
    """The degrees of freedom of the t-test."""


def mean_interval(sample: Sample, level: float) -> Interval | None:
    """Student's interval of a mean; None if its variance is unknown."""
    if sample.variance is None:
        return None
    mean = sample.total / sample.size
    half = student_quantile(1 - level / 2, sample.size - 1) * math.sqrt(
        sample.variance / sample.size
    )
    return Interval(mean - half, mean + half)


def welch(first: Sample, second: Sample, level: float) -> MeanDifference | None:
    """The second mean compared with the first, of values with unequal variances.

    None if a variance is unknown, or if no value differs from another.

    Source: Welch, “The generalization of ‘Student's’ problem when several different population
    variances are involved”, Biometrika 34 (1947), 28–35.
    """
    if first.variance is None or second.variance is None:
        return None
    part_1, part_2 = first.variance / first.size, second.variance / second.size
    if not part_1 + part_2:
        return None
    freedom = (part_1 + part_2) ** 2 / (
        part_1**2 / (first.size - 1) + part_2**2 / (second.size - 1)
    )
    spread = math.sqrt(part_1 + part_2)
    difference = second.total / second.size - first.total / first.size
    half = student_quantile(1 - level / 2, freedom) * spread
    return MeanDifference(
        difference=difference,
        interval=Interval(difference - half, difference + half),
        p_value=student_two_sided(difference / spread, freedom),
        freedom=freedom,
    )
