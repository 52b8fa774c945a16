"""Send times: a time of day, or the hour at which a contact is most active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from journeys.schedule.opening_hours import OpeningHours
from journeys.time.durations import at_local

MIN_EVENTS: Final = 5
"""How many events it takes to find the best hour of a contact."""
DEFAULT_HOUR: Final = 10
"""The best hour of contacts with fewer events."""
LOOK_BACK: Final = timedelta(days=90)
"""How old the events may be."""


@dataclass(frozen=True, slots=True)
class Best:
    """The local hour at which a contact is most active, and the number of events it is based on."""

    hour: int
    events: int


def best_hour(events: Mapping[int, int], openings: OpeningHours) -> Best:
    """The hour with the most events, among the hours at whose beginning sends may go out.

    `events` has the number of events by local hour, 0 to 23. Of equal hours it is the earliest.
    Without enough events, or without one in an open hour, it is 10.
    """
    known = sum(events.values())
    if known >= MIN_EVENTS:
        active = [hour for hour, count in events.items() if count and openings.ever_at(time(hour))]
        if active:
            return Best(min(active, key=lambda hour: (-events[hour], hour)), known)
    return Best(DEFAULT_HOUR, known)


def at_time(at: str, start: datetime, zone: ZoneInfo) -> datetime:
    """The next occurrence of a time of day (`10:00`); `start` itself if it is in that minute."""
    return _next(time.fromisoformat(at), start, zone, timedelta(minutes=1))


def at_hour(hour: int, start: datetime, zone: ZoneInfo) -> datetime:
    """The next beginning of an hour; `start` itself if it is in that hour."""
    return _next(time(hour), start, zone, timedelta(hours=1))


def _next(at: time, start: datetime, zone: ZoneInfo, lasting: timedelta) -> datetime:
    if start.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    wall = start.astimezone(zone).replace(tzinfo=None, fold=0)
    today = datetime.combine(wall.date(), at)
    if today <= wall < today + lasting:
        return start
    day = today.date()
    while (found := at_local(datetime.combine(day, at), zone)) < start:
        day += timedelta(days=1)
    return found
