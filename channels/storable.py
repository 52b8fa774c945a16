"""Answers of providers made fit for PostgreSQL, which takes neither NUL nor lone surrogates."""

from __future__ import annotations

import json
import re
from typing import Any

_UNFIT = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable_text(text: str) -> str:
    """The text with U+FFFD for every character that PostgreSQL refuses."""
    return _UNFIT.sub(_REPLACEMENT, text)


def storable_json(text: str) -> Any:
    """The value that a JSON text means, as `jsonb` can hold it.

    Raises ValueError if it is no JSON (RFC 8259: `NaN` is none), or if it nests too deeply or
    holds a number too large to be read.
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
