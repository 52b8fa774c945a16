"""Memory of the bodies of unfinished requests, bounded for the whole process."""

from __future__ import annotations

from starlette.types import Scope

from api.http.problems import RETRY_AFTER, Problem
from store.metrics import gauge

TAKEN = gauge("parcours_http_body_bytes")

_BYTES = "parcours.body_bytes"


class BodyMemory:
    """The bytes that the bodies of all unfinished requests may take together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    def take(self, scope: Scope, size: int) -> None:
        """Take memory until the request ends. Raises Problem 503 if there is not enough."""
        if self._taken + size > self._limit:
            raise Problem(
                503,
                "overloaded",
                "too many large requests are under way at this moment: try again",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._taken += size
        scope[_BYTES] = scope.get(_BYTES, 0) + size
        TAKEN.set(self._taken)

    def give_back(self, scope: Scope) -> None:
        """Give back all that a request took."""
        size = scope.pop(_BYTES, 0)
        if size:
            self._taken -= size
            TAKEN.set(self._taken)
