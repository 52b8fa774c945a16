"""Values in templates: what is empty, what is equal, and what may be printed.

The rules are those of conditions (`store.conditions`): text never equals a number, `true` is not 1,
and a comparison of the wrong types is false. Missing, null and empty values are alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any, Final, Literal

from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.undefined import Undefined

from journeys.templating.failures import Unfit
from journeys.time.instants import read_time, to_instant

Spend = Callable[[int], None]

_OF_JSON: Final = frozenset({str, int, float, bool, dict, list})
_DEEPEST: Final = 100
"""How many lists and objects inside each other are compared."""


@dataclass(frozen=True, slots=True)
class Now:
    """`now` or `today`: the instant of the message, in the zone of its contact."""

    at: datetime
    word: Literal["now", "today"]

    def __str__(self) -> str:
        return self.at.isoformat() if self.word == "now" else self.at.date().isoformat()


def is_empty(value: object) -> bool:
    """Whether a value is missing, null, or has nothing in it: no text, no element."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, int | float):
        return False
    if isinstance(value, list | dict | tuple | range):
        return not value
    # It is an abstract class, so this is asked last.
    return isinstance(value, Undefined)


def is_true(value: object) -> bool:
    """Whether `if` takes a value for true: all are but false and empty ones."""
    return value is not False and not is_empty(value)


def kind_of(value: object) -> str:
    """What a value is, for people."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list | tuple | range):
        return "a list"
    if isinstance(value, Now | date):
        return "a date"
    return "empty" if is_empty(value) else "an object"


def plain_text(value: object) -> str:
    """A value as it is printed. Raises Unfit for a list, an object, and what is no number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not isfinite(value):
        raise Unfit("is no number that can be printed")
    if isinstance(value, int | float | Now):
        return str(value)
    if is_empty(value):
        return ""
    raise Unfit(f"is {kind_of(value)}")


def json_text(value: object) -> str:
    """A value as JSON, on one line. Raises Unfit if it has no JSON."""
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_as_json
        )
    except (TypeError, ValueError, RecursionError):
        raise Unfit("has no JSON") from None


def _as_json(value: object) -> object:
    if value is None or isinstance(value, Undefined):
        return None
    if isinstance(value, range):
        return list(value)
    if isinstance(value, Now):
        return str(value)
    raise TypeError


def equal(left: object, right: object, spend: Spend, depth: int = 0) -> bool:
    """Whether two values are equal: `==`, `case`, `contains` of a list, `where`.

    `spend` takes the work of what is inside them.
    """
    if isinstance(left, Blank | Empty):
        left, right = right, left
    if isinstance(right, Blank):
        return left is False or isinstance(left, Blank) or is_empty(left)
    if isinstance(right, Empty):
        whitespace = isinstance(left, str) and left != ""
        return isinstance(left, Empty) or (is_empty(left) and not whitespace)
    if is_empty(left) or is_empty(right):
        return is_empty(left) and is_empty(right)
    if isinstance(left, Now) or isinstance(right, Now):
        return _in_order(left, right, lambda one, other: one == other)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and str(left) == str(right)
    if isinstance(left, int | float) or isinstance(right, int | float):
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return numbers and left == right
    if depth > _DEEPEST:
        return False
    if isinstance(left, dict | list | tuple):
        spend(2 * len(left))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            equal(left[name], right[name], spend, depth + 1) for name in left
        )
    if isinstance(left, list | tuple | range) and isinstance(right, list | tuple | range):
        return len(left) == len(right) and all(
            equal(one, other, spend, depth + 1) for one, other in zip(left, right, strict=True)
        )
    return False


def ordered(left: object, right: object, test: Any) -> bool:
    """Whether two numbers, or `now` and a date, pass the test of `<`, `<=`, `>` or `>=`."""
    if isinstance(left, Now) or isinstance(right, Now):
        return _in_order(left, right, test)
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, int | float) and isinstance(right, int | float):
        return bool(test(left, right))
    return False


def contains(left: object, right: object, spend: Spend) -> bool:
    """Whether a text has a text in it, or a list an element."""
    if isinstance(left, str):
        return isinstance(right, str) and right != "" and str(right) in str(left)
    if isinstance(left, list | tuple):
        spend(len(left))
        return not is_empty(right) and any(equal(each, right, spend) for each in left)
    if isinstance(left, range):
        return isinstance(right, int) and not isinstance(right, bool) and right in left
    return False


def _in_order(left: object, right: object, test: Any) -> bool:
    now = left if isinstance(left, Now) else right
    assert isinstance(now, Now)
    both = []
    for each in (left, right):
        if isinstance(each, Now):
            both.append(each.at)
            continue
        parsed = read_time(each)
        if parsed is None:
            return False
        both.append(to_instant(parsed, now.at.tzinfo))  # type: ignore[arg-type]
    return bool(test(*both))


def reach(value: object, parts: Sequence[object]) -> object:
    """What is at a path inside a value; None if there is nothing.

    As in conditions, a key with the very name of the path wins over what is inside: of
    `{"a.b": 1, "a": {"b": 2}}`, `a.b` is 1.
    """
    if len(parts) > 1 and isinstance(value, dict):
        name = ".".join(map(str, parts))
        if name in value and all(isinstance(part, str) for part in parts):
            return value[name]
    for part in parts:
        value = _element(value, part)
        if type(value) not in _OF_JSON and (value is None or isinstance(value, Undefined)):
            return None
    return value


def _element(value: object, part: object) -> object:
    if isinstance(value, dict) or (not isinstance(value, str) and isinstance(value, Mapping)):
        if isinstance(part, str) and part in value:
            return value[str(part)]
        return len(value) if part == "size" else None
    if isinstance(value, str):
        return len(value) if part == "size" else None
    if not isinstance(value, list | tuple | range):
        return None
    if part == "size":
        return value.stop - value.start if isinstance(value, range) else len(value)
    place = {"first": 0, "last": -1}.get(part) if isinstance(part, str) else part
    if isinstance(place, bool) or not isinstance(place, int):
        return None
    try:
        return value[place]
    except IndexError:
        return None
