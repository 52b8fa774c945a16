"""Times in requests and responses: RFC 3339 with an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


class NaiveTime(ValueError):
    """A time without an offset, which names no instant."""


def parse_time(text: object) -> datetime:
    """The instant of an RFC 3339 text. Raises NaiveTime without an offset, ValueError otherwise."""
    if not isinstance(text, str):
        raise ValueError("must be a text such as 2026-11-24T08:30:00Z")
    matched = _RFC3339.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-11-24T08:30:00Z")
    if matched[2] is None:
        raise NaiveTime(f"{text!r} has no offset: write 2026-11-24T08:30:00Z or …+01:00")
    fraction = matched[1]
    if fraction is not None and len(fraction) > 7:
        # PostgreSQL stores microseconds.
        text = text.replace(fraction, fraction[:7], 1)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time: no such day or hour") from None


def format_time(instant: datetime) -> str:
    """RFC 3339 in UTC, with a `Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _to_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies beyond the calendar, which has the years 1 to 9999") from None


def _read(value: object) -> datetime:
    return value if isinstance(value, datetime) else parse_time(value)


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_read),
    AfterValidator(_to_utc),
    PlainSerializer(format_time, return_type=str),
]
"""The type of a time in a model: any offset in, UTC out."""
