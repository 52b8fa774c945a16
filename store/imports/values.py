"""Values of cells, by the type that a mapping gives them. Without one, a text stays a text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from journeys.model.json_values import bounded, find_flaw, is_number
from store.imports.mapping import ValueType

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?\d*)?\s?([Zz]|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_BOOLEANS: Final = {
    "true": True, "t": True, "yes": True, "y": True, "1": True, "on": True,
    "false": False, "f": False, "no": False, "n": False, "0": False, "off": False,
}  # fmt: skip


def convert(value: Any, kind: ValueType, zone: ZoneInfo | None) -> Any:
    """The value as it is stored. Raises ValueError that says what would be right."""
    match kind:
        case "text":
            return value if isinstance(value, str) else orjson.dumps(value).decode()
        case "number":
            return _number(value)
        case "boolean":
            return _boolean(value)
        case "date":
            return _date(value, zone)
        case "json":
            return _json(value)


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        if not _DECIMAL.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is not a number such as 12 or 3.5")
        value = float(text)
    if not is_number(value) or find_flaw(value):
        raise ValueError("must be a number")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    found = _BOOLEANS.get(value.strip().casefold()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{str(value)[:40]!r} is not true or false")
    return found


def _date(value: Any, zone: ZoneInfo | None) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            raise ValueError(f"{value!r} is not a date: no such day") from None
    if not isinstance(value, str) or _MOMENT.fullmatch(value.strip()) is None:
        raise ValueError(f"{str(value)[:40]!r} is not a date such as 2026-11-24")
    return moment(value, zone).isoformat().replace("+00:00", "Z")


def moment(value: Any, zone: ZoneInfo | None) -> datetime:
    """The instant, in UTC, of a text such as `2026-11-24T08:30:00Z`.

    One without an offset is one of `zone`. Raises ValueError without a zone, or if it is no time.
    """
    text = value.strip() if isinstance(value, str) else ""
    found = _MOMENT.fullmatch(text)
    if found is None and _DAY.fullmatch(text):
        text += " 00:00"
        found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{str(value)[:40]!r} is not a time such as 2026-11-24T08:30:00Z")
    if found[3] is not None:
        text = text[: found.start(3)].rstrip() + found[3].upper().replace("UTC", "Z")
    fraction = found[2]
    if fraction is not None:
        text = text.replace(fraction, fraction.replace(",", ".").ljust(7, "0")[:7], 1)
    try:
        instant = datetime.fromisoformat(text.upper())
        if instant.tzinfo is None:
            if zone is None:
                raise _NoOffset
            instant = instant.replace(tzinfo=zone)
        return instant.astimezone(UTC)
    except _NoOffset:
        raise ValueError(
            f"{text[:40]!r} has no offset: write …Z or …+01:00, or say the file's time zone"
        ) from None
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a time: no such day or hour") from None


class _NoOffset(Exception):
    """A time names no instant."""


def _json(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"is not JSON: {error.msg}") from None
    return check_json(value)


def check_json(value: Any) -> Any:
    """A JSON value that can be stored. Raises ValueError."""
    flaw = find_flaw(value)
    if flaw is not None:
        raise ValueError(f"cannot be stored: {flaw.replace('_', ' ')}")
    return bounded(value)
