"""The hours at which a simulation checks conditions that time alone can change.

Production checks them every hour. A simulation leaves out the hours at which nothing can change:
between two events, what `within` counts changes only when an event becomes too old.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from journeys.model.conditions import EventCondition
from journeys.model.moments import is_relative
from journeys.model.values import DocumentModel
from journeys.time.durations import Duration
from store.conditions.time_dependence import is_timed_comparison

CHECK_INTERVAL = timedelta(hours=1)
_MARGIN = timedelta(days=1)
_MARGIN_OF_MONTHS = timedelta(days=4)
"""How far the computed time at which an event becomes too old may be wrong.

A month back and a month on need not lead to the same day. With days, a change of clocks may lie in
between.
"""


@dataclass(frozen=True)
class TimedConditions:
    """The events that conditions limit by age, and the ages.

    `spans` is None if a condition has another relative bound. Then every hour is checked.
    """

    events: frozenset[str]
    spans: tuple[Duration, ...] | None

    @classmethod
    def of(cls, parts: Iterable[DocumentModel]) -> TimedConditions:
        """The events and ages of the conditions among the parts of documents."""
        timed = [part for part in parts if is_timed_comparison(part)]
        counted = [part for part in timed if isinstance(part, EventCondition)]
        spans: tuple[Duration, ...] | None = None
        if len(counted) == len(timed) and not any(
            is_relative(each.since) or is_relative(each.before) for each in counted
        ):
            spans = tuple({Duration.parse(each.within) for each in counted if each.within})
        return cls(frozenset(each.event for each in counted), spans)

    def next_check(
        self, now: datetime, events: Iterable[tuple[datetime, ZoneInfo]]
    ) -> datetime | None:
        """The next hour after `now` at which a condition may have changed; None if there is none.

        `events` are the times at which events were stored, with the zones of their contacts.
        """
        if self.spans is None:
            return now + CHECK_INTERVAL
        checks = []
        for at, zone in events:
            for span in self.spans:
                too_old = span.add_to(at, zone)
                margin = _MARGIN_OF_MONTHS if span.months or span.years else _MARGIN
                if too_old + margin > now:
                    hours = max(1, math.ceil((too_old - margin - now) / CHECK_INTERVAL))
                    checks.append(now + hours * CHECK_INTERVAL)
        return min(checks, default=None)
