"""The filters: what each takes and gives, checked by validation and again at rendering."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from journeys.templating import list_filters as lists
from journeys.templating import number_filters as numbers
from journeys.templating import text_filters as texts
from journeys.templating.budget import LONGEST_LIST, Budget, bounded
from journeys.templating.dates import check_format, format_date, local_time, zone_named
from journeys.templating.failures import TemplateLimit, Unfit
from journeys.templating.values import is_empty, is_true, json_text, kind_of, plain_text


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What filters know of the message: its instant, its contact's zone, its kind of text."""

    now: datetime
    zone: ZoneInfo
    html: bool
    budget: Budget


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: its function, and the kinds of its value and arguments.

    Kinds are `text`, `number`, `whole` (a number), `list`, `sequence` (text or a list), `format`
    and `zone` (of dates), and `any`. The first `needed` arguments must be there.
    """

    function: Callable[..., Any]
    value: str
    arguments: tuple[str, ...] = ()
    needed: int | None = None
    takes_empty: bool = False
    """It has a use for a missing, null or empty value; other filters give nothing for one."""
    wants: tuple[str, ...] = ()
    """Parts of the surroundings that the function takes by name."""
    work: int = 3
    """Units of work for any value."""
    cost: int = 100
    """Characters for a unit of work."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Arguments by name."""

    @property
    def least(self) -> int:
        """How many arguments must be there."""
        return len(self.arguments) if self.needed is None else self.needed


def _date(
    value: object, format_: str, zone: str | None = None, *, surroundings: Surroundings
) -> str:
    target = surroundings.zone if zone is None else zone_named(zone)
    at = local_time(value, surroundings.zone, target, surroundings.now)
    printed = format_date(at, str(format_))
    return Markup(printed) if isinstance(format_, Markup) else printed


def _default(value: object, other: object = "", *, allow_false: object = False) -> object:
    if value is False:
        return value if is_true(allow_false) else other
    return other if is_empty(value) else value


def _size(value: object) -> int:
    return 0 if is_empty(value) or not isinstance(value, str | list | dict) else len(value)


def _json(value: object, *, surroundings: Surroundings) -> str:
    _spend_inside(value, surroundings.budget)
    return json_text(value)


def _spend_inside(value: object, budget: Budget, depth: int = 0) -> None:
    """Take the work of going through all that is inside a value."""
    if depth > 100:
        raise Unfit("has too many lists and objects inside each other")
    if isinstance(value, list | dict):
        budget.spend(1 + len(value) // 2)
        for each in value if isinstance(value, list) else value.values():
            if isinstance(each, list | dict):
                _spend_inside(each, budget, depth + 1)
            elif isinstance(each, str):
                budget.spend(1 + len(each) // 100)


_HTML: Final = ("html_output",)
_SPEND: Final = ("spend",)
_PROPERTY: Final = ("text", "any")

FILTERS: Final[dict[str, Filter]] = {
    # text
    "append": Filter(texts.append, "text", ("text",)),
    "base64_decode": Filter(texts.base64_decode, "text"),
    "base64_encode": Filter(texts.base64_encode, "text"),
    "base64_url_safe_decode": Filter(texts.base64_url_safe_decode, "text"),
    "base64_url_safe_encode": Filter(texts.base64_url_safe_encode, "text"),
    "capitalize": Filter(lambda value: value.capitalize(), "text"),
    "downcase": Filter(lambda value: value.lower(), "text"),
    "escape": Filter(texts.escape_html, "text", wants=_HTML),
    "escape_once": Filter(texts.escape_once, "text", wants=_HTML, cost=20),
    "escapejs": Filter(texts.escapejs, "text", wants=_HTML, cost=5),
    "lstrip": Filter(lambda value: value.lstrip(), "text"),
    "newline_to_br": Filter(texts.newline_to_br, "text", wants=_HTML, cost=20),
    "prepend": Filter(texts.prepend, "text", ("text",)),
    "remove": Filter(texts.remove, "text", ("text",)),
    "remove_first": Filter(texts.remove_first, "text", ("text",)),
    "remove_last": Filter(texts.remove_last, "text", ("text",)),
    "replace": Filter(texts.replace, "text", ("text", "text"), 1, cost=50),
    "replace_first": Filter(texts.replace_first, "text", ("text", "text"), 1),
    "replace_last": Filter(texts.replace_last, "text", ("text", "text"), 1),
    "rstrip": Filter(lambda value: value.rstrip(), "text"),
    "safe": Filter(texts.safe, "text", wants=_HTML),
    "slice": Filter(texts.slice_, "sequence", ("whole", "whole"), 1),
    "split": Filter(texts.split, "text", ("text",), cost=10),
    "squish": Filter(texts.squish, "text", cost=20),
    "strip": Filter(lambda value: value.strip(), "text"),
    "strip_html": Filter(texts.strip_html, "text", cost=5),
    "strip_newlines": Filter(texts.strip_newlines, "text", cost=20),
    "truncate": Filter(texts.truncate, "text", ("whole", "text"), 0),
    "truncatewords": Filter(texts.truncatewords, "text", ("whole", "text"), 0, cost=20),
    "upcase": Filter(lambda value: value.upper(), "text"),
    "url_decode": Filter(texts.url_decode, "text", cost=10),
    "url_encode": Filter(texts.url_encode, "text", wants=_HTML, cost=10),
    # numbers
    "abs": Filter(numbers.absolute, "number"),
    "at_least": Filter(numbers.at_least, "number", ("number",)),
    "at_most": Filter(numbers.at_most, "number", ("number",)),
    "ceil": Filter(numbers.ceil, "number"),
    "divided_by": Filter(numbers.divided_by, "number", ("number",)),
    "floor": Filter(numbers.floor, "number"),
    "minus": Filter(numbers.minus, "number", ("number",)),
    "modulo": Filter(numbers.modulo, "number", ("number",)),
    "plus": Filter(numbers.plus, "number", ("number",)),
    "round": Filter(numbers.round_, "number", ("whole",), 0),
    "times": Filter(numbers.times, "number", ("number",)),
    # lists
    "compact": Filter(lists.compact, "list", ("text",), 0),
    "concat": Filter(lists.concat, "list", ("list",), takes_empty=True),
    "find": Filter(lists.find, "list", _PROPERTY, 1, wants=_SPEND),
    "find_index": Filter(lists.find_index, "list", _PROPERTY, 1, wants=_SPEND),
    "first": Filter(lists.first, "list"),
    "has": Filter(lists.has, "list", _PROPERTY, 1, wants=_SPEND),
    "join": Filter(lists.join, "list", ("text",), 0, wants=_HTML),
    "last": Filter(lists.last, "list"),
    "map": Filter(lists.map_, "list", ("text",)),
    "reject": Filter(lists.reject, "list", _PROPERTY, 1, wants=_SPEND),
    "reverse": Filter(lists.reverse, "list"),
    "sort": Filter(lists.sort, "list", ("text",), 0),
    "sort_natural": Filter(lists.sort_natural, "list", ("text",), 0),
    "sum": Filter(lists.sum_, "list", ("text",), 0),
    "uniq": Filter(lists.uniq, "list", ("text",), 0),
    "where": Filter(lists.where, "list", _PROPERTY, 1, wants=_SPEND),
    # anything
    "date": Filter(_date, "any", ("format", "zone"), 1, wants=("surroundings",), work=15),
    "default": Filter(_default, "any", ("any",), 0, takes_empty=True, named={"allow_false": "any"}),
    "json": Filter(_json, "any", takes_empty=True, wants=("surroundings",)),
    "size": Filter(_size, "any", takes_empty=True),
}
_EACH_INSIDE: Final = frozenset({"uniq"})

_WORDS: Final = {
    "text": "text",
    "number": "a number",
    "whole": "a whole number",
    "list": "a list",
    "format": "the format of a date, such as '%d/%m/%Y'",
    "zone": "a time zone, such as 'Europe/Paris'",
    "any": "a value",
}


def check_arguments(
    name: str, positional: Sequence[tuple[bool, object]], named: Mapping[str, object]
) -> None:
    """Check the arguments that a template gives to a filter: (is it a literal, its value).

    Raises Unfit, with a text that goes on after the name of the filter.
    """
    known = FILTERS[name]
    most = len(known.arguments)
    if len(positional) < known.least:
        missing = " and ".join(_WORDS[kind] for kind in known.arguments[len(positional) :][:1])
        raise Unfit(f"needs {missing}; write {name}: {_example(name)}")
    if len(positional) > most:
        takes = f"takes at most {most} argument{'s' * (most != 1)}" if most else "takes no argument"
        raise Unfit(f"{takes}, and gets {len(positional)}")
    for extra in named:
        if extra not in known.named:
            raise Unfit(f"has no argument `{extra}`")
    for kind, (literal, value) in zip(known.arguments, positional, strict=False):
        if not literal:
            continue
        try:
            _as(kind, value)
        except Unfit as error:
            raise Unfit(f"needs {_WORDS[kind]}: `{_shown(value)}` {error}") from None
        if name in ("divided_by", "modulo") and not numbers_value(value):
            raise Unfit("can't divide by 0")


def numbers_value(value: object) -> int | float:
    """A number, also one that is written as text. Raises Unfit for others."""
    if isinstance(value, bool):
        raise Unfit("is true or false")
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise Unfit("is no number that can be computed with")
        return value
    if isinstance(value, str) and len(value) <= 100:
        try:
            return int(value)
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise Unfit("is text that is no number" if isinstance(value, str) else f"is {kind_of(value)}")


def apply(
    name: str,
    value: object,
    positional: Sequence[object],
    named: Mapping[str, object],
    surroundings: Surroundings,
) -> object:
    """What a filter gives for a value. Raises Unfit, and TemplateLimit."""
    known = FILTERS[name]
    budget = surroundings.budget
    if is_empty(value) and not known.takes_empty:
        budget.spend(1)
        return None
    budget.spend(
        known.work + _length(value, known.cost) + sum(_length(each, 100) for each in positional)
    )
    if name in _EACH_INSIDE:
        _spend_inside(value, budget)
    value = bounded(_as(known.value, value))
    arguments = []
    for place, (kind, each) in enumerate(zip(known.arguments, positional, strict=False), start=1):
        try:
            arguments.append(_as(kind, each))
        except Unfit as error:
            which = "its argument" if len(known.arguments) == 1 else f"its argument {place}"
            raise Unfit(
                f"gets {which} wrong: it {error}",
            ) from None
    extra: dict[str, object] = dict(named)
    if "html_output" in known.wants:
        extra["html_output"] = surroundings.html
    if "spend" in known.wants:
        extra["spend"] = budget.spend
    if "surroundings" in known.wants:
        extra["surroundings"] = surroundings
    result = bounded(known.function(value, *arguments, **extra))
    budget.spend(_length(result, known.cost))
    return result


def _length(value: object, cost: int) -> int:
    if isinstance(value, str):
        return len(value) // cost
    if isinstance(value, list | dict | range):
        return len(value) if not isinstance(value, range) else 0
    return 1


def _as(kind: str, value: object) -> object:
    """The value as the kind that a filter takes. Raises Unfit if it can't be."""
    if kind == "text":
        return plain_text(value)
    if kind == "number":
        return numbers_value(value)
    if kind == "whole":
        number = numbers_value(value)
        if number != int(number):
            raise Unfit("is no whole number")
        return max(-(10**9), min(int(number), 10**9))
    if kind == "list" or (kind == "sequence" and not isinstance(value, str)):
        return _as_list(value) if kind == "list" or isinstance(value, list) else plain_text(value)
    if kind in ("format", "zone"):
        if not isinstance(value, str):
            raise Unfit(f"is {kind_of(value)}")
        if kind == "format":
            check_format(value)
        else:
            zone_named(value)
    return value


def _as_list(value: object) -> list[object]:
    if isinstance(value, range):
        if value.stop - value.start > LONGEST_LIST:
            raise TemplateLimit
        return list(value)
    if isinstance(value, dict):
        return [value]
    if is_empty(value):
        return []
    if not isinstance(value, list | tuple):
        raise Unfit(f"is {kind_of(value)}, and no list")
    flat: list[object] = []
    for each in value:
        flat.extend(each if isinstance(each, list) else [each])
    return flat


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _example(name: str) -> str:
    return {
        "date": "'%d/%m/%Y'", "split": "','", "map": "'name'", "where": "'name'", "slice": "0",
        "concat": "entry.items", "replace": "'a', 'b'",
    }.get(name, "'name'" if "any" in FILTERS[name].arguments else
          "2" if "number" in FILTERS[name].arguments else "'text'")  # fmt: skip
