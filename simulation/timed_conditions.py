"""When a condition that time alone can fulfil is looked at.

It is every hour, here as in production. But between two events, what `within` counts changes only
when one of them grows too old: the hours at which none does need no look, and a year has 8,760.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from journeys.model.conditions import EventCondition
from journeys.time.durations import Duration
from store.conditions.time_bounds import is_relative

EVERY = timedelta(hours=1)
_MARGIN = timedelta(days=1)
_MARGIN_OF_MONTHS = timedelta(days=4)
"""Going back a month and going on a month need not lead to where one was; nor do days, where clocks
change in between."""


@dataclass(frozen=True)
class TimedConditions:
    """What grows too old in some conditions: events by name, and how old they may be.

    `spans` is None if a bound of another kind moves with time: then any hour may matter.
    """

    events: frozenset[str]
    spans: tuple[Duration, ...] | None

    @classmethod
    def of(cls, conditions: Iterable[EventCondition]) -> TimedConditions:
        """All of these."""
        timed = [
            each
            for each in conditions
            if each.within is not None or is_relative(each.since) or is_relative(each.before)
        ]
        spans: tuple[Duration, ...] | None = None
        if all(not is_relative(each.since) and not is_relative(each.before) for each in timed):
            spans = tuple({Duration.parse(each.within) for each in timed if each.within})
        return cls(frozenset(each.event for each in timed), spans)

    def next_look(
        self, now: datetime, happened: Iterable[tuple[datetime, ZoneInfo]]
    ) -> datetime | None:
        """The next hour after `now` at which a look may see something else; None if there is none.

        `happened`: when the events were stored, and the zones of their contacts.
        """
        if self.spans is None:
            return now + EVERY
        looks = []
        for at, zone in happened:
            for span in self.spans:
                old = span.add_to(at, zone)
                margin = _MARGIN_OF_MONTHS if span.months or span.years else _MARGIN
                if old + margin > now:
                    hours = max(1, math.ceil((old - margin - now) / EVERY))
                    looks.append(now + hours * EVERY)
        return min(looks, default=None)
