"""Cron lines of five fields: minute, hour, day of the month, month, day of the week.

`cronsim` reads them, with the meaning they have in Debian's cron.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cronsim import CronSim, CronSimError

_FIELDS: Final = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12"),
    ("day of the week", "0 to 7"),
)
CRON_LIMIT: Final = 500
"""Characters of a cron line."""
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""`CronSim` asks for a time to start from, which reading a line does not depend on."""


def check_cron(line: str) -> None:
    """Raises ValueError, saying which field is wrong, unless `line` is a cron line."""
    if len(line) > CRON_LIMIT:
        raise ValueError(
            f"the cron line has {len(line):,} characters; it may have at most {CRON_LIMIT}"
        )
    fields = line.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"`{line}` has {len(fields)} fields; a cron line has five: "
            "minute, hour, day of the month, month, day of the week"
        )
    # Each part alone first, so that the error names the part and its field.
    for place, (text, (name, values)) in enumerate(zip(fields, _FIELDS, strict=True)):
        for part in text.split(","):
            if not _is_readable(["*"] * place + [part] + ["*"] * (4 - place)):
                raise ValueError(
                    f"`{part or text}` is no {name} of a cron line; it takes {values}, *, "
                    "lists, ranges such as 1-5 and steps such as */5"
                )
    if not _is_readable(fields):
        raise ValueError(f"`{line}` never comes: no month that it names has that day")


def local_times(line: str, after: datetime) -> Iterator[datetime]:
    """The times of a cron line later than a local time, in order; both naive.

    Ends where the calendar ends, or where the line comes no more for decades.
    """
    if after.tzinfo is not None:
        raise ValueError("the times of a cron line are local times")
    found = CronSim(_with_sunday_last(line.lower()), after)
    try:
        yield from found
    except OverflowError:
        return


def cron_words(line: str) -> str:
    """A cron line in words: `at 10:30 on Monday and Thursday`."""
    words = CronSim(_with_sunday_last(line.lower()), _ANY_TIME).explain()
    return words[:1].lower() + words[1:]


def _is_readable(fields: list[str]) -> bool:
    try:
        CronSim(_with_sunday_last(" ".join(fields)), _ANY_TIME)
    except (CronSimError, ValueError):
        return False
    return True


def _with_sunday_last(line: str) -> str:
    """The line with `fri-sun` as `fri-7`: for `cronsim`, `sun` is 0 and begins the week."""
    return re.sub(r"-sun\b", "-7", line)
