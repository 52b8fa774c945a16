"""Opening hours of sends: windows and quiet hours in the contact's local time.

Local time is what clocks show: an hour that they skip does not occur, and an hour that they show
twice counts twice. Hours whose end is not after their begin go on past midnight and belong to the
day on which they begin. A date in `except` is closed from midnight to midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import floor
from typing import Literal
from zoneinfo import ZoneInfo

from journeys.model.moments import QuietHours, Window, weekdays
from journeys.model.sends import Channel, Country, EffectiveSend
from journeys.time.zones import clock_change

Reason = Literal["window", "quiet_hours"]

_MIDNIGHT = time()
_DAY = timedelta(days=1)
_SOME_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
_EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """Recurring hours of the day. If `end` is not after `begin`, they end on the next day."""

    begin: time = _MIDNIGHT
    end: time = _MIDNIGHT
    days: frozenset[int] = _EVERY_DAY
    """The days of the week on which they begin; Monday is 0."""
    closed: frozenset[date] = frozenset()

    def contain(self, wall: datetime) -> bool:
        """Whether the local time `wall` (naive) is in these hours."""
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
    """A window, inside which a send may go out, or quiet hours, outside which it may."""

    reason: Reason
    hours: Hours

    @classmethod
    def of_window(cls, window: Window) -> Rule:
        """The rule of a window."""
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
        """The rule of quiet hours."""
        begin, end = time.fromisoformat(quiet.from_), time.fromisoformat(quiet.to)
        return cls("quiet_hours", Hours(begin, end))

    def is_open(self, wall: datetime) -> bool:
        """Whether a send may go out at the local time `wall` (naive)."""
        return self.hours.contain(wall) is (self.reason == "window")


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The hours at which all of some rules are open."""

    rules: Sequence[Rule]

    def closed_by(self, instant: datetime, zone: ZoneInfo) -> Reason | None:
        """What is closed at an instant, windows before quiet hours; None if a send may go out."""
        return self._closed_by(_wall(instant, zone))

    def next(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant, in UTC, from `instant` on at which all are open; None if never.

        Raises ValueError if `instant` is naive.
        """
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        instant = instant.astimezone(UTC)
        if self._closed_by(_wall(instant, zone)) is None:
            return instant
        if not self.ever():
            return None
        marks = self._marks()
        # Each closed date delays a weekly opening by a week at most, and a clock change may skip
        # one more.
        last = instant + _DAY * 7 * (3 + sum(len(rule.hours.closed) for rule in self.rules))
        while instant < last:
            instant = _next_change(instant, zone, marks)
            if self._closed_by(_wall(instant, zone)) is None:
                return instant
        return None

    def ever(self) -> bool:
        """Whether all are open at some time of the week, without regard to closed dates."""
        # Within a week, opening hours begin only at marks.
        return any(self.ever_at(mark) for mark in self._marks())

    def ever_at(self, at: time) -> bool:
        """Whether all are open at a time of day on some day of the week, without closed dates."""
        week = OpeningHours([Rule(rule.reason, _dateless(rule.hours)) for rule in self.rules])
        return any(
            week._closed_by(datetime.combine(_SOME_MONDAY + _DAY * day, at)) is None
            for day in range(7)
        )

    def _closed_by(self, wall: datetime) -> Reason | None:
        closed = {rule.reason for rule in self.rules if not rule.is_open(wall)}
        return "window" if "window" in closed else "quiet_hours" if closed else None

    def _marks(self) -> list[time]:
        """The times of day at which a rule may open or close."""
        marks = {_MIDNIGHT}
        for rule in self.rules:
            marks |= {rule.hours.begin, rule.hours.end}
        return sorted(marks)


def _dateless(hours: Hours) -> Hours:
    return Hours(hours.begin, hours.end, hours.days)


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _next_change(instant: datetime, zone: ZoneInfo, marks: list[time]) -> datetime:
    """The next instant at which clocks in `zone` show a mark, or at which they are changed."""
    wall = _wall(instant, zone)
    at = next((mark for mark in marks if mark > wall.time()), None)
    next_wall = (
        datetime.combine(wall.date() + _DAY, marks[0])
        if at is None
        else datetime.combine(wall.date(), at)
    )
    reached = instant + (next_wall - wall)
    if reached.astimezone(zone).utcoffset() == instant.astimezone(zone).utcoffset():
        return reached
    high = -(-int(reached.timestamp() * 10**6) // 10**6)
    return clock_change(floor(instant.timestamp()), high, zone)


def opening_hours_of(
    settings: EffectiveSend | Channel, country: Country | None = None, *, skipping: bool = False
) -> OpeningHours:
    """When a send may go out; with `skipping`, the windows with `else: skip` only."""
    rules = []
    for source in (settings, country):
        if source is None:
            continue
        if source.window is not None and (source.window.else_ == "skip") is skipping:
            rules.append(Rule.of_window(source.window))
        if source.quiet_hours is not None and not skipping:
            rules.append(Rule.of_quiet_hours(source.quiet_hours))
    return OpeningHours(rules)
