"""Conversion of providers' answers for PostgreSQL, which cannot store NUL or lone surrogates."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable_text(text: str) -> str:
    """The text, with U+FFFD for every character that PostgreSQL cannot store."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable_json(text: str) -> Any:
    """The value of a JSON text, as `jsonb` can store it.

    Raises ValueError if the text is not JSON (RFC 8259, which has no `NaN`), nests too deeply, or
    holds a number that is too large.
    """
    try:
        return _storable(json.loads(text, parse_constant=_no_constant, parse_float=_finite))
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None


def _storable(value: Any) -> Any:
    match value:
        case str():
            return storable_text(value)
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {storable_text(name): _storable(item) for name, item in value.items()}
        case _:
            return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{digits} is too large a number")
    return number
