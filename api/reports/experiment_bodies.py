"""Experiments as the API answers with them."""

from __future__ import annotations

from pydantic import BaseModel

from api.http.times import Instant
from api.runs.bodies import Number
from journeys.statistics.verdicts import Verdict
from store.reports.experiment_metrics import MetricName
from store.reports.experiment_splits import Role


class ListedArm(BaseModel):
    """An arm of a split."""

    name: str
    weight: Number
    role: Role
    """`holdout`: its runs end, and their goal is measured. `winner_rule`: it waits and takes the
    steps of another arm, by a rule of the journey."""


class ListedSplit(BaseModel):
    """A split, which is an experiment."""

    step: str
    version: int
    arms: list[ListedArm]


class SplitPage(BaseModel):
    """The splits of one version of a journey."""

    items: list[ListedSplit]
    next: str | None


class Bounds(BaseModel):
    """From one value to another. Null: without an end."""

    low: float | None
    high: float | None


class Share(BaseModel):
    """Contacts with a result, and their share of the contacts of the arm."""

    count: int
    rate: float | None
    """Null without a contact."""
    interval: Bounds
    """Wilson's interval of the rate."""


class Mean(BaseModel):
    """The values of the goals of an arm's contacts."""

    sum: Number
    contacts: int
    """Those with a value."""
    mean: float | None
    """For each contact of the arm, also those without a value."""
    interval: Bounds | None
    """Student's interval of the mean."""


class ArmBody(BaseModel):
    """An arm, and what its contacts came to."""

    name: str
    weight: Number
    role: Role
    control: bool
    compared: bool
    contacts: int
    share: float | None
    """Of the contacts of all arms that are compared."""
    expected_share: float | None
    """The same by the weights."""
    metrics: dict[str, Share]
    """A holdout has no figures of messages."""
    value: Mean | None
    """Null if the journey has no goal."""


class FixedHorizon(BaseModel):
    """What one look shows. It is not made for daily looks, and says no winner."""

    test: str
    interval: Bounds
    """Of the difference: Newcombe's hybrid score interval of shares, Welch's of means."""
    level: float
    """0.05: an interval of 95 %."""
    p_value: float
    corrected_p_value: float
    """By Holm, for all comparisons with the control."""
    holds: str
    """What it holds for."""


class Sequential(BaseModel):
    """What may be said at any time, also with a look on every day."""

    p_value: float
    """Always valid."""
    corrected_p_value: float
    """By Holm, for all pairs of arms. A winner needs one of at most the level."""
    interval: Bounds
    """It holds on all days together, and for all pairs of arms."""
    interval_of: str
    """`lift` or `difference`."""
    shown: str


class Comparison(BaseModel):
    """An arm compared with the control."""

    arm: str
    control: str
    difference: float | None
    """The arm's rate or mean minus that of the control."""
    lift: float | None
    """The difference as a share of the control's rate or mean; null if that is 0."""
    incremental: float | None
    """The difference for all contacts of the arm: results, or value, that the control's steps would
    not have brought."""
    fixed_horizon: FixedHorizon | None
    sequential: Sequential | None
    """Null of means as long as too few contacts have a value."""


class MetricBody(BaseModel):
    """What arms are compared by."""

    name: MetricName
    words: str
    better: str
    """`higher` or `lower`."""
    of: str
    """`share` of contacts with a result, or `mean` for each contact."""
    denominator: str
    messages: str | None
    """Which messages count: `of_arms`, those of the arms' own steps; `after_split`, all of the run
    after the split, because an arm has no messages of its own."""


class SampleRatio(BaseModel):
    """Whether arms have the contacts that their weights say: Pearson's chi-square test."""

    p_value: float | None
    level: float
    mismatch: bool


class Needed(BaseModel):
    """How many contacts it takes to find a difference."""

    detect: float
    """The relative difference from the control that is to be found."""
    power: float
    base: float
    """The control's rate or mean, from which it is worked out."""
    contacts: int
    """Of all compared arms together, for the method that may be looked at daily."""
    fixed_horizon_per_arm: int | None
    """Of each arm, for a single look. Null of means."""


class Method(BaseModel):
    """The method by which a winner is said."""

    name: str
    source: str
    level: float
    """The probability of a winner where arms do not differ, at most, over all days together."""


class Window(BaseModel):
    """When the counted contacts took their arms. What came of them counts up to `counted_at`."""

    first_at: Instant | None
    last_at: Instant | None


class ExperimentBody(BaseModel):
    """A split as an experiment."""

    journey: str
    step: str
    versions: list[int]
    """Those in which the split has arms of the same names, weights and roles."""
    counted_at: Instant
    """Splits with many visits are counted every few minutes."""
    window: Window
    metric: MetricBody
    verdict: Verdict
    winner: str | None
    words: str
    more_contacts: int | None
    """How many more are needed; null if that cannot be worked out yet."""
    needed: Needed | None
    notes: list[str]
    arms: list[ArmBody]
    comparisons: list[Comparison]
    sample_ratio: SampleRatio
    method: Method
