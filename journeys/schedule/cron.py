"""Cron lines of five fields: minute, hour, day of the month, month, day of the week."""

from __future__ import annotations

import re
from typing import Final

from journeys.model.moments import WEEKDAYS

_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(WEEKDAYS, 1)}),
)


def check_cron(line: str) -> None:
    """Raises ValueError, saying which field is wrong, unless `line` is a cron line."""
    fields = line.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"`{line}` has {len(fields)} fields; a cron line has five: "
            "minute, hour, day of the month, month, day of the week"
        )
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            match = re.fullmatch(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?", part)
            ends = match[1].split("-") if match else [part]
            numbers = [words[end] if end in words else _number(end) for end in ends if end != "*"]
            inside = all(number is not None and low <= number <= high for number in numbers)
            if match is None or not inside or match[2] == "0":
                raise ValueError(
                    f"`{part}` is no {name} of a cron line; it takes {low} to {high}, *, "
                    "lists, ranges and steps such as */5"
                )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 2 else None
