"""`send_at`: the time of day at which a send goes out, said or found from what a contact did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from journeys.schedule.opening_hours import OpeningHours
from journeys.time.durations import at_local

ENOUGH: Final = 5
"""With fewer events nobody can say when a contact is active."""
OTHERWISE: Final = 10
"""The hour of contacts of whom too little is known."""
LOOK_BACK: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Best:
    """The hour of the day at which a contact is most active, and from how many events."""

    hour: int
    events: int


def best_hour(events: Mapping[int, int], openings: OpeningHours) -> Best:
    """The hour with the most events of those that begin while everything is open.

    `events` counts by local hour, 0 to 23. Of equal hours it is the earliest. Without enough
    events, or without one in an open hour, it is 10.
    """
    known = sum(events.values())
    if known >= ENOUGH:
        active = [hour for hour, count in events.items() if count and openings.ever_at(time(hour))]
        if active:
            return Best(min(active, key=lambda hour: (-events[hour], hour)), known)
    return Best(OTHERWISE, known)


def at_time(at: str, start: datetime, zone: ZoneInfo) -> datetime:
    """The next occurrence of a time of day (`10:00`) from `start` on; the current minute is now."""
    return _next(time.fromisoformat(at), start, zone, timedelta(minutes=1))


def at_hour(hour: int, start: datetime, zone: ZoneInfo) -> datetime:
    """The next occurrence of an hour from `start` on; the current one is now."""
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
