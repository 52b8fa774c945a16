"""Types of settings that are written as text: durations, and lists of secrets."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from journeys.time.durations import Duration

_BASE = datetime(2000, 1, 1, tzinfo=UTC)
_UTC_ZONE = ZoneInfo("UTC")


def _check_duration(text: str) -> str:
    """The text, if it is a duration of a day at least, such as `90d` or `2y`."""
    duration = Duration.parse(text)
    if duration.add_to(_BASE, _UTC_ZONE) < _BASE + timedelta(days=1):
        raise ValueError(f"{text} is less than a day")
    return text


DurationText = Annotated[str, AfterValidator(_check_duration)]
"""A duration, such as `90d`."""


def _check_duration_or_none(text: str) -> str:
    """The text, if it is such a duration, or none at all, such as `0d`."""
    return text if Duration.parse(text) == Duration() else _check_duration(text)


OptionalDurationText = Annotated[str, AfterValidator(_check_duration_or_none)]
"""A duration that may be `0d`."""


@cache
def _zone_names() -> frozenset[str]:
    """The names of time zones: to read them is to walk through hundreds of files."""
    return frozenset(available_timezones())


def _check_zone(text: str) -> str:
    """The text, if it names a time zone."""
    if text != _UTC_ZONE.key and text not in _zone_names():
        raise ValueError(f"{text!r} is no time zone; write one such as Europe/Paris")
    return text


ZoneName = Annotated[str, AfterValidator(_check_zone)]
"""A time zone by its name in the IANA database, such as `Europe/Paris`."""


def _split_secrets(value: object) -> object:
    """The secrets of `NEW,OLD…`."""
    if isinstance(value, str):
        return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
    return value


Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_secrets)]
"""Secrets, written `NEW,OLD…`."""
