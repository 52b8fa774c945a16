"""The verdict on an experiment in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from journeys.statistics.proportions import ProportionTest
from journeys.statistics.verdicts import POWER, ArmComparison
from journeys.time.durations import Duration
from store.reports.experiments import Experiment, ExperimentArm

TEST_WORDS: dict[ProportionTest, str] = {
    "z": "two-proportion z-test",
    "fisher": "Fisher's exact test",
}
WELCH = "Welch's t-test"
FIXED_HORIZON = (
    "fixed horizon: it holds for one look, at a number of contacts that was planned before"
)
DENOMINATOR = "contacts, each once, by the first arm that it took in these versions"


def verdict_words(experiment: Experiment) -> str:
    """What may be said now, in one or two sentences."""
    judged = experiment.judgement
    metric, detect = experiment.metric, f"{experiment.rule.detect:.0%}"
    match judged.verdict:
        case "winner":
            return f"`{judged.winner}` is the winner by {metric}: {_better(experiment)}"
        case "too_early" if judged.needed is None:
            return (
                f"it is too early: no contact of `{experiment.control}` has a result by {metric}"
                " yet, so it cannot be said how many more are needed"
            )
        case "too_early":
            return (
                f"it is too early: {judged.more_contacts:,} more contacts are needed to find a"
                f" difference of {detect} from `{experiment.control}` by {metric}"
            )
        case "no_difference_yet":
            return (
                f"no difference by {metric} is shown yet: one of {detect} or more would have been"
                f" found in {judged.contacts:,} contacts with a probability of {POWER:.0%}"
            )
        case "sample_ratio_mismatch":
            return (
                "no winner is named: the arms do not have the contacts that their weights say"
                f" (p = {judged.ratio_p_value:.2g}), so they may differ by who is in them"
            )
        case "not_comparable":
            return f"less than two arms can be compared by {metric}"
    assert_never(judged.verdict)


def _better(experiment: Experiment) -> str:
    """The winner against the control, or against the others if it is the control."""
    rate = {each.arm.name: _level(experiment, each) for each in experiment.arms}
    winner, control = experiment.judgement.winner or "", experiment.control or ""
    if winner != control:
        return f"{rate[winner]} against {rate[control]} of `{control}`"
    others = [f"{rate[each.arm]} of `{each.arm}`" for each in experiment.judgement.comparisons]
    return f"{rate[winner]} against {' and '.join(others)}"


def _level(experiment: Experiment, arm: ExperimentArm) -> str:
    if not arm.counts.contacts:
        return "nothing"
    if experiment.definition.is_mean:
        return f"{arm.counts.value / arm.counts.contacts:,.2f}"
    return f"{arm.results(experiment.metric) / arm.counts.contacts:.1%}"


def notes(experiment: Experiment) -> Iterator[str]:
    """What else a reader should know of the arms."""
    for each in experiment.arms:
        if each.not_compared == "winner_rule":
            rule = experiment.split.winner_rule or {}
            yield (
                f"`{each.arm.name}` waits {Duration.parse(rule['after']).words()} and takes the arm"
                f" with the highest share of {rule['by']}: that is a rule of the journey, and no"
                " winner that is shown"
            )
        elif each.not_compared == "no_messages":
            yield (
                f"`{each.arm.name}` is a holdout and gets no messages: it is compared by goal and"
                " value"
            )


def shown_words(comparison: ArmComparison) -> str:
    """What the sequential method shows of an arm."""
    if comparison.shown is None:
        return "no difference shown yet"
    return f"{comparison.shown} than {comparison.control}"
