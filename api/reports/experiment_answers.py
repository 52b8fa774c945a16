"""Answers about experiments, made of what the store counted and the statistics show."""

from __future__ import annotations

import math

from api.reports.experiment_bodies import (
    ArmBody,
    Bounds,
    Comparison,
    ExperimentBody,
    FixedHorizon,
    Mean,
    Method,
    MetricBody,
    Needed,
    SampleRatio,
    Sequential,
    Share,
    Window,
)
from api.reports.experiment_words import (
    DENOMINATOR,
    FIXED_HORIZON,
    TEST_WORDS,
    WELCH,
    notes,
    shown_words,
    verdict_words,
)
from journeys.statistics import sequential_counts, sequential_means
from journeys.statistics.intervals import Interval
from journeys.statistics.means import MeanDifference, mean_interval
from journeys.statistics.proportions import Proportion, wilson
from journeys.statistics.sample_ratio import MISMATCH_LEVEL
from journeys.statistics.verdicts import POWER, ArmComparison
from store.reports.experiment_metrics import METRIC_NAMES, METRICS
from store.reports.experiments import Experiment, ExperimentArm


def experiment_body(found: Experiment) -> ExperimentBody:
    """An experiment as the API answers with it."""
    judged, definition, rule = found.judgement, found.definition, found.rule
    sequential = sequential_means if definition.is_mean else sequential_counts
    messages = "of_arms" if found.split.of_arms else "after_split"
    ratio = judged.ratio_p_value
    return ExperimentBody(
        journey=found.split.journey,
        step=found.split.step,
        versions=list(found.counts.versions),
        counted_at=found.counts.counted_at,
        window=Window(first_at=found.counts.first_at, last_at=found.counts.last_at),
        metric=MetricBody(
            name=found.metric,
            words=definition.words,
            better="higher" if definition.higher_is_better else "lower",
            of="mean" if definition.is_mean else "share",
            denominator=DENOMINATOR,
            messages=messages if definition.of_messages else None,
        ),
        verdict=judged.verdict,
        winner=judged.winner,
        words=verdict_words(found),
        more_contacts=judged.more_contacts,
        needed=None
        if judged.needed is None
        else Needed(
            detect=rule.detect,
            power=POWER,
            base=judged.needed.base,
            contacts=judged.needed.contacts,
            fixed_horizon_per_arm=judged.needed.fixed_per_arm,
        ),
        notes=list(notes(found)),
        arms=[_arm(found, arm) for arm in found.arms],
        comparisons=[_comparison(found, each) for each in judged.comparisons],
        sample_ratio=SampleRatio(
            p_value=ratio,
            level=MISMATCH_LEVEL,
            mismatch=ratio is not None and ratio < MISMATCH_LEVEL,
        ),
        method=Method(name=sequential.METHOD, source=sequential.SOURCE, level=rule.level),
    )


def _arm(found: Experiment, arm: ExperimentArm) -> ArmBody:
    compared = [each for each in found.arms if each.not_compared is None]
    contacts = sum(each.counts.contacts for each in compared)
    weights = math.fsum(each.arm.weight for each in compared)
    is_compared = arm.not_compared is None
    shown = [
        name
        for name in METRIC_NAMES
        if not METRICS[name].is_mean
        and (found.split.has_goal or name != "goal")
        and not (METRICS[name].of_messages and arm.arm.role == "holdout")
    ]
    return ArmBody(
        name=arm.arm.name,
        weight=arm.arm.weight,
        role=arm.arm.role,
        control=arm.arm.name == found.control,
        compared=is_compared,
        contacts=arm.counts.contacts,
        share=arm.counts.contacts / contacts if is_compared and contacts else None,
        expected_share=arm.arm.weight / weights if is_compared else None,
        metrics={
            name: _share(Proportion(arm.results(name), arm.counts.contacts), found.rule.level)
            for name in shown
        },
        value=_mean(arm, found.rule.level) if found.split.has_goal else None,
    )


def _share(share: Proportion, level: float) -> Share:
    return Share(count=share.count, rate=share.rate, interval=_bounds(wilson(share, level)))


def _mean(arm: ExperimentArm, level: float) -> Mean:
    interval = mean_interval(arm.values, level)
    return Mean(
        sum=arm.counts.value,
        contacts=arm.counts.valued,
        mean=arm.values.mean,
        interval=None if interval is None else _bounds(interval),
    )


def _comparison(found: Experiment, compared: ArmComparison) -> Comparison:
    sizes = {each.arm.name: each.counts.contacts for each in found.arms}
    base, mean = compared.base, compared.mean
    difference = None if base is None or mean is None else mean - base
    return Comparison(
        arm=compared.arm,
        control=compared.control,
        difference=difference,
        lift=difference / base if difference is not None and base else None,
        incremental=None if difference is None else difference * sizes[compared.arm],
        fixed_horizon=_fixed(compared, found.rule.level),
        sequential=_sequential(compared, is_lift=not found.definition.is_mean),
    )


def _fixed(compared: ArmComparison, level: float) -> FixedHorizon | None:
    fixed = compared.fixed
    if fixed is None or compared.fixed_corrected is None:
        return None
    return FixedHorizon(
        test=WELCH if isinstance(fixed, MeanDifference) else TEST_WORDS[fixed.test],
        interval=_bounds(fixed.interval),
        level=level,
        p_value=fixed.p_value,
        corrected_p_value=compared.fixed_corrected,
        holds=FIXED_HORIZON,
    )


def _sequential(compared: ArmComparison, *, is_lift: bool) -> Sequential | None:
    sequential = compared.sequential
    if sequential is None or compared.corrected is None:
        return None
    interval = sequential.interval
    if is_lift:
        interval = Interval(interval.low - 1, interval.high - 1)
    return Sequential(
        p_value=sequential.p_value,
        corrected_p_value=compared.corrected,
        interval=_bounds(interval),
        interval_of="lift" if is_lift else "difference",
        shown=shown_words(compared),
    )


def _bounds(interval: Interval) -> Bounds:
    low, high = (value if math.isfinite(value) else None for value in (interval.low, interval.high))
    return Bounds(low=low, high=high)
