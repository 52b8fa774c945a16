"""The sequential methods: no false winners however often one looks, and real differences found.

`SIMULATED_TESTS` sets the number of experiments of each simulation.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from random import Random
from typing import Any

import numpy
import pytest
from scipy import stats
from scipy.special import betaln

from journeys.statistics.means import Sample
from journeys.statistics.proportions import Proportion, z_test
from journeys.statistics.sequential_counts import (
    compare_counts,
    contacts_needed,
    counts_p_value,
    ratio_interval,
)
from journeys.statistics.sequential_means import (
    compare_means,
    contacts_needed_for_means,
    means_p_value,
)
from journeys.statistics.verdicts import ArmResult, Rule, winner_of

TESTS = int(os.environ.get("SIMULATED_TESTS", "1000"))
DAYS = 30
LEVEL = 0.05


def most_false(level: float = LEVEL, tests: int = TESTS) -> int:
    """The most that are seen with 99.9 % where each of the tests is false with the level."""
    return int(stats.binom.ppf(0.999, tests, level))


Days = list[tuple[list[int], list[int]]]
"""Contacts of each arm, and those of them with a result, up to the end of each day."""


def experiments(seed: int, tests: int, rates: list[float], weights: list[float]) -> list[Days]:
    """Experiments with 60 contacts a day. Half of the results are late by up to a week.

    Arms are drawn by weight for each contact alone, as by their hashes.
    """
    random = numpy.random.default_rng(seed)
    shares = numpy.array(weights) / sum(weights)
    contacts = random.multinomial(60, shares, size=(tests, DAYS))
    results = random.binomial(contacts, rates)
    late = random.binomial(results, 0.5)
    seen = results - late
    for lateness, part in enumerate(numpy.moveaxis(random.multinomial(late, [1 / 7] * 7), -1, 0)):
        seen[:, lateness + 1 :] += part[:, : DAYS - lateness - 1]
    return [
        list(zip(of_test.tolist(), with_result.tolist(), strict=True))
        for of_test, with_result in zip(contacts.cumsum(1), seen.cumsum(1), strict=True)
    ]


def won(days: Days, weights: list[float]) -> str | None:
    """The winner on the first day with one."""
    for contacts, results in days:
        arms = [
            ArmResult(f"arm{place}", *each)
            for place, each in enumerate(zip(weights, contacts, results, strict=True))
        ]
        if (winner := winner_of(arms, Rule(level=LEVEL))) is not None:
            return winner
    return None


def naively_won(days: Days) -> bool:
    """Whether a z-test that is made for one look is below the level on any day."""
    return any(
        z_test(Proportion(results[0], contacts[0]), Proportion(results[1], contacts[1])) < LEVEL
        for contacts, results in days
    )


def test_a_a_tests_that_are_looked_at_daily_are_won_no_more_often_than_the_level() -> None:
    tests = experiments(11, TESTS, [0.2, 0.2], [1, 1])
    false = sum(won(days, [1, 1]) is not None for days in tests)
    assert false <= most_false(), f"{false} of {TESTS}"
    # The simulation would notice: a test for one look is false far more often.
    naive = sum(map(naively_won, tests))
    assert naive > 2 * most_false(), f"{naive} of {TESTS}"


@pytest.mark.parametrize(
    ("rates", "weights"),
    [
        ([0.02, 0.02], [9, 1]),
        ([0.6, 0.6], [1, 3]),
        ([0.1, 0.1, 0.1], [1, 1, 2]),
        # Of three arms two are equal, and better than the third: neither of them wins.
        ([0.1, 0.3, 0.3], [1, 1, 1]),
    ],
)
def test_neither_weights_nor_many_arms_make_false_winners(
    rates: list[float], weights: list[float]
) -> None:
    tests = experiments(12, TESTS, rates, weights)
    false = sum(won(days, weights) is not None for days in tests)
    assert false <= most_false(), f"{false} of {TESTS}"


def test_a_winner_is_better_indeed_and_is_found() -> None:
    tests = experiments(13, TESTS, [0.2, 0.3], [1, 1])
    winners = Counter(won(days, [1, 1]) for days in tests)
    assert winners["arm1"] >= TESTS * 0.8, winners
    assert winners["arm0"] <= most_false(LEVEL / 2), winners


@pytest.mark.parametrize(("base", "detect"), [(0.2, 0.3), (0.05, 0.5), (0.5, 0.25)])
def test_the_contacts_that_are_needed_give_the_power(base: float, detect: float) -> None:
    random = numpy.random.default_rng(14)
    needed = contacts_needed(base, base * (1 + detect), 0.5, LEVEL, 0.8)
    assert needed is not None
    contacts = random.binomial(needed, 0.5, TESTS)
    first = random.binomial(contacts, base).tolist()
    second = random.binomial(needed - contacts, base * (1 + detect)).tolist()
    found = sum(
        counts_p_value(*each, 0.5) <= LEVEL for each in zip(first, second, strict=True)
    )  # fmt: skip
    assert found / TESTS == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / TESTS))
    assert contacts_needed(base, base, 0.5, LEVEL, 0.8) is None
    assert contacts_needed(0, 0, 0.5, LEVEL, 0.8) is None


def test_the_confidence_sequence_holds_the_ratio_on_all_days_together() -> None:
    tests = experiments(15, TESTS // 4, [0.1, 0.15], [2, 1])
    missed = sum(
        not all(
            ratio_interval(first, second, 1 / 3, LEVEL).holds(1.5) for _, (first, second) in days
        )
        for days in tests
    )
    assert missed <= most_false(tests=len(tests)), f"{missed} of {len(tests)}"


def test_evidence_is_the_mixture_of_beta_binomial_ratios_of_scipy() -> None:
    random = Random(16)
    for _ in range(TESTS):
        size = random.randint(1, 20_000)
        share = random.uniform(0.01, 0.99)
        second = min(size, max(0, round(size * random.gauss(share, 1 / math.sqrt(size)))))
        evidence = sum(
            weight
            * math.exp(
                betaln(scale * share + second, scale * (1 - share) + size - second)
                - betaln(scale * share, scale * (1 - share))
                - second * math.log(share)
                - (size - second) * math.log1p(-share)
            )
            for scale, weight in ((60, 0.8), (4, 0.1), (1_000, 0.1))
        )
        found = compare_counts(size - second, second, share, LEVEL)
        assert found.p_value == pytest.approx(min(1.0, 1 / evidence), rel=1e-6)


def test_the_interval_ends_where_the_p_value_is_the_level() -> None:
    """At the end of the interval of a level, the evidence against the ratio 1 is 1 / level."""
    random = Random(20)
    for _ in range(TESTS // 10):
        first, second, share = random.randint(1, 900), random.randint(1, 900), random.random()
        p_value = counts_p_value(first, second, share)
        if 1e-300 < p_value < 1:
            interval = ratio_interval(first, second, share, p_value)
            ends = (interval.low, interval.high)
            assert min(abs(end - 1) for end in ends) == pytest.approx(0, abs=1e-6)


def test_without_results_nothing_is_known() -> None:
    found = compare_counts(0, 0, 0.5, LEVEL)
    assert found.p_value == pytest.approx(1)
    assert (found.interval.low, found.interval.high) == (0.0, math.inf)
    only = compare_counts(0, 40, 0.5, LEVEL)
    assert only.p_value < 1e-6
    assert only.interval.low > 2
    assert only.interval.high == math.inf


ValueDays = list[tuple[Sample, Sample, int]]
"""The values of both arms, and how many contacts have one, up to the end of each day."""


def value_days(seed: int, tests: int, lift: float) -> list[ValueDays]:
    """Days of 60 contacts, of whom a fifth buy: most for little, a few for very much."""
    random = numpy.random.default_rng(seed)
    shape = (tests, DAYS, 60)
    bought = random.lognormal(3, 1, shape) * (random.random(shape) < 0.2)
    second = random.random(shape) < 0.5
    bought = numpy.where(second, bought * lift, bought)

    def samples(chosen: Any) -> list[list[Sample]]:
        parts = (chosen, bought * chosen, bought * bought * chosen)
        sums = [part.sum(-1).cumsum(1).tolist() for part in parts]
        return [
            [Sample(*each) for each in zip(*of_test, strict=True)]
            for of_test in zip(*sums, strict=True)
        ]

    values = (bought > 0).sum(-1).cumsum(1).tolist()
    return [
        list(zip(*of_test, strict=True))
        for of_test in zip(samples(~second), samples(second), values, strict=True)
    ]


def test_values_of_equal_arms_are_distinguished_no_more_often_than_the_level() -> None:
    false = sum(
        any((means_p_value(*day) or 1.0) <= LEVEL for day in days)
        for days in value_days(17, TESTS, 1.0)
    )
    assert false <= most_false(), f"{false} of {TESTS}"


def test_values_that_differ_are_distinguished() -> None:
    tests = value_days(18, TESTS // 10, 3.0)
    right = 0
    for days in tests:
        found = compare_means(*days[-1], LEVEL)
        right += found is not None and found.p_value <= LEVEL and found.interval.low > 0
    assert right >= len(tests) * 0.9, f"{right} of {len(tests)}"


def test_few_values_are_not_compared() -> None:
    first, second = Sample(60, 60, 90), Sample(60, 90, 200)
    assert compare_means(first, second, 99, LEVEL) is None
    assert compare_means(first, second, 100, LEVEL) is not None


def test_the_contacts_that_are_needed_for_means_give_the_power() -> None:
    random = Random(19)
    needed = contacts_needed_for_means(0.2, 1.0, 0.5, LEVEL, 0.8)
    assert needed is not None
    found = 0
    for _ in range(TESTS):
        samples = []
        for mean in (0.0, 0.2):
            size = needed // 2
            seen = random.gauss(mean, 1 / math.sqrt(size))
            samples.append(Sample(size, size * seen, (size - 1) + size * seen * seen))
        p_value = means_p_value(samples[0], samples[1], needed)
        found += p_value is not None and p_value <= LEVEL
    assert found / TESTS == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / TESTS))
    assert contacts_needed_for_means(0, 1.0, 0.5, LEVEL, 0.8) is None
