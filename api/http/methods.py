"""The methods of each address, for the header `Allow` of 405."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute


def methods_of(routers: Sequence[APIRouter]) -> Callable[[str], list[str]]:
    """A function from a path to the methods that some route takes there, in order."""
    routes = [
        (route.path_regex, route.methods)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
    ]

    def methods(path: str) -> list[str]:
        found: set[str] = set()
        for regex, each in routes:
            if regex.match(path):
                found |= each or set()
        return sorted(found)

    return methods
