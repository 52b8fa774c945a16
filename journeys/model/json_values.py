"""JSON values of any origin: what events and attributes can hold, and what is wrong with others."""

from __future__ import annotations

import json
import math
from typing import Any, Final, Literal, TypeGuard

DEPTH_LIMIT: Final = 100
"""Levels of nesting. Libraries that write JSON fail beyond some hundreds."""
LARGEST_INTEGER: Final = 2**63 - 1
"""Larger integers are kept as floating-point numbers: JSON's readers differ about them."""

Flaw = Literal["out_of_range", "not_storable", "too_deep"]
"""A number beyond 64-bit floating point, a text that PostgreSQL cannot hold, or too many levels."""


def find_flaw(value: Any) -> Flaw | None:
    """What keeps a JSON value from being stored; None if nothing does."""
    level = [value]
    for _ in range(DEPTH_LIMIT + 1):
        if any(map(_is_endless, level)):
            return "out_of_range"
        if any(isinstance(each, str) and not is_storable(each) for each in level):
            return "not_storable"
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                if not all(map(is_storable, each)):
                    return "not_storable"
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return None
        level = inner
    return "too_deep"


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number. Python counts true and false among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def bounded_number(number: int | float) -> int | float:
    """The number, as floating point if it is an integer beyond 64 bits.

    An integer beyond floating point as well stays as it is: `find_flaw` finds it.
    """
    if not isinstance(number, int) or -LARGEST_INTEGER <= number <= LARGEST_INTEGER:
        return number
    try:
        return float(number)
    except OverflowError:
        return number


def bounded(value: Any) -> Any:
    """The JSON value with every number in it bounded. One that is nested too deeply stays."""
    if isinstance(value, dict | list):
        return value if find_flaw(value) == "too_deep" else _bounded(value)
    return _bounded(value)


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_bounded(inner) for inner in value]
    return bounded_number(value) if is_number(value) else value


def _is_endless(value: Any) -> bool:
    """Whether it is a number that no floating-point number of 64 bits is near to."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return (
        is_number(value) and isinstance(bounded_number(value), int) and abs(value) > LARGEST_INTEGER
    )


def read_json(text: str) -> Any:
    """The value of a JSON text of PostgreSQL, which takes numbers of more digits than Python reads.

    Such a number is read as its digits, a text.
    """
    return json.loads(text, parse_int=_read_integer)


def _read_integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits
