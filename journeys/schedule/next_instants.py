"""The next instants of moments, hours and schedules, as they are shown while they are written.

What depends on a contact, such as the date in an attribute, has none here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from journeys.model.moments import (
    DateTimeText,
    Days,
    Limit,
    Moment,
    QuietHours,
    Window,
    is_time_of_day,
)
from journeys.model.triggers import Schedule
from journeys.schedule.cron import check_cron
from journeys.schedule.moment_resolution import ResolutionContext, instant_of, local_time
from journeys.schedule.occurrences import CONTACT_ZONE, occurrences
from journeys.schedule.opening_hours import OpeningHours, Rule
from journeys.time.durations import Duration

InstantsOf = Literal["moment", "window", "quiet_hours", "schedule"]
"""What can have next instants."""

_MOMENT: Final[TypeAdapter[Any]] = TypeAdapter(Limit | Moment | DateTimeText)
_DAYS: Final[TypeAdapter[Any]] = TypeAdapter(Days | None)
_SMALLEST: Final = timedelta(seconds=1)


class UnreadableTime(ValueError):
    """A time that the language does not understand; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class NextInstant:
    """An instant, or the first one of some hours."""

    local: datetime
    """What clocks of the zone show, naive."""
    at: datetime | None
    """In UTC; None if it comes at each contact's own local time."""
    until: datetime | None = None
    """Of hours: what clocks show at their end, naive."""


def next_instants(
    of: InstantsOf, value: Any, *, days: Any, zone: ZoneInfo, now: datetime, limit: int
) -> list[NextInstant]:
    """The next instants from `now` on, in order; none for what depends on a contact.

    Raises UnreadableTime.
    """
    try:
        return list(islice(_instants(of, value, days, zone, now), limit))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"]
        raise UnreadableTime(first.removeprefix("Value error, ")) from None
    except (ValueError, OverflowError) as error:
        raise UnreadableTime(str(error)) from None


def _instants(
    of: InstantsOf, value: Any, days: Any, zone: ZoneInfo, now: datetime
) -> Iterator[NextInstant]:
    match of:
        case "moment":
            return _of_moment(
                _MOMENT.validate_python(value), _DAYS.validate_python(days), zone, now
            )
        case "window":
            return _of_hours(Rule.of_window(Window.model_validate(value)), zone, now)
        case "quiet_hours":
            return _of_hours(Rule.of_quiet_hours(QuietHours.model_validate(value)), zone, now)
        case "schedule":
            return _of_schedule(Schedule.model_validate(value), zone, now)


def _of_moment(
    moment: Any, days: Days | None, zone: ZoneInfo, now: datetime
) -> Iterator[NextInstant]:
    if not isinstance(moment, str) or moment == "entry":
        return
    if not is_time_of_day(moment):
        instant = _after(moment, zone, now)
        if instant is not None:
            yield NextInstant(local_time(instant, zone), instant)
        return
    while True:
        context = ResolutionContext(now, zone, now, lambda _: None)
        found = instant_of(moment, context, days=days)
        if found is None:
            return
        yield NextInstant(local_time(found, zone), found)
        now = found + _SMALLEST


def _after(moment: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The instant of a duration from now on, or of a date."""
    try:
        return Duration.parse(moment).add_to(now, zone)
    except (ValueError, OverflowError):
        return instant_of(moment, ResolutionContext(now, zone, now, lambda _: None))


def _of_hours(rule: Rule, zone: ZoneInfo, now: datetime) -> Iterator[NextInstant]:
    """The hours of a window or of quiet hours: when they begin, and when they end."""
    inside = OpeningHours([Rule("window", rule.hours)])
    outside = OpeningHours([Rule("quiet_hours", rule.hours)])
    while True:
        begin = inside.next(now, zone)
        if begin is None:
            return
        end = outside.next(begin, zone)
        until = None if end is None else local_time(end, zone)
        yield NextInstant(local_time(begin, zone), begin, until)
        if end is None:
            return
        now = end


def _of_schedule(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Iterator[NextInstant]:
    if schedule.cron is not None:
        check_cron(schedule.cron)
    by_contact = schedule.timezone == CONTACT_ZONE
    shown = zone
    if schedule.timezone is not None and not by_contact:
        try:
            shown = ZoneInfo(schedule.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone `{schedule.timezone}`") from None
    for found in occurrences(schedule, zone.key, now):
        if found.local is not None:
            yield NextInstant(found.local, None)
        else:
            yield NextInstant(local_time(found.at, shown), found.at)
