"""Whether any value meets several operators at once.

Values are made of the operands: if none of these meets all operators, no value does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise, product
from typing import Any, Final

from journeys.checks.value_domains import Domain
from journeys.model.json_values import is_number
from journeys.model.moments import is_time_of_day
from journeys.model.values import DocumentModel
from journeys.time.durations import Duration
from journeys.time.instants import read_time

Operators = Mapping[str, Any]
"""By the word of the document: an operand, or a list of them for `in` and `not_in`."""

PARTS: Final = ("contains", "starts_with", "ends_with")
INSTANTS: Final = ("before", "after")
_CLOCK_CHANGE: Final = timedelta(hours=26)
"""More than any change of a zone's clocks; a zone may even leave out a day."""
MOST_VALUES: Final = 300
"""Longer lists are not compared with other operators: it would take too long."""
NEGATIVE: Final = ("is_not", "not_in")


def known_operators(operators: Operators) -> dict[str, Any]:
    """The operators whose operands hold no reference: of the others any value may be meant."""
    return {
        word: operand
        for word, operand in operators.items()
        if not isinstance(operand, DocumentModel | dict)
        and not (isinstance(operand, list) and any(isinstance(o, DocumentModel) for o in operand))
    }


def can_be_met(known: Operators, domain: Domain) -> bool:
    """Whether a value of the domain meets all operators, or that can't be known.

    `before` and `after` count as met by every time: see `is_reversed`.
    """
    if any(word in INSTANTS for word in known) and any(word in PARTS for word in known):
        return True
    if sum(len(operand) for operand in known.values() if isinstance(operand, list)) > MOST_VALUES:
        return True
    return any(_meets_all(value, known, domain) for value in _candidates(known, domain))


def _candidates(known: Operators, domain: Domain) -> Iterator[Any]:
    """Values of every kind, so that if one meets all operators, one of these does."""
    plain = [
        each
        for operand in known.values()
        for each in (operand if isinstance(operand, list) else [operand])
        if each is not None
    ]
    yield from (each for each in plain if domain.allows(each))
    if domain.choices is not None:
        yield from domain.choices()
        return
    yield from _numbers([each for each in plain if is_number(each)], domain.whole)
    yield from (True, False)
    if "text" in domain.kinds:
        yield from _texts(known, domain)
    yield from ([each] for each in plain)
    yield {}


def _numbers(operands: Sequence[int | float], whole: bool) -> Iterator[Any]:
    ordered = sorted({Fraction(number) for number in operands})
    if not ordered:
        yield 0
        return
    between = [(one + other) / 2 for one, other in pairwise(ordered)]
    near = [number + step for number in ordered for step in (-1, 0, 1)]
    if whole:
        # Between two bounds there may be many whole numbers, and the others exclude some of them.
        starts = [int(number) for number in near]
        yield from (start + step for start in starts for step in range(len(ordered) + 2))
        return
    yield from (*between, *near)
    thirds = sorted({*ordered, *between})
    yield from ((one + other) / 2 for one, other in pairwise(thirds))


def _texts(known: Operators, domain: Domain) -> Iterator[str]:
    if any(word in known for word in INSTANTS):
        yield "2026-01-01T12:00:00Z"
    start, middle, end = (
        known[word] if isinstance(known.get(word), str) else ""
        for word in ("starts_with", "contains", "ends_with")
    )
    yield from _overlaps(start, end)
    yield from _overlaps(start, middle)
    yield from _overlaps(middle, end)
    around = domain.fillers
    yield from (
        before + start + one + middle + other + end + after
        for before in ([""] if start else around)
        for after in ([""] if end else around)
        for one, other in product(around if start and middle else [""], around if end else [""])
    )


def _overlaps(one: str, other: str) -> Iterator[str]:
    """Texts that begin with one and end with the other, which share some letters."""
    for shared in range(min(len(one), len(other)) + 1):
        if one.endswith(other[:shared]):
            yield one + other[shared:]


def _meets_all(value: Any, known: Operators, domain: Domain) -> bool:
    if isinstance(value, Fraction):
        if "number" not in domain.kinds:
            return False
    elif not domain.allows(value):
        return False
    return all(_meets(value, word, operand) for word, operand in known.items())


def _meets(value: Any, word: str, operand: Any) -> bool:
    match word:
        case "exists":
            return operand is not False
        case "is":
            return _equal(value, operand)
        case "is_not":
            return not _equal(value, operand)
        case "in":
            return any(_equal(value, each) for each in operand or [])
        case "not_in":
            return not any(_equal(value, each) for each in operand or [])
        case "gt" | "gte" | "lt" | "lte":
            return _ordered(value, word, operand)
        case "before" | "after":
            return read_time(float(value) if isinstance(value, Fraction) else value) is not None
        case "contains" if isinstance(value, list):
            return any(_equal(each, operand) for each in value)
        case "contains" | "starts_with" | "ends_with":
            if not (isinstance(value, str) and isinstance(operand, str)):
                return False
            found = {"contains": value.__contains__, "starts_with": value.startswith}
            return found.get(word, value.endswith)(operand)
    return True


def _is_numeric(value: Any) -> bool:
    return is_number(value) or isinstance(value, Fraction)


def _equal(value: Any, operand: Any) -> bool:
    if _is_numeric(value) or _is_numeric(operand):
        return _is_numeric(value) and _is_numeric(operand) and bool(value == operand)
    return type(value) is type(operand) and bool(value == operand)


def _ordered(value: Any, word: str, operand: Any) -> bool:
    if not (_is_numeric(value) and _is_numeric(operand)):
        return False
    exact = Fraction(operand)
    if word in ("gt", "gte"):
        return bool(value > exact or (word == "gte" and value == exact))
    return bool(value < exact or (word == "lte" and value == exact))


def is_reversed(after: Any, before: Any) -> bool:
    """Whether the first of two moments is surely not before the second."""
    if isinstance(after, DocumentModel) or isinstance(before, DocumentModel):
        return False
    if after == before:
        return True
    one, other = _distances(after), _distances(before)
    if one is not None and other is not None:
        return one[0] >= other[1]
    first, last = read_time(after), read_time(before)
    if first is None or last is None or (first.tzinfo is None) != (last.tzinfo is None):
        return False
    return first >= last


def _distances(moment: Any) -> tuple[timedelta, timedelta] | None:
    """The least and the most that a moment lies after the instant at which it is read.

    They differ, for months and days differ in length. None for a moment that is not relative.
    """
    if moment == "now":
        return timedelta(), timedelta()
    if not isinstance(moment, str) or moment[:1] not in ("+", "-") or is_time_of_day(moment):
        return None
    try:
        shift = Duration.parse(moment, signed=True)
    except ValueError:
        return None
    days = shift.weeks * 7 + shift.days
    lengths = [
        timedelta(days=shift.years * year + shift.months * month + days) + shift.exact
        for year, month in ((365, 28), (366, 31))
    ]
    calendar = shift.years or shift.months or days
    change = _CLOCK_CHANGE if calendar else timedelta()
    return min(lengths) - change, max(lengths) + change
