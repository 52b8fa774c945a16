"""What a request for a link says of its client."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from starlette.requests import Request

from journeys.links.signs import LONGEST_AGENT

_PREFETCH: Final = ("purpose", "sec-purpose", "x-purpose", "x-moz")


class RequestFacts(NamedTuple):
    """The facts of a request by which a person is known from a machine."""

    method: str
    agent: str
    prefetched: bool
    """A browser fetched it ahead."""
    address: str
    """Of the client: of what a trusted proxy says, if there is one."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The facts of a request."""
        headers = request.headers
        return cls(
            method=request.method,
            agent=headers.get("user-agent", "")[:LONGEST_AGENT],
            prefetched=any("pre" in headers.get(name, "").lower() for name in _PREFETCH),
            address="" if request.client is None else request.client.host,
        )
