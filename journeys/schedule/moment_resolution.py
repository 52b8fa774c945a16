"""What instant a moment is, for a clock in a time zone.

A local time that clocks skip is the first instant after the gap, one that comes twice the first of
the two. An anniversary is resolved before its offset, and the time of day comes last.
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
    StepMoment,
    is_time_of_day,
    weekdays,
)
from journeys.time.durations import Duration, add_months, at_local
from journeys.time.instants import read_time, to_instant


class Unresolved(Enum):
    """Why a moment is nothing to wait for; its value is the outcome of a wait until it."""

    PAST = "past"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ResolutionContext:
    """From where a moment is seen.

    `now` is the start of the wait and `entry` that of the run, both aware; `values` gives the value
    that a reference reaches, None for nothing.
    """

    now: datetime
    zone: ZoneInfo
    entry: datetime
    values: Callable[[MomentReference], object]

    def __post_init__(self) -> None:
        if self.now.tzinfo is None or self.entry.tzinfo is None:
            raise ValueError("a moment is seen from an instant with a time zone")


def resolve(
    moment: Moment, view: ResolutionContext, *, days: Days | None = None
) -> datetime | Unresolved:
    """The instant of a moment, in UTC, unless it lies before `view.now` or there is none.

    `days` limits a time of day to days of the week.
    """
    instant = instant_of(moment, view, days=days)
    if instant is None:
        return Unresolved.MISSING
    return Unresolved.PAST if instant < view.now else instant


def instant_of(
    moment: Moment, view: ResolutionContext, *, days: Days | None = None
) -> datetime | None:
    """The instant of a moment, in UTC, past or to come.

    None if what it refers to is missing or says no time, or if it lies beyond the years 1 to 9999.
    """
    try:
        if isinstance(moment, EntryMoment | AttributeMoment | StepMoment):
            return _referred(moment, view)
        if moment == "entry":
            return view.entry.astimezone(UTC)
        if is_time_of_day(moment):
            return _next(time.fromisoformat(moment), view, days)
        if moment[0] in "+-":
            return Duration.parse(moment, signed=True).add_to(view.now, view.zone)
        said = read_time(moment)
        return None if said is None else to_instant(said, view.zone)
    except (ValueError, OverflowError):
        return None


def _referred(moment: MomentReference, view: ResolutionContext) -> datetime | None:
    said = read_time(view.values(moment))
    if said is None:
        return None
    if moment.every is not None:
        # A local time stays one until its anniversary is found: midnight is midnight every year,
        # also if clocks skipped it in the first.
        wall = said if said.tzinfo is None else _wall(said, view.zone)
        instant = at_local(_anniversary(wall, _wall(view.now, view.zone)), view.zone)
    else:
        instant = to_instant(said, view.zone)
    if moment.offset is not None:
        instant = Duration.parse(moment.offset, signed=True).add_to(instant, view.zone)
    if moment.at is not None:
        day = _wall(instant, view.zone).date()
        instant = at_local(datetime.combine(day, time.fromisoformat(moment.at)), view.zone)
    return instant


def _anniversary(wall: datetime, today: datetime) -> datetime:
    """The first anniversary that is not before today; a Feb 29 is Feb 28 where there is none."""
    years = today.year - wall.year
    if add_months(wall, 12 * years).date() < today.date():
        years += 1
    return add_months(wall, 12 * years)


def _next(at: time, view: ResolutionContext, days: Days | None) -> datetime:
    """The next occurrence of a time of day, now included."""
    allowed = range(7) if days is None else weekdays(days)
    day = _wall(view.now, view.zone).date()
    while True:
        instant = at_local(datetime.combine(day, at), view.zone)
        if instant >= view.now and day.weekday() in allowed:
            return instant
        day += timedelta(days=1)


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
