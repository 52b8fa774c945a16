"""Filters on lists. Each function gets a list, and arguments of the kinds that `filters` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from markupsafe import escape

from journeys.templating.budget import LONGEST_TEXT
from journeys.templating.failures import TemplateLimit, Unfit
from journeys.templating.values import (
    Spend,
    equal,
    is_empty,
    is_true,
    json_text,
    kind_of,
    plain_text,
    reach,
)


def at(item: object, name: str) -> object:
    """A property of an element; None if it has none."""
    return reach(item, name.split("."))


def join(items: list[object], separator: str = " ", *, html_output: bool) -> str:
    """The elements that are not empty, as text, with the separator between them."""
    texts = []
    for item in items:
        if is_empty(item):
            continue
        try:
            texts.append(plain_text(item))
        except Unfit:
            raise Unfit(
                f"has {kind_of(item)} among its elements; write map: 'NAME' before join"
            ) from None
    size = sum(map(len, texts)) + len(separator) * len(texts)
    if size > LONGEST_TEXT:
        raise TemplateLimit
    if html_output:
        return escape(separator).join(texts)
    return separator.join(texts)


def map_(items: list[object], name: str) -> list[object]:
    """The property of each element."""
    return [at(item, name) for item in items]


def where(items: list[object], name: str, value: object = None, *, spend: Spend) -> list[object]:
    """The elements whose property is that value, or is true."""
    return list(_matching(items, name, value, spend))


def reject(items: list[object], name: str, value: object = None, *, spend: Spend) -> list[object]:
    """The elements whose property is not that value, or is not true."""
    test = _test(name, value, spend)
    return [item for item in items if not test(item)]


def find(items: list[object], name: str, value: object = None, *, spend: Spend) -> object:
    """The first element whose property is that value, or is true."""
    return next(_matching(items, name, value, spend), None)


def find_index(items: list[object], name: str, value: object = None, *, spend: Spend) -> int | None:
    """The place of the first such element, from 0."""
    test = _test(name, value, spend)
    return next((place for place, item in enumerate(items) if test(item)), None)


def has(items: list[object], name: str, value: object = None, *, spend: Spend) -> bool:
    """Whether there is such an element."""
    test = _test(name, value, spend)
    return any(test(item) for item in items)


def sort(items: list[object], name: str | None = None) -> list[object]:
    """The elements in ascending order: numbers, then texts, then those without the property."""
    return sorted(items, key=lambda item: _rank(item, name, lambda text: text))


def sort_natural(items: list[object], name: str | None = None) -> list[object]:
    """The elements in ascending order, with capitals among small letters."""
    return sorted(items, key=lambda item: _rank(item, name, str.lower))


def uniq(items: list[object], name: str | None = None) -> list[object]:
    """The elements, each once, or the first of those with the same property."""
    seen: set[str] = set()
    kept = []
    for item in items:
        key = json_text(item if name is None else at(item, name))
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def compact(items: list[object], name: str | None = None) -> list[object]:
    """The elements that are not empty, or whose property is not."""
    return [item for item in items if not is_empty(item if name is None else at(item, name))]


def concat(items: list[object], others: list[object]) -> list[object]:
    """The elements of both lists."""
    return [*items, *others]


def reverse(items: list[object]) -> list[object]:
    """The elements from the last to the first."""
    return items[::-1]


def sum_(items: list[object], name: str | None = None) -> int | float:
    """The sum of the numbers among the elements, or of their property."""
    total: int | Decimal = 0
    for item in items:
        value = item if name is None else at(item, name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            number = value if isinstance(value, int) else Decimal(str(value))
        except InvalidOperation:
            continue
        total = total + number
    return float(total) if isinstance(total, Decimal) else total


def first(value: list[object]) -> object:
    """The first element."""
    return value[0] if value else None


def last(value: list[object]) -> object:
    """The last element."""
    return value[-1] if value else None


def _test(name: str, value: object, spend: Spend) -> Callable[[object], bool]:
    if value is None:
        return lambda item: is_true(at(item, name))
    return lambda item: equal(at(item, name), value, spend)


def _matching(items: list[object], name: str, value: object, spend: Spend) -> Iterator[object]:
    return filter(_test(name, value, spend), items)


def _rank(
    item: object, name: str | None, fold: Callable[[str], str]
) -> tuple[int, int | float, str]:
    value = item if name is None else at(item, name)
    if is_empty(value):
        return 3, 0, ""
    if isinstance(value, bool):
        return 2, value, ""
    if isinstance(value, int | float):
        return 0, value, ""
    if isinstance(value, str):
        return 1, 0, fold(str(value))
    hint = "; name a property, as in sort: 'price'" if name is None else ""
    raise Unfit(f"has {kind_of(value)} among what is sorted{hint}")
