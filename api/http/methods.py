"""The methods of each address, for the header `Allow` of 405."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute


def methods_of(routers: Sequence[APIRouter]) -> Callable[[str], list[str]]:
    """A function from a path to the methods that are for it, in order.

    They are those of the narrowest pattern that the path matches, with the fewest parameters: a
    wider one may match it as well.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    patterns: dict[re.Pattern[str], set[str]] = {}
    for route in sorted(routes, key=lambda each: len(each.param_convertors)):
        patterns.setdefault(route.path_regex, set()).update(route.methods or ())

    def methods(path: str) -> list[str]:
        for pattern, found in patterns.items():
            if pattern.match(path):
                return sorted(found)
        return []

    return methods
