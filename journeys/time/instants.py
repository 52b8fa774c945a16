"""Times in JSON: ISO 8601 text, local unless it has an offset, and numbers.

A number is seconds since 1970, or milliseconds from 10^11 on (which as seconds is the year 5138).
`store.conditions` reads them in the same way in SQL.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from journeys.time.durations import at_local

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 100_000_000_000
_TEXT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9])(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3])(?::?(?P<minutes>[0-5][0-9]))?)?)?"
)


def read_time(value: object) -> datetime | None:
    """The time that `value` holds: aware if it is an instant, naive if it is a local time.

    A date is read as its midnight. None if the value is no time between the years 1 and 9999.
    """
    try:
        if isinstance(value, str):
            return _read_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) >= _MILLISECONDS_FROM:
                return EPOCH + timedelta(milliseconds=value)
            return EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None
    return None


def to_instant(parsed: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a time that `read_time` returned; a naive one is local in `zone`."""
    return at_local(parsed, zone) if parsed.tzinfo is None else parsed


def _read_text(text: str) -> datetime | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    wall = datetime.combine(
        datetime.fromisoformat(match["date"]), time.fromisoformat(match["minute"] or "00:00")
    )
    wall += timedelta(
        seconds=int(match["second"] or 0),
        microseconds=round(int((match["fraction"] or "0").ljust(9, "0")) / 1000),
    )
    if match["offset"] is None:
        return wall
    offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    return wall.replace(tzinfo=UTC) - (-offset if match["sign"] == "-" else offset)
