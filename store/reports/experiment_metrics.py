"""The metrics of experiments: what may be counted of the contacts of an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from journeys.protocol.message_status import RECORDED_STATUSES, RecordedStatus

MessageMetric = Literal["sent", RecordedStatus, "unsubscribed"]
MetricName = Literal["goal", "value", MessageMetric]

MESSAGE_METRICS: Final[tuple[MessageMetric, ...]] = ("sent", *RECORDED_STATUSES, "unsubscribed")
METRIC_NAMES: Final[tuple[MetricName, ...]] = get_args(MetricName)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    words: str
    """The contacts with a result, in words."""
    higher_is_better: bool = True
    of_messages: bool = True
    """Whether it is about messages: a holdout gets none, so it is not compared by it."""
    is_mean: bool = False
    """Whether arms are compared by the mean of values, and not by the share of contacts."""


METRICS: Final[Mapping[MetricName, Metric]] = {
    "goal": Metric("met the goal after taking the arm", of_messages=False),
    "value": Metric("value of the goals that it met", of_messages=False, is_mean=True),
    "sent": Metric("got a message"),
    "delivered": Metric("had a message delivered"),
    "opened": Metric("opened a message"),
    "clicked": Metric("clicked in a message"),
    "bounced": Metric("had a message bounce", higher_is_better=False),
    "replied": Metric("replied to a message"),
    "complained": Metric("complained about a message", higher_is_better=False),
    "unsubscribed": Metric("unsubscribed by a message", higher_is_better=False),
}
"""In the order in which they are shown."""
