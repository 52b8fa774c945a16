"""Dates in templates: which values are dates, and how a format prints them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from journeys.templating.failures import Unfit
from journeys.templating.values import Now, kind_of
from journeys.time.instants import read_time, to_instant

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIRECTIVE = re.compile(r"%([-_0^#]*)([0-9]{0,2})(:{0,2})(.?)", re.DOTALL)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_COMPOUND: Final = {
    "D": "%m/%d/%y", "x": "%m/%d/%y", "F": "%Y-%m-%d", "v": "%e-%^b-%Y", "R": "%H:%M",
    "T": "%H:%M:%S", "X": "%H:%M:%S", "r": "%I:%M:%S %p", "c": "%a %b %e %H:%M:%S %Y",
    "+": "%a %b %e %H:%M:%S %Z %Y",
}  # fmt: skip
_LONGEST_FORMAT: Final = 500
DATES: Final = "write 2026-12-31, 2026-12-31T09:00 or seconds since 1970"


@dataclass(frozen=True, slots=True)
class _Number:
    """A directive that prints a number: its value, its usual width and its padding."""

    value: Callable[[datetime], int]
    width: int
    pad: str = "0"


_NUMBERS: Final[dict[str, _Number]] = {
    "Y": _Number(lambda at: at.year, 4),
    "C": _Number(lambda at: at.year // 100, 2),
    "y": _Number(lambda at: at.year % 100, 2),
    "m": _Number(lambda at: at.month, 2),
    "d": _Number(lambda at: at.day, 2),
    "e": _Number(lambda at: at.day, 2, " "),
    "j": _Number(lambda at: at.timetuple().tm_yday, 3),
    "H": _Number(lambda at: at.hour, 2),
    "k": _Number(lambda at: at.hour, 2, " "),
    "I": _Number(lambda at: at.hour % 12 or 12, 2),
    "l": _Number(lambda at: at.hour % 12 or 12, 2, " "),
    "M": _Number(lambda at: at.minute, 2),
    "S": _Number(lambda at: at.second, 2),
    "u": _Number(lambda at: at.isoweekday(), 1),
    "w": _Number(lambda at: at.isoweekday() % 7, 1),
    "G": _Number(lambda at: at.isocalendar().year, 4),
    "g": _Number(lambda at: at.isocalendar().year % 100, 2),
    "V": _Number(lambda at: at.isocalendar().week, 2),
    "U": _Number(lambda at: (at.timetuple().tm_yday + 6 - at.isoweekday() % 7) // 7, 2),
    "W": _Number(lambda at: (at.timetuple().tm_yday + 6 - at.weekday()) // 7, 2),
    "s": _Number(lambda at: int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1), 1),
}
_WORDS: Final[dict[str, Callable[[datetime], str]]] = {
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "h": lambda at: _MONTHS[at.month - 1][:3],
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "P": lambda at: "am" if at.hour < 12 else "pm",
    "Z": lambda at: at.tzname() or "",
    "n": lambda at: "\n",
    "t": lambda at: "\t",
    "%": lambda at: "%",
}
_KNOWN: Final = frozenset({*_NUMBERS, *_WORDS, *_COMPOUND, "L", "N", "z"})


def check_format(text: str) -> None:
    """Raises Unfit if the format of a date has a directive that there is not."""
    if len(text) > _LONGEST_FORMAT:
        raise Unfit(f"is longer than {_LONGEST_FORMAT} characters")
    if not text.strip():
        raise Unfit("is empty; write for example '%d/%m/%Y'")
    for found in _DIRECTIVE.finditer(text):
        letter = found[4]
        if letter not in _KNOWN or (found[3] and letter != "z"):
            raise Unfit(
                f"has `{found[0]}`, which prints nothing; write for example '%d/%m/%Y %H:%M'"
            )


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name. Raises Unfit if there is none."""
    try:
        if not name.isascii() or name.startswith((".", "/")):
            raise ValueError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unfit("is no time zone; write one such as Europe/Paris") from None


def local_time(value: object, zone: ZoneInfo, target: ZoneInfo, now: datetime) -> datetime:
    """The time that a value holds, as clocks of `target` show it.

    Times without an offset are local in `zone`; a date without a time is that date everywhere.
    Raises Unfit if the value is no date.
    """
    if isinstance(value, Now):
        return value.at.astimezone(target)
    if isinstance(value, str) and value in ("now", "today"):
        return now.astimezone(target)
    parsed = read_time(str(value) if isinstance(value, str) else value)
    if parsed is None:
        what = "" if isinstance(value, str | int | float) else f", it is {kind_of(value)}"
        raise Unfit(f"is no date{what}; {DATES}")
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return parsed.replace(tzinfo=target)
        return to_instant(parsed, zone).astimezone(target)
    except (OverflowError, ValueError):
        raise Unfit("lies outside the years 1 to 9999 there") from None


def format_date(at: datetime, text: str) -> str:
    """A time in a format of strftime, with the flags of Ruby's, in English.

    Raises Unfit if the format is not one.
    """
    check_format(text)
    return _format(at, text)


def _format(at: datetime, text: str) -> str:
    return _DIRECTIVE.sub(lambda found: _directive(at, *found.groups()), text)


def _directive(at: datetime, flags: str, width: str, colons: str, letter: str) -> str:
    if letter in _NUMBERS:
        number = _NUMBERS[letter]
        pad = {"_": " ", "0": "0", "-": ""}.get(_last(flags, "-_0"), number.pad)
        digits = str(number.value(at))
        return digits.rjust(int(width or number.width), pad) if pad else digits
    if letter in "LN":
        return f"{at.microsecond:06d}000"[: int(width or (3 if letter == "L" else 9))]
    if letter == "z":
        printed = _offset(at, colons)
    elif letter in _COMPOUND:
        printed = _format(at, _COMPOUND[letter])
    else:
        printed = _WORDS[letter](at)
    if "^" in flags:
        printed = printed.upper()
    elif "#" in flags:
        printed = printed.lower() if letter in "pZ" else printed.upper()
    if not width or "-" in flags:
        return printed
    return printed.rjust(int(width), "0" if "0" in flags else " ")


def _last(flags: str, among: str) -> str:
    return next((flag for flag in reversed(flags) if flag in among), "")


def _offset(at: datetime, colons: str) -> str:
    offset = at.utcoffset()
    seconds = round(offset.total_seconds()) if offset is not None else 0
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    parts = [seconds // 3600, seconds // 60 % 60, seconds % 60][: 3 if colons == "::" else 2]
    return sign + (":" if colons else "").join(f"{part:02d}" for part in parts)
