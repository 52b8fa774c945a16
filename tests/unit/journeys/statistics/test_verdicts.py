"""Verdicts on experiments: when a winner is said, and when it is too early."""

from __future__ import annotations

import pytest

from journeys.statistics.means import Sample
from journeys.statistics.verdicts import ArmResult, Judgement, Rule, judge


def arm(name: str, contacts: int, results: int, weight: float = 1) -> ArmResult:
    return ArmResult(name, weight, contacts, results)


def judged(*arms: ArmResult, control: str = "a", rule: Rule | None = None) -> Judgement:
    return judge(arms, control, rule or Rule())


def test_a_few_contacts_are_too_early_with_the_number_that_is_missing() -> None:
    found = judged(arm("a", 50, 10), arm("b", 50, 12))
    assert found.verdict == "too_early"
    assert found.winner is None
    assert found.needed is not None
    assert found.needed.base == 0.2
    assert found.more_contacts == found.needed.contacts - 100
    # The fixed horizon needs fewer contacts, and allows one look.
    assert found.needed.fixed_per_arm is not None
    assert 2 * found.needed.fixed_per_arm < found.needed.contacts


def test_without_a_result_it_is_not_known_how_many_are_missing() -> None:
    found = judged(arm("a", 500, 0), arm("b", 500, 1))
    assert (found.verdict, found.needed, found.more_contacts) == ("too_early", None, None)


def test_enough_contacts_without_a_difference_show_none_yet() -> None:
    found = judged(arm("a", 50_000, 10_000), arm("b", 50_000, 10_050))
    assert (found.verdict, found.more_contacts) == ("no_difference_yet", 0)
    assert found.comparisons[0].shown is None


def test_a_large_difference_is_a_winner_before_all_contacts_are_there() -> None:
    found = judged(arm("a", 200, 20), arm("b", 200, 80))
    assert (found.verdict, found.winner) == ("winner", "b")
    assert found.more_contacts is not None
    assert found.more_contacts > 0
    [comparison] = found.comparisons
    assert (comparison.arm, comparison.control, comparison.shown) == ("b", "a", "better")
    assert comparison.sequential is not None
    assert comparison.sequential.interval.low > 1


def test_a_winner_may_be_the_control() -> None:
    found = judged(arm("a", 200, 80), arm("b", 200, 20))
    assert (found.verdict, found.winner) == ("winner", "a")
    assert found.comparisons[0].shown == "worse"


def test_of_what_should_be_rare_the_lower_share_wins() -> None:
    found = judged(arm("a", 200, 80), arm("b", 200, 20), rule=Rule(higher_is_better=False))
    assert (found.verdict, found.winner) == ("winner", "b")
    assert found.comparisons[0].shown == "better"


def test_a_winner_is_better_than_every_other_arm() -> None:
    # Both are better than the control, and not than each other.
    found = judged(arm("a", 500, 50), arm("b", 500, 150), arm("c", 500, 155))
    assert (found.verdict, found.winner) == ("too_early", None)
    assert [each.shown for each in found.comparisons] == ["better", "better"]
    found = judged(arm("a", 500, 50), arm("b", 500, 80), arm("c", 500, 250))
    assert (found.verdict, found.winner) == ("winner", "c")


def test_comparisons_of_many_arms_are_corrected() -> None:
    two = judged(arm("a", 400, 60), arm("b", 400, 104))
    assert two.verdict == "winner"
    many = judged(arm("a", 400, 60), arm("b", 400, 104), *(arm(n, 400, 80) for n in "cdef"))
    first, other = two.comparisons[0], many.comparisons[0]
    assert first.sequential is not None
    assert other.sequential is not None
    assert first.sequential.p_value == other.sequential.p_value
    assert first.corrected == first.sequential.p_value
    # Fifteen pairs.
    assert other.corrected is not None
    assert other.corrected > 0.05
    assert other.sequential.interval.low < first.sequential.interval.low
    # Five comparisons with the control.
    assert other.fixed is not None
    assert other.fixed_corrected == pytest.approx(5 * other.fixed.p_value)


def test_contacts_out_of_ratio_withhold_a_winner() -> None:
    found = judged(arm("a", 200, 20), arm("b", 400, 160))
    assert (found.verdict, found.winner) == ("sample_ratio_mismatch", None)
    assert found.ratio_p_value is not None
    assert found.ratio_p_value < 0.001
    weighed = judged(arm("a", 200, 20, 1), arm("b", 400, 160, 2))
    assert (weighed.verdict, weighed.winner) == ("winner", "b")


def test_one_arm_is_compared_with_nothing() -> None:
    found = judged(arm("a", 200, 20))
    assert (found.verdict, found.comparisons) == ("not_comparable", [])


def test_values_are_compared_by_their_means() -> None:
    def valued(name: str, each: float) -> ArmResult:
        # Of 1,000 contacts 200 have this value.
        return ArmResult(name, 1, 1_000, 200, Sample(1_000, 200 * each, 200 * each * each))

    found = judged(valued("a", 10), valued("b", 20))
    assert (found.verdict, found.winner) == ("winner", "b")
    assert found.needed is not None
    assert found.needed.base == 2
    assert found.needed.fixed_per_arm is None
    assert judged(valued("a", 10), valued("b", 10.1)).verdict == "too_early"
