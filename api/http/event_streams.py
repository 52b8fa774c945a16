"""Server-sent events: answers that go on for as long as their client reads them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import Any, Final

import orjson
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.problems import RETRY_AFTER, Problem

ALIVE: Final = 15.0
"""Seconds after which a stream without news says that it is alive. Its key is checked again then:
it may be revoked while its stream is read."""
SIGN_OF_LIFE: Final = b": alive\n\n"
BEGINNING: Final = b"retry: 1000\n\n"
"""What a stream begins with: milliseconds after which a browser connects again."""

STREAM_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Server-sent events",
    }
}
"""The answer of a stream, for OpenAPI."""


class EventStream(StreamingResponse):
    """Server-sent events. They are ended when their client has gone."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterable[bytes]) -> None:
        super().__init__(
            events,
            # A proxy would gather them.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


def too_many_streams(most: int, what: str) -> Problem:
    """Problem 503: the process serves as many streams as it takes."""
    return Problem(
        503,
        "too_many_streams",
        f"this process serves {most} streams of {what} already: try again later",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def end_event(code: str, message: str) -> bytes:
    """The event `end`, which says why the stream ends."""
    body: Mapping[str, str] = {"code": code, "message": message}
    return b"event: end\ndata: %s\n\n" % orjson.dumps(body)
