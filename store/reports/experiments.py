"""Experiments: the arms of a split by a metric, compared with a control, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import AsyncConnection

from journeys.statistics.means import Sample
from journeys.statistics.verdicts import DETECT, LEVEL, ArmResult, Judgement, Rule, judge
from store.reports.experiment_counts import (
    MANY,
    NO_CONTACTS,
    ArmCounts,
    SplitCounts,
    read_counts,
)
from store.reports.experiment_metrics import MESSAGE_METRICS, METRICS, Metric, MetricName
from store.reports.experiment_splits import Split, SplitArm, read_split, read_splits

NotCompared = Literal["winner_rule", "no_messages"]
"""Why an arm is not compared: it takes the steps of others by the journey's own rule; the metric is
about messages, and a holdout gets none."""


@dataclass(frozen=True, slots=True)
class ExperimentArm:
    """An arm with what its contacts came to."""

    arm: SplitArm
    counts: ArmCounts
    not_compared: NotCompared | None

    def results(self, metric: MetricName) -> int:
        """Its contacts with a result."""
        if metric == "goal":
            return self.counts.goals
        if metric == "value":
            return self.counts.valued
        return self.counts.messages[metric]

    @property
    def values(self) -> Sample:
        """The values of the goals of its contacts."""
        return Sample(self.counts.contacts, self.counts.value, self.counts.squares)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A split by one metric."""

    split: Split
    counts: SplitCounts
    metric: MetricName
    control: str | None
    """The arm that the others are compared with; None if none is compared."""
    arms: Sequence[ExperimentArm]
    rule: Rule
    judgement: Judgement

    @property
    def definition(self) -> Metric:
        """The metric."""
        return METRICS[self.metric]


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such thing, or it may not be chosen."""

    what: Literal["journey", "step", "control", "metric"]
    choices: Sequence[str] = ()
    """What would be right."""


async def read_experiment(
    conn: AsyncConnection[Any],
    journey: str,
    step: str,
    *,
    version: int | None = None,
    metric: MetricName | None = None,
    control: str | None = None,
    level: float = LEVEL,
    detect: float = DETECT,
    many: int = MANY,
) -> Experiment | Unknown:
    """A split of a journey as an experiment.

    Args:
        version: it and those around it that have the split alike; by default the active version, or
            the newest one.
        metric: by default the goal, if the journey has one, else clicks.
        control: by default the holdout, if there is one and it is compared, else the first arm.
        level: the probability of a winner where arms do not differ, at most.
        detect: the relative difference that is to be found.
        many: visits above which counts are kept for a while.
    """
    found = await read_splits(conn, journey, version)
    if found is None:
        return Unknown("journey")
    split = await read_split(conn, journey, step, found.version, has_goal=found.has_goal)
    if split is None:
        return Unknown("step", [each for each, _ in found.splits])
    chosen = metric or ("goal" if found.has_goal else "clicked")
    if not (found.has_goal or METRICS[chosen].of_messages):
        return Unknown("metric", MESSAGE_METRICS)
    compared = [arm for arm in split.arms if _not_compared(arm, chosen) is None]
    if control is not None and control not in [arm.name for arm in compared]:
        return Unknown("control", [arm.name for arm in compared])
    counts = await read_counts(conn, split, many=many)
    arms = [
        ExperimentArm(arm, counts.arms.get(arm.name, NO_CONTACTS), _not_compared(arm, chosen))
        for arm in split.arms
    ]
    rule = Rule(METRICS[chosen].higher_is_better, level, detect)
    base = control or _control(compared)
    results = [_result(arm, chosen) for arm in arms if arm.not_compared is None]
    return Experiment(
        split, counts, chosen, base, arms, rule, judge(results, base or "", rule)
    )  # fmt: skip


def _not_compared(arm: SplitArm, metric: MetricName) -> NotCompared | None:
    if arm.role == "winner_rule":
        return "winner_rule"
    if arm.role == "holdout" and METRICS[metric].of_messages:
        return "no_messages"
    return None


def _control(compared: Sequence[SplitArm]) -> str | None:
    """The holdout, else the first arm."""
    ordered = sorted(compared, key=lambda arm: arm.role != "holdout")
    return ordered[0].name if ordered else None


def _result(arm: ExperimentArm, metric: MetricName) -> ArmResult:
    return ArmResult(
        arm.arm.name,
        arm.arm.weight,
        arm.counts.contacts,
        arm.results(metric),
        arm.values if METRICS[metric].is_mean else None,
    )
