"""Formulas of statistics, compared with SciPy and with examples that were published.

`STATISTICS_CASES` sets the number of random cases of each comparison.
"""

from __future__ import annotations

import math
import os
from random import Random

import pytest
from scipy import stats

from journeys.statistics.corrections import holm
from journeys.statistics.distributions import (
    chi_square_tail,
    normal_quantile,
    student_quantile,
    student_two_sided,
)
from journeys.statistics.means import Sample, mean_interval, welch
from journeys.statistics.proportions import Proportion, compare, fisher_test, newcombe, wilson
from journeys.statistics.sample_ratio import ratio_p_value
from journeys.statistics.sample_sizes import contacts_per_arm

CASES = int(os.environ.get("STATISTICS_CASES", "1000"))
CLOSE = 1e-9


def random_share(random: Random, largest: int = 100_000) -> Proportion:
    """A share of a few contacts or of many, also one of none or of all of them."""
    total = int(math.exp(random.uniform(0, math.log(largest))))
    rate = random.choice((0.0, 1.0, random.random(), random.random() ** 4))
    return Proportion(sum(random.random() < rate for _ in range(min(total, 200))), total)


def test_wilson_intervals_are_those_of_scipy() -> None:
    random = Random(1)
    for _ in range(CASES):
        share, level = random_share(random), random.choice((0.01, 0.05, 0.1, random.random()))
        interval = wilson(share, level)
        expected = stats.binomtest(share.count, share.total).proportion_ci(1 - level, "wilson")
        assert interval.low == pytest.approx(expected.low, abs=CLOSE)
        assert interval.high == pytest.approx(expected.high, abs=CLOSE)


def test_differences_are_hybrids_of_the_intervals_of_scipy() -> None:
    random = Random(2)
    for _ in range(CASES):
        first, second = random_share(random), random_share(random)
        level = random.choice((0.01, 0.05, 0.1, random.random()))
        (rate_1, low_1, high_1), (rate_2, low_2, high_2) = (
            (each.count / each.total, *stats.binomtest(each.count, each.total)
             .proportion_ci(1 - level, "wilson"))
            for each in (first, second)
        )  # fmt: skip
        interval = newcombe(first, second, level)
        # Newcombe's equations, written out.
        delta = math.sqrt((rate_2 - low_2) ** 2 + (high_1 - rate_1) ** 2)
        epsilon = math.sqrt((high_2 - rate_2) ** 2 + (rate_1 - low_1) ** 2)
        assert interval.low == pytest.approx(rate_2 - rate_1 - delta, abs=CLOSE)
        assert interval.high == pytest.approx(rate_2 - rate_1 + epsilon, abs=CLOSE)


# Newcombe (1998), table II, method 10: the difference of the first and the second share.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
        ((0, 10), (0, 10), -0.2775, 0.2775),
    ],
)
def test_differences_are_those_that_were_published(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    interval = newcombe(Proportion(*second), Proportion(*first), 0.05)
    assert interval.low == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high, abs=6e-5)


def test_p_values_of_shares_are_those_of_scipy() -> None:
    random = Random(3)
    tests = set()
    for _ in range(CASES):
        first, second = random_share(random), random_share(random)
        found = compare(first, second, 0.05)
        assert found is not None
        tests.add(found.test)
        table = [[each.count, each.total - each.count] for each in (first, second)]
        if found.test == "fisher":
            expected = stats.fisher_exact(table).pvalue
        else:
            # The square of the z-statistic is Pearson's chi-square of the table.
            assert stats.contingency.expected_freq(table).min() >= 5
            expected = stats.chi2_contingency(table, correction=False).pvalue
        assert found.p_value == pytest.approx(expected, rel=1e-6, abs=1e-12)
        assert found.difference == pytest.approx(second.count / second.total
                                                 - first.count / first.total)  # fmt: skip
    assert tests == {"z", "fisher"}


def test_fisher_of_the_lady_who_tasted_tea_is_as_published() -> None:
    # Fisher, “The design of experiments” (1935): 3 of 4 cups of each kind.
    assert fisher_test(Proportion(3, 4), Proportion(1, 4)) == pytest.approx(34 / 70)


def random_values(random: Random) -> list[float]:
    size = random.choice((2, 3, 10, 200))
    return [
        0.0 if random.random() < 0.3 else random.lognormvariate(random.uniform(0, 2), 1)
        for _ in range(size)
    ]


def sample_of(values: list[float]) -> Sample:
    return Sample(len(values), math.fsum(values), math.fsum(value * value for value in values))


def test_differences_of_means_are_those_of_welch_in_scipy() -> None:
    random = Random(4)
    compared = 0
    for _ in range(CASES):
        first, second = random_values(random), random_values(random)
        level = random.choice((0.01, 0.05, 0.1))
        found = welch(sample_of(first), sample_of(second), level)
        if len(set(first)) == 1 and len(set(second)) == 1:
            assert found is None
            continue
        expected = stats.ttest_ind(second, first, equal_var=False)
        bounds = expected.confidence_interval(1 - level)
        assert found is not None
        scale = max(map(abs, bounds))
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
        assert found.freedom == pytest.approx(expected.df, rel=1e-6)
        assert found.interval.low == pytest.approx(bounds.low, rel=1e-6, abs=scale * 1e-6)
        assert found.interval.high == pytest.approx(bounds.high, rel=1e-6, abs=scale * 1e-6)
        compared += 1
    assert compared > CASES * 0.9


def test_intervals_of_means_are_those_of_scipy() -> None:
    random = Random(5)
    for _ in range(CASES):
        values, level = random_values(random), random.choice((0.01, 0.05, 0.1))
        found = mean_interval(sample_of(values), level)
        assert found is not None
        if len(set(values)) > 1:
            expected = stats.ttest_1samp(values, 0).confidence_interval(1 - level)
            scale = max(map(abs, expected))
            assert found.low == pytest.approx(expected.low, rel=1e-6, abs=scale * 1e-6)
            assert found.high == pytest.approx(expected.high, rel=1e-6, abs=scale * 1e-6)


def test_sample_ratios_are_those_of_scipy() -> None:
    random = Random(6)
    for _ in range(CASES):
        arms = random.randint(2, 6)
        weights = [random.uniform(0.1, 10) for _ in range(arms)]
        counts = [
            round(1_000 * weight * random.uniform(0.9, 1.1) * random.choice((0.01, 1)))
            for weight in weights
        ]
        total = sum(counts)
        expected = stats.chisquare(
            counts, [total * weight / math.fsum(weights) for weight in weights], sum_check=False
        ).pvalue
        assert ratio_p_value(counts, weights) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_distributions_are_those_of_scipy_in_their_tails_as_well() -> None:
    random = Random(7)
    for _ in range(CASES):
        freedom = math.exp(random.uniform(0, math.log(1e6)))
        t = random.uniform(0, 12)
        assert student_two_sided(t, freedom) == pytest.approx(
            2 * stats.t.sf(t, freedom), rel=1e-7, abs=1e-14
        )
        probability = random.uniform(0.5, 0.9999)
        assert student_quantile(probability, freedom) == pytest.approx(
            stats.t.ppf(probability, freedom), rel=1e-6, abs=1e-7
        )
        whole = random.randint(1, 200)
        value = whole * random.uniform(0.01, 4)
        assert chi_square_tail(value, whole) == pytest.approx(
            stats.chi2.sf(value, whole), rel=1e-7, abs=1e-14
        )
        assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability), abs=CLOSE)


def test_corrections_are_those_of_holm() -> None:
    # Worked out by hand: 4 × 0.01, 3 × 0.013, 2 × 0.03 and 0.9; none is below the one before.
    assert holm([0.03, 0.01, 0.9, 0.013]) == pytest.approx([0.06, 0.04, 0.9, 0.04])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def power_of_z(first: float, second: float, size: int, level: float) -> float:
    """The normal approximation of the z-test's power, from SciPy's distributions."""
    mean, variance = (first + second) / 2, first * (1 - first) + second * (1 - second)
    limit = stats.norm.isf(level / 2) * math.sqrt(2 * mean * (1 - mean) / size)
    spread = math.sqrt(variance / size)
    return float(
        stats.norm.sf(limit, abs(second - first), spread)
        + stats.norm.cdf(-limit, abs(second - first), spread)
    )


def test_the_number_of_contacts_gives_the_power_and_one_less_does_not() -> None:
    random = Random(8)
    for _ in range(CASES):
        first, second = random.uniform(0.001, 0.999), random.uniform(0.001, 0.999)
        level, power = random.choice((0.01, 0.05)), random.choice((0.8, 0.9))
        size = contacts_per_arm(first, second, level, power)
        assert size is not None
        assert power_of_z(first, second, size, level) >= power - 1e-9
        if size > 3:
            # The formula leaves out the rejections on the wrong side.
            assert power_of_z(first, second, size - 1, level) < power + level / 2
    assert contacts_per_arm(0.2, 0.2, 0.05, 0.8) is None


def test_nothing_is_said_of_no_contacts() -> None:
    nothing, one = Proportion(0, 0), Proportion(1, 1)
    assert nothing.rate is None
    assert (wilson(nothing, 0.05).low, wilson(nothing, 0.05).high) == (0, 1)
    assert compare(nothing, one, 0.05) is None
    assert welch(sample_of([1.0]), sample_of([1.0, 2.0]), 0.05) is None
    assert ratio_p_value([0, 0], [1, 1]) is None
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        Proportion(3, 2)
