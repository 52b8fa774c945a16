"""Periods of figures as a request names them: days of the installation, or instants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Query

from api.http.problems import Problem
from api.http.times import parse_time
from journeys.time.durations import Duration
from store.counters.reading import By, Period
from store.reports.dashboard import day_begins

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000
_QUARTER: Final = timedelta(minutes=15)
_MOST: Final[dict[By, timedelta]] = {"hour": timedelta(days=31), "day": timedelta(days=366)}
"""The longest period that is divided into hours, and into days."""

From = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=40,
        description="A day, such as 2026-11-30, of the installation's time zone; or a time.",
    ),
]
To = Annotated[
    str | None,
    Query(alias="to", max_length=40, description="Until then, which is not part of it."),
]


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """A period, and whether it is made of whole days."""

    period: Period
    whole_days: bool


def read_day(text: str, field: str) -> date:
    """A day. Raises Problem 422."""
    try:
        if _DAY.fullmatch(text) and _FIRST_YEAR <= int(text[:4]) <= _LAST_YEAR:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Problem(422, "invalid_request", f"{field}: {text!r} is not a day such as 2026-11-30")


def read_period(
    begins: str | None, ends: str | None, by: By | None, zone: ZoneInfo, kept: str
) -> AskedPeriod:
    """The period that a request names. Raises Problem 422.

    `kept` is how long counters of each quarter of an hour are kept.
    """
    period = Period(read_end(begins, "from", zone), read_end(ends, "to", zone))
    now = datetime.now(UTC)
    if period.begins_at is not None and period.begins_at >= (period.ends_at or now):
        raise _refused("from: must come before `to`, and before now")
    if by is not None:
        most = _MOST[by]
        if period.begins_at is None or (period.ends_at or now) - period.begins_at > most:
            raise _refused(f"by: `{by}` needs a `from`, at most {most.days} days before `to`")
    whole_days = by != "hour" and all(
        each is None or day_begins(each.astimezone(zone).date(), zone) == each
        for each in (period.begins_at, period.ends_at)
    )
    oldest = now - _as_delta(kept, now)
    if not whole_days and (period.begins_at is None or period.begins_at < oldest):
        raise _refused(
            f"from: hours are kept for {kept} (PARCOURS_KEEP_FIGURES): ask for whole days, or for"
            " a later time"
        )
    return AskedPeriod(period, whole_days)


def _as_delta(kept: str, now: datetime) -> timedelta:
    return Duration.parse(kept).add_to(now, ZoneInfo("UTC")) - now


def read_end(text: str | None, field: str, zone: ZoneInfo) -> datetime | None:
    """The begin or the end of a period; None without a text. Raises Problem 422."""
    if text is None:
        return None
    if _DAY.fullmatch(text):
        return day_begins(read_day(text, field), zone)
    try:
        instant = parse_time(text)
    except ValueError as error:
        raise _refused(f"{field}: {error}; or a day such as 2026-11-30") from None
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise _refused(f"{field}: must be of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    if (instant - datetime(2000, 1, 1, tzinfo=UTC)) % _QUARTER:
        raise _refused(f"{field}: must be a whole quarter of an hour, such as 08:15:00")
    return instant


def _refused(message: str) -> Problem:
    return Problem(422, "invalid_request", message)
