"""Calendars, zones and moments as the language defines them, by zoneinfo alone.

Nothing of the product is used. The rules are those of the page on the language: a local time in a
gap is the first instant after it, a doubled one is the first of the two, 29 February is the 28th in
other years, month ends are clamped.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DATE = re.compile(r"\d{4}-\d\d-\d\d")
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")
TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")
PART = re.compile(r"(\d+)(mo|y|w|d|h|m|s)")
MILLISECONDS_FROM = 10**11
SECOND = timedelta(seconds=1)


def to_instant(wall: datetime, zone: str) -> datetime:
    """The instant at which clocks of a zone show a time for the first time, or a gap's end."""
    tz = ZoneInfo(zone)
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == wall:
        return first
    # In a gap: the offset before it gives an instant after it, and the other way round.
    late = first
    early = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    low, high = sorted((int(early.timestamp()), int(late.timestamp()) + 1))
    before = datetime.fromtimestamp(low, tz).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, tz).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def to_wall(instant: datetime, zone: str) -> datetime:
    """What clocks of a zone show at an instant."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the last of that month."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def shift(instant: datetime, by: str, zone: str) -> datetime:
    """An instant moved by a duration such as `+1mo2d` or `-90m`: calendar first, then exact."""
    sign = -1 if by.startswith("-") else 1
    amounts: dict[str, int] = {}
    for amount, unit in PART.findall(by):
        amounts[unit] = amounts.get(unit, 0) + sign * int(amount)
    if any(unit in amounts for unit in ("y", "mo", "w", "d")):
        wall = to_wall(instant, zone)
        day = add_months(wall.date(), 12 * amounts.get("y", 0) + amounts.get("mo", 0))
        day += timedelta(days=7 * amounts.get("w", 0) + amounts.get("d", 0))
        instant = to_instant(datetime.combine(day, wall.time()), zone)
    return instant + timedelta(
        hours=amounts.get("h", 0), minutes=amounts.get("m", 0), seconds=amounts.get("s", 0)
    )


def opposite(by: str) -> str:
    """A signed duration the other way."""
    return ("+" if by[0] == "-" else "-") + by[1:]


def read_date(value: Any, zone: str) -> datetime | None:
    """What a stored value says: naive for a local time, aware for an instant, None for neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = value / 1000 if abs(value) >= MILLISECONDS_FROM else value
        try:
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
        except (OverflowError, ValueError):
            return None
    if not isinstance(value, str) or not (DATE.fullmatch(value) or DATE_TIME.fullmatch(value)):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def as_instant(value: Any, zone: str) -> datetime | None:
    """The instant that a stored value says; a date is its midnight in the zone."""
    said = read_date(value, zone)
    if said is None:
        return None
    return said.astimezone(UTC) if said.tzinfo else to_instant(said, zone)


def anniversary(wall: datetime, today: date) -> datetime:
    """The next anniversary of a local time, today's included."""
    for year in range(today.year, today.year + 2):
        leap = monthrange(year, 2)[1] == 29
        day = 28 if (wall.month, wall.day) == (2, 29) and not leap else wall.day
        again = wall.replace(year=year, day=day)
        if again.date() >= today:
            return again
    raise AssertionError(wall, today)


def next_time_of_day(text: str, now: datetime, zone: str) -> datetime:
    """The next instant at which clocks show a time of day, now included."""
    day = to_wall(now, zone).date()
    for days in range(-1, 3):
        found = to_instant(
            datetime.combine(day + timedelta(days=days), time.fromisoformat(text)), zone
        )
        if found >= now:
            return found
    raise AssertionError(text, now, zone)


def moment_by_reference(
    value: Any, rule: dict[str, Any], now: datetime, zone: str
) -> datetime | None:
    """The instant of `{attribute: …, every, offset, at}`, given the value that it refers to."""
    said = read_date(value, zone)
    if said is None:
        return None
    if "every" in rule:
        wall = to_wall(said, zone) if said.tzinfo else said
        said = anniversary(wall, to_wall(now, zone).date())
    instant = said.astimezone(UTC) if said.tzinfo else to_instant(said, zone)
    if "offset" in rule:
        instant = shift(instant, rule["offset"], zone)
    if "at" in rule:
        day = to_wall(instant, zone).date()
        instant = to_instant(datetime.combine(day, time.fromisoformat(rule["at"])), zone)
    return instant
