"""When a send may go out: windows and quiet hours on the contact's clock.

What counts is what clocks show. An hour that they skip never comes, one that they show twice counts
twice. Hours that end before they begin, or at midnight, go on after it: they belong to the day on
which they begin. A date in `except` is closed as a whole, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from journeys.model.moments import QuietHours, Window, weekdays
from journeys.model.sends import Channel, Country, EffectiveSend

Reason = Literal["window", "quiet_hours"]

_MIDNIGHT = time()
_DAY = timedelta(days=1)
_SOME_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
_EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the day that recur. Those whose `end` is not after `begin` end on the next day."""

    begin: time = _MIDNIGHT
    end: time = _MIDNIGHT
    days: frozenset[int] = _EVERY_DAY
    """Of the week, Monday 0: those on which they begin."""
    closed: frozenset[date] = frozenset()

    def hold(self, wall: datetime) -> bool:
        """Whether a clock that shows `wall` (naive) is within them."""
        if wall.date() in self.closed:
            return False
        at, today = wall.time(), wall.weekday()
        if self.begin < self.end:
            return self.begin <= at < self.end and today in self.days
        return (at >= self.begin and today in self.days) or (
            at < self.end and (today - 1) % 7 in self.days
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A window, which must be open, or quiet hours, which must be over."""

    reason: Reason
    hours: Hours

    @classmethod
    def of_window(cls, window: Window) -> Rule:
        """Open in these hours."""
        return cls(
            "window",
            Hours(
                begin=time.fromisoformat(window.from_) if window.from_ else _MIDNIGHT,
                end=time.fromisoformat(window.to) if window.to else _MIDNIGHT,
                days=_EVERY_DAY if window.days is None else weekdays(window.days),
                closed=frozenset(map(date.fromisoformat, window.except_ or ())),
            ),
        )

    @classmethod
    def of_quiet_hours(cls, quiet: QuietHours) -> Rule:
        """Open but for these hours."""
        begin, end = time.fromisoformat(quiet.from_), time.fromisoformat(quiet.to)
        return cls("quiet_hours", Hours(begin, end))

    def is_open(self, wall: datetime) -> bool:
        """Whether a send may go out while clocks show `wall`."""
        return self.hours.hold(wall) is (self.reason == "window")


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When all of some rules are open."""

    rules: Sequence[Rule]

    def closed_by(self, instant: datetime, zone: ZoneInfo) -> Reason | None:
        """What is closed at an instant, windows first; None if nothing is."""
        return self._closed_by(_wall(instant, zone))

    def next(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant, in UTC, from `instant` on at which all are open; None if none ever is.

        Raises ValueError for a naive `instant`.
        """
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        instant = instant.astimezone(UTC)
        if self._closed_by(_wall(instant, zone)) is None:
            return instant
        if not self.ever():
            return None
        marks = self._marks()
        # Dates that are closed put a weekly opening off by a week each at most, and a change of
        # clocks may swallow one more.
        last = instant + _DAY * 7 * (3 + sum(len(rule.hours.closed) for rule in self.rules))
        while instant < last:
            instant = _next_change(instant, zone, marks)
            if self._closed_by(_wall(instant, zone)) is None:
                return instant
        return None

    def ever(self) -> bool:
        """Whether there is an hour of the week at which all are open, dates aside."""
        # Within a week, all that opens opens at a mark.
        return any(self.ever_at(mark) for mark in self._marks())

    def ever_at(self, at: time) -> bool:
        """Whether all are open at a time of day, on one day of the week at least, dates aside."""
        week = OpeningHours([Rule(rule.reason, _dateless(rule.hours)) for rule in self.rules])
        return any(
            week._closed_by(datetime.combine(_SOME_MONDAY + _DAY * day, at)) is None
            for day in range(7)
        )

    def _closed_by(self, wall: datetime) -> Reason | None:
        closed = {rule.reason for rule in self.rules if not rule.is_open(wall)}
        return "window" if "window" in closed else "quiet_hours" if closed else None

    def _marks(self) -> list[time]:
        """The times of day at which something may open or close."""
        marks = {_MIDNIGHT}
        for rule in self.rules:
            marks |= {rule.hours.begin, rule.hours.end}
        return sorted(marks)


def _dateless(hours: Hours) -> Hours:
    return Hours(hours.begin, hours.end, hours.days)


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _next_change(instant: datetime, zone: ZoneInfo, marks: list[time]) -> datetime:
    """The next instant at which clocks in `zone` come to a mark, or are changed."""
    wall = _wall(instant, zone)
    at = next((mark for mark in marks if mark > wall.time()), None)
    coming = (
        datetime.combine(wall.date() + _DAY, marks[0])
        if at is None
        else datetime.combine(wall.date(), at)
    )
    reached = instant + (coming - wall)
    offset = instant.astimezone(zone).utcoffset()
    if reached.astimezone(zone).utcoffset() == offset:
        return reached
    low, high = int(instant.timestamp()), -(-int(reached.timestamp() * 10**6) // 10**6)
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def opening_hours_of(
    settings: EffectiveSend | Channel, country: Country | None = None, *, skipping: bool = False
) -> OpeningHours:
    """When a send that waits may go out; `skipping`: the windows outside of which it is skipped."""
    rules = []
    for said in (settings, country):
        if said is None:
            continue
        if said.window is not None and (said.window.else_ == "skip") is skipping:
            rules.append(Rule.of_window(said.window))
        if said.quiet_hours is not None and not skipping:
            rules.append(Rule.of_quiet_hours(said.quiet_hours))
    return OpeningHours(rules)
