"""Durations such as `2d`, `1h30m`, `1mo`, `PT2H`, and their addition to instants.

Seconds, minutes and hours are exact. Days, weeks, months and years are units of the calendar in a
time zone: they lead to the same local time on another date. If a clock change skips that time, it
is the first instant after the gap; if it occurs twice, the first of the two. A day that a month
does not have becomes the last day of that month.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Final
from zoneinfo import ZoneInfo

from journeys.time.zones import clock_change

LONGEST: Final = timedelta(days=366 * 100)
"""The longest duration, so that sums stay before the year 9999."""

_COUNT = r"(?P<{0}>\d{{1,12}}){1}"
_EXACT = r"(?P<{0}>\d{{1,12}}(?:\.\d{{1,6}})?){1}"
_SHORT = re.compile(
    r"\s*".join(
        f"(?:{part.format(name, unit)})?"
        for part, name, unit in [
            (_COUNT, "years", "y"),
            (_COUNT, "months", "mo"),
            (_COUNT, "weeks", "w"),
            (_COUNT, "days", "d"),
            (_EXACT, "hours", "h"),
            (_EXACT, "minutes", "m(?!o)"),
            (_EXACT, "seconds", "s"),
        ]
    ),
    re.ASCII,
)
_ISO = re.compile(
    "P"
    + "".join(
        f"(?:{_COUNT.format(name, unit)})?"
        for name, unit in [("years", "Y"), ("months", "M"), ("weeks", "W"), ("days", "D")]
    )
    + "(?:T(?=[0-9])"
    + "".join(
        f"(?:{_EXACT.format(name, unit)})?"
        for name, unit in [("hours", "H"), ("minutes", "M"), ("seconds", "S")]
    )
    + ")?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration: calendar units and an exact part, all of the same sign."""

    exact: timedelta = timedelta()
    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str, *, signed: bool = False) -> Duration:
        """The duration of `2d`, `1h30m`, `1mo` or ISO 8601 (`PT2H`, `P1DT2H`).

        `signed` also allows `+3d` and `-3d`. Raises ValueError that says what would be right.
        """
        body = text.strip()
        negative = False
        if signed and body[:1] in ("+", "-"):
            negative = body[0] == "-"
            body = body[1:]
        match = _SHORT.fullmatch(body) or _ISO.fullmatch(body)
        parts = {k: v for k, v in match.groupdict().items() if v is not None} if match else {}
        if not parts:
            raise ValueError(
                f"`{text}` is not a duration; write 30m, 2h, 1h30m, 3d, 1w, 1mo, 1y or PT2H"
            )
        whole = {name: int(parts.get(name, 0)) for name in ("years", "months", "weeks", "days")}
        try:
            exact = timedelta(
                **{n: float(parts[n]) for n in ("hours", "minutes", "seconds") if n in parts}
            )
            duration = cls(exact=exact, **whole)
            too_long = duration.nominal() > LONGEST
        except OverflowError:
            too_long = True
        if too_long:
            raise ValueError(f"`{text}` is too long; a duration is at most 100 years")
        return -duration if negative else duration

    def __neg__(self) -> Duration:
        return Duration(
            exact=-self.exact,
            years=-self.years,
            months=-self.months,
            weeks=-self.weeks,
            days=-self.days,
        )

    def __str__(self) -> str:
        """The canonical text; `parse` of it is an equal duration."""
        parts = self._parts()
        if not parts:
            return "0s"
        sign = "-" if self._negative() else ""
        return sign + "".join(f"{count}{unit}" for count, unit, _ in parts)

    def words(self) -> str:
        """The duration in a person's words: "2 days", "1 hour 30 minutes"."""
        parts = self._parts() or [("0", "s", "second")]
        words = " ".join(f"{count} {word}{'' if count == '1' else 's'}" for count, _, word in parts)
        return f"minus {words}" if self._negative() else words

    def nominal(self) -> timedelta:
        """The length with days of 24 hours, months of 30 days and years of 365 days."""
        days = self.years * 365 + self.months * 30 + self.weeks * 7 + self.days
        return timedelta(days=days) + self.exact

    def divided(self, speed: float) -> timedelta:
        """The nominal length divided by `speed`, for a clock that runs `speed` times as fast.

        Raises ValueError unless `speed` is positive.
        """
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        return self.nominal() / speed

    def add_to(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The instant, in UTC, that is this duration after `instant`, by the calendar of `zone`.

        Years and months are added first, then weeks and days, then the exact part. Raises
        ValueError if `instant` is naive.
        """
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        months = self.years * 12 + self.months
        days = self.weeks * 7 + self.days
        if not months and not days:
            return instant.astimezone(UTC) + self.exact
        wall = instant.astimezone(zone).replace(tzinfo=None, fold=0)
        wall = add_months(wall, months) + timedelta(days=days)
        return at_local(wall, zone) + self.exact

    def _negative(self) -> bool:
        return self.nominal() < timedelta()

    def _parts(self) -> list[tuple[str, str, str]]:
        micro = abs(self.exact) // timedelta(microseconds=1)
        seconds, micro = divmod(micro, 1_000_000)
        hours, rest = divmod(seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        fraction = f"{seconds}.{micro:06d}".rstrip("0") if micro else str(seconds)
        return [
            (count, unit, word)
            for count, unit, word in (
                (str(abs(self.years)), "y", "year"),
                (str(abs(self.months)), "mo", "month"),
                (str(abs(self.weeks)), "w", "week"),
                (str(abs(self.days)), "d", "day"),
                (str(hours), "h", "hour"),
                (str(minutes), "m", "minute"),
                (fraction, "s", "second"),
            )
            if count != "0"
        ]


def add_months(wall: datetime, months: int) -> datetime:
    """The local time that many months later, on the month's last day if it has no such day."""
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last))


def at_local(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `wall` (naive).

    It is the first of two such instants. For a time that clocks skip, it is the first instant after
    the gap. Raises ValueError if `wall` has a time zone.
    """
    if wall.tzinfo is not None:
        raise ValueError("a local time has no time zone of its own")
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return instant
    # In a gap, fold=0 means the offset before it and fold=1 the offset after it (PEP 495), so the
    # clock change is between the two instants.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return clock_change(floor(before.timestamp()), int(instant.timestamp()), zone)
