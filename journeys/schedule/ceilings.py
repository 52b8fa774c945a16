"""Daily ceilings: how many messages of a channel may go out on a day, and from a new domain."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Final

KEPT_FOR_OTHERS: Final = 0.1
"""The part of a day's messages that marketing leaves to all others."""
_RAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d),\s*(\d{1,9}),\s*(\d(?:\.\d{1,3})?)", re.ASCII)
_ENOUGH: Final = 100_000_000
"""A ramp that has come so far is over."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The first days of a sending domain: so many messages on the first, then more each day."""

    start: date
    first: int
    growth: float

    @classmethod
    def parse(cls, text: str) -> WarmUp:
        """From `2026-03-01, 50, 1.5`: the first day, its messages, and the factor of each day.

        Raises ValueError.
        """
        found = _RAMP.fullmatch(text.strip())
        if found is None:
            raise ValueError("write the first day, its messages, the growth: 2026-03-01, 50, 1.5")
        start, first, growth = date.fromisoformat(found[1]), int(found[2]), float(found[3])
        if first < 1 or growth <= 1:
            raise ValueError("the first day has a message at least, and the growth is more than 1")
        return cls(start, first, growth)

    def allowed(self, day: date) -> int | None:
        """The messages of a day, 0 before the first; None once the ramp is over."""
        passed = (day - self.start).days
        if passed < 0:
            return 0
        if passed * math.log(self.growth) + math.log(self.first) >= math.log(_ENOUGH):
            return None
        return int(self.first * self.growth**passed)


@dataclass(frozen=True, slots=True)
class DailyCeiling:
    """The most messages of a channel on a day, in UTC."""

    most: int | None = None
    warm_up: WarmUp | None = None

    def of(self, day: date) -> int | None:
        """The ceiling of a day; None without one."""
        ramp = None if self.warm_up is None else self.warm_up.allowed(day)
        return min((each for each in (self.most, ramp) if each is not None), default=None)

    def for_marketing(self, day: date) -> int | None:
        """Marketing is held once so many messages, of whichever class, went out on a day."""
        most = self.of(day)
        return None if most is None else most - math.ceil(most * KEPT_FOR_OTHERS)
