"""Dotted paths into JSON values: `items.0.sku`, or `items.sku` through a list."""

from __future__ import annotations

from typing import Any


def first(value: Any, path: str) -> Any:
    """The first value at `path`, or None if there is none.

    A number is an index into a list, from 0. Any other part is looked up in each element of a list.
    A key with the very name of the path wins over what the path reaches inside.
    """
    if isinstance(value, dict) and path in value:
        return value[path]
    return next(iter(_reach(value, path.split("."))), None)


def output(values: dict[str, Any], path: str) -> Any:
    """The first value at `path` in what a step left, or None if there is none.

    The first name is an output; the rest is a path inside it.
    """
    name, _, inside = path.partition(".")
    return first(values.get(name), inside) if inside else values.get(name)


def _reach(value: Any, parts: list[str]) -> list[Any]:
    if not parts:
        return [] if value is None else [value]
    part, *others = parts
    if isinstance(value, dict):
        return _reach(value[part], others) if part in value else []
    if isinstance(value, list):
        if part.isdecimal():
            return _reach(value[int(part)], others) if int(part) < len(value) else []
        return [found for element in value for found in _reach(element, parts)]
    return []
