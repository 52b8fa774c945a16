"""Resolution of moments to instants, by the clock of a time zone.

A local time that clocks skip is the first instant after the gap; one that occurs twice is the first
of the two. The anniversary is found first, then the offset is added, then the time of day is set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from journeys.model.moments import (
    AttributeMoment,
    Days,
    EntryMoment,
    Moment,
    MomentReference,
    Shift,
    StepMoment,
    is_time_of_day,
    weekdays,
)
from journeys.time.durations import Duration, add_months, at_local
from journeys.time.instants import read_time, to_instant


class Unresolved(Enum):
    """Why a wait cannot wait for a moment; the value is the outcome of the wait."""

    PAST = "past"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ResolutionContext:
    """What the instant of a moment depends on.

    `now` is the start of the wait and `entry` the start of the run, both aware. `values` returns
    the value of a reference, or None if there is none.
    """

    now: datetime
    zone: ZoneInfo
    entry: datetime
    values: Callable[[MomentReference], object]

    def __post_init__(self) -> None:
        if self.now.tzinfo is None or self.entry.tzinfo is None:
            raise ValueError("a moment is seen from an instant with a time zone")


def resolve(
    moment: Moment, context: ResolutionContext, *, days: Days | None = None
) -> datetime | Unresolved:
    """The instant of a moment, in UTC, or why there is none from `context.now` on.

    `days` limits a time of day to days of the week.
    """
    instant = instant_of(moment, context, days=days)
    if instant is None:
        return Unresolved.MISSING
    return Unresolved.PAST if instant < context.now else instant


def instant_of(
    moment: Moment, context: ResolutionContext, *, days: Days | None = None
) -> datetime | None:
    """The instant of a moment, in UTC, in the past or in the future.

    None if its reference has no value or one that is no time, or if the instant is not in the years
    1 to 9999.
    """
    try:
        if isinstance(moment, EntryMoment | AttributeMoment | StepMoment):
            return _referenced(moment, context)
        if moment == "entry":
            return context.entry.astimezone(UTC)
        if is_time_of_day(moment):
            return _next(time.fromisoformat(moment), context, days)
        if moment[0] in "+-":
            return Duration.parse(moment, signed=True).add_to(context.now, context.zone)
        parsed = read_time(moment)
        return None if parsed is None else to_instant(parsed, context.zone)
    except (ValueError, OverflowError):
        return None


def _referenced(moment: MomentReference, context: ResolutionContext) -> datetime | None:
    parsed = read_time(context.values(moment))
    if parsed is None:
        return None
    if moment.every is not None:
        # A local time becomes an instant only after its anniversary is found: midnight is midnight
        # every year, even if clocks skipped it in the first year.
        wall = parsed if parsed.tzinfo is None else local_time(parsed, context.zone)
        instant = at_local(_anniversary(wall, local_time(context.now, context.zone)), context.zone)
    else:
        instant = to_instant(parsed, context.zone)
    return Shifting.of(moment).apply(instant, context.zone)


@dataclass(frozen=True, slots=True)
class Shifting:
    """The `offset` and the `at` of a moment, read once."""

    offset: Duration | None
    at: time | None

    @classmethod
    def of(cls, shift: Shift) -> Shifting:
        """Those of a moment."""
        return cls(
            None if shift.offset is None else Duration.parse(shift.offset, signed=True),
            None if shift.at is None else time.fromisoformat(shift.at),
        )

    def apply(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The instant after the offset, at the time of day. Raises OverflowError, ValueError."""
        if self.offset is not None:
            instant = self.offset.add_to(instant, zone)
        if self.at is not None:
            instant = at_local(datetime.combine(local_time(instant, zone).date(), self.at), zone)
        return instant


def anniversary_in(wall: datetime, year: int) -> datetime:
    """The anniversary of a local time in a year; Feb 29 is Feb 28 in years without one."""
    return add_months(wall, 12 * (year - wall.year))


def _anniversary(wall: datetime, today: datetime) -> datetime:
    """The first anniversary that is not before today."""
    this_year = anniversary_in(wall, today.year)
    if this_year.date() < today.date():
        return anniversary_in(wall, today.year + 1)
    return this_year


def _next(at: time, context: ResolutionContext, days: Days | None) -> datetime:
    """The next occurrence of a time of day, which may be now."""
    allowed = range(7) if days is None else weekdays(days)
    day = local_time(context.now, context.zone).date()
    while True:
        instant = at_local(datetime.combine(day, at), context.zone)
        if instant >= context.now and day.weekday() in allowed:
            return instant
        day += timedelta(days=1)


def local_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in a zone show at an instant, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
