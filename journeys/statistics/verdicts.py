"""The verdict on an experiment: its arms compared, and a winner if one is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from journeys.statistics.corrections import holm
from journeys.statistics.means import MeanDifference, Sample, welch
from journeys.statistics.proportions import Proportion, ProportionDifference, compare
from journeys.statistics.sample_ratio import MISMATCH_LEVEL, ratio_p_value
from journeys.statistics.sample_sizes import contacts_per_arm
from journeys.statistics.sequential_counts import (
    SequentialComparison,
    compare_counts,
    contacts_needed,
    counts_p_value,
)
from journeys.statistics.sequential_means import (
    compare_means,
    contacts_needed_for_means,
    difference_of_means,
    means_p_value,
)

Verdict = Literal[
    "not_comparable", "sample_ratio_mismatch", "too_early", "no_difference_yet", "winner"
]
POWER: Final = 0.8
"""The probability with which a difference of the size that is asked for shows in time."""
LEVEL: Final = 0.05
DETECT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Rule:
    """How arms are compared."""

    higher_is_better: bool = True
    level: float = LEVEL
    """The probability of a winner where arms do not differ, at most."""
    detect: float = DETECT
    """The relative difference from the control that is to be found, such as 0.1 for 10 %."""


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What the contacts of an arm came to."""

    name: str
    weight: float
    contacts: int
    results: int
    """Contacts with a result."""
    values: Sample | None = None
    """Of a metric of values: those of all contacts of the arm. None compares the share of contacts
    with a result."""

    @property
    def share(self) -> Proportion:
        """The share of contacts with a result."""
        return Proportion(self.results, self.contacts)

    @property
    def mean(self) -> float | None:
        """What is compared: the share, or the mean of values. None of no contact."""
        return self.share.rate if self.values is None else self.values.mean


@dataclass(frozen=True, slots=True)
class ArmComparison:
    """An arm compared with the control."""

    arm: str
    control: str
    base: float | None
    """The control's share or mean, and that of the arm."""
    mean: float | None
    fixed: ProportionDifference | MeanDifference | None
    """As seen once, at a fixed horizon: it holds for one look that was planned."""
    fixed_corrected: float | None
    """Its p-value, corrected by Holm for all arms that are compared with the control."""
    sequential: SequentialComparison | None
    """At any time. Its interval holds for all pairs of arms together."""
    corrected: float | None
    """Its p-value, corrected by Holm for all pairs of arms."""
    shown: Literal["better", "worse"] | None
    """What the sequential method shows at the level, corrected for all pairs."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How many contacts it takes to find the difference that is asked for."""

    base: float
    """The control's share or mean, from which it is worked out."""
    contacts: int
    """Of all arms together, for the sequential method."""
    fixed_per_arm: int | None
    """Of each arm, for one look at a fixed horizon. None of means."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be said of an experiment now."""

    verdict: Verdict
    winner: str | None
    contacts: int
    """Of all arms together."""
    needed: SampleSize | None
    """None if it cannot be worked out: the control has no result yet."""
    comparisons: list[ArmComparison]
    ratio_p_value: float | None

    @property
    def more_contacts(self) -> int | None:
        """How many more contacts it takes; None if that cannot be worked out."""
        return None if self.needed is None else max(0, self.needed.contacts - self.contacts)


def judge(arms: Sequence[ArmResult], control: str, rule: Rule) -> Judgement:
    """The verdict on arms, of which one is the control.

    The winner is the arm that the sequential method shows to be better than every other one: all
    pairs of arms are compared, and corrected together. It is withheld while contacts are not in the
    ratio of the weights, because then arms may differ by who is in them.
    """
    contacts = sum(arm.contacts for arm in arms)
    ratio = ratio_p_value([arm.contacts for arm in arms], [arm.weight for arm in arms])
    if len(arms) < 2:
        return Judgement("not_comparable", None, contacts, None, [], ratio)
    pairs = _Pairs.of(arms, rule)
    [base] = [arm for arm in arms if arm.name == control]
    needed = _needed(arms, base, rule)
    comparisons = _comparisons(pairs, arms, base, rule)
    winner = winner_of(arms, rule)
    verdict: Verdict
    if ratio is not None and ratio < MISMATCH_LEVEL:
        verdict = "sample_ratio_mismatch"
    elif winner is not None:
        verdict = "winner"
    elif needed is None or contacts < needed.contacts:
        verdict = "too_early"
    else:
        verdict = "no_difference_yet"
    named = winner if verdict == "winner" else None
    return Judgement(verdict, named, contacts, needed, comparisons, ratio)


def winner_of(arms: Sequence[ArmResult], rule: Rule) -> str | None:
    """The arm that the sequential method shows to be better than every other one; None if none."""
    pairs = _Pairs.of(arms, rule)
    for arm in arms:
        if all(pairs.is_better(arm, other) for other in arms if other is not arm):
            return arm.name
    return None


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All pairs of arms by the sequential method, and their p-values corrected by Holm."""

    rule: Rule
    corrected: dict[frozenset[str], float]

    @classmethod
    def of(cls, arms: Sequence[ArmResult], rule: Rule) -> _Pairs:
        pairs = list(combinations(arms, 2))
        p_values = holm([_p_value(first, second) for first, second in pairs])
        names = [frozenset((first.name, second.name)) for first, second in pairs]
        return cls(rule, dict(zip(names, p_values, strict=True)))

    @property
    def level(self) -> float:
        """The level of one pair, by Bonferroni."""
        return self.rule.level / len(self.corrected)

    def p_value(self, one: ArmResult, other: ArmResult) -> float:
        return self.corrected[frozenset((one.name, other.name))]

    def is_better(self, one: ArmResult, other: ArmResult) -> bool:
        """Whether it is shown."""
        if self.p_value(one, other) > self.rule.level:
            return False
        return _is_higher(one, other) is self.rule.higher_is_better


def _share(first: ArmResult, second: ArmResult) -> float:
    """The second arm's weight of the weights of both."""
    return second.weight / (first.weight + second.weight)


def _p_value(first: ArmResult, second: ArmResult) -> float:
    if first.values is None or second.values is None:
        return counts_p_value(first.results, second.results, _share(first, second))
    found = means_p_value(first.values, second.values, first.results + second.results)
    return 1.0 if found is None else found


def _is_higher(one: ArmResult, other: ArmResult) -> bool:
    """Whether the first is higher in what the sequential method looks at."""
    if one.values is None or other.values is None:
        return one.results * other.weight > other.results * one.weight
    return difference_of_means(other.values, one.values) > 0


def _sequential(first: ArmResult, second: ArmResult, level: float) -> SequentialComparison | None:
    if first.values is None or second.values is None:
        return compare_counts(first.results, second.results, _share(first, second), level)
    return compare_means(first.values, second.values, first.results + second.results, level)


def _fixed(
    first: ArmResult, second: ArmResult, level: float
) -> ProportionDifference | MeanDifference | None:
    if first.values is not None and second.values is not None:
        return welch(first.values, second.values, level)
    return compare(first.share, second.share, level)


def _comparisons(
    pairs: _Pairs, arms: Sequence[ArmResult], base: ArmResult, rule: Rule
) -> list[ArmComparison]:
    others = [arm for arm in arms if arm is not base]
    fixed = [_fixed(base, arm, rule.level) for arm in others]
    corrected = iter(holm([each.p_value for each in fixed if each is not None]))
    found = []
    for arm, each in zip(others, fixed, strict=True):
        sequential = _sequential(base, arm, pairs.level)
        shown: Literal["better", "worse"] | None = None
        if pairs.is_better(arm, base):
            shown = "better"
        elif pairs.is_better(base, arm):
            shown = "worse"
        found.append(
            ArmComparison(
                arm=arm.name,
                control=base.name,
                base=base.mean,
                mean=arm.mean,
                fixed=each,
                fixed_corrected=None if each is None else next(corrected),
                sequential=sequential,
                corrected=None if sequential is None else pairs.p_value(base, arm),
                shown=shown,
            )
        )
    return found


def _needed(arms: Sequence[ArmResult], base: ArmResult, rule: Rule) -> SampleSize | None:
    """The contacts of all arms for the comparison that needs most of them."""
    mean = base.mean
    if not mean:
        return None
    whole = sum(arm.weight for arm in arms)
    pairs = len(arms) * (len(arms) - 1) // 2
    changed = mean * (1 + rule.detect if rule.higher_is_better else 1 - rule.detect)
    most = 0
    for arm in arms:
        if arm is base:
            continue
        both = arm.weight + base.weight
        share, part = arm.weight / both, rule.level / pairs
        if base.values is None:
            needed = contacts_needed(mean, changed, share, part, POWER)
        else:
            deviation = math.sqrt(base.values.variance or 0.0)
            needed = contacts_needed_for_means(changed - mean, deviation, share, part, POWER)
        if needed is None:
            return None
        most = max(most, math.ceil(needed * whole / both))
    fixed = None
    if base.values is None and changed <= 1:
        fixed = contacts_per_arm(mean, changed, rule.level / (len(arms) - 1), POWER)
    return SampleSize(mean, most, fixed)
