"""Connections to the API: uvicorn's protocol with limits on time and on unfinished requests.

uvicorn itself waits for ever for the end of a request's headers, for the rest of a body whose
answer is sent, and for a client that does not read its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from store.metrics import counter

CLOSED = counter("parcours_http_connections_closed")

ON_CLOSING = "parcours.on_closing"
"""Under this name, the state of the application holds what is called when the server closes. An
answer that goes on for as long as it is read comes to its end then."""
_DRAINED = 2.0
"""Seconds in which the rest of a body whose answer is sent is still taken, and thrown away.

If the connection were closed at once, a client that is still sending would not see the answer.
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on the connections of one process."""

    header_seconds: float = 10.0
    """From the first byte of a request, or the beginning of a connection, to its whole head."""
    answer_seconds: float = 30.0
    """For which a client may leave an answer unread."""
    unfinished: int = 2000
    """Connections whose request is not there yet; the oldest gives way to a newer one."""


def bounded_protocol(limits: ConnectionLimits) -> type[H11Protocol]:
    """The protocol of uvicorn with these limits, for its setting `http`."""
    waiting: dict[BoundedProtocol, None] = {}

    class Protocol(BoundedProtocol):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            # Its lines hold paths, and those of public routes hold tokens.
            self.access_log = False
            self.limits = limits
            self.waiting = waiting

    return Protocol


class BoundedProtocol(H11Protocol):
    """A connection that is closed when it takes too long."""

    limits: ConnectionLimits
    waiting: dict[BoundedProtocol, None]
    """The connections whose request is not there yet, the oldest first."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every timer."""
        self._head_arrived()
        self._drain_timer = _cancelled(self._drain_timer)
        self._answer_timer = _cancelled(self._answer_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note whether the head of a request is there or missing."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            if self._head_timer is None:
                self._await_head()
        elif self._head_timer is not None:
            self._head_arrived()

    def on_response_complete(self) -> None:
        """After an answer, wait for the next request, and only shortly for the rest of this one."""
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and self._drain_timer is None and not self.transport.is_closing():
            self._drain_timer = self.loop.call_later(_DRAINED, self._drained)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also if the client has not read the last answer."""
        super().timeout_keep_alive_handler()
        self._abort_later()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._abort_later()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._answer_timer = _cancelled(self._answer_timer)
        super().resume_writing()

    def shutdown(self) -> None:
        """The server closes: an answer that is under way is still sent."""
        super().shutdown()
        if (on_closing := self.app_state.get(ON_CLOSING)) is not None:
            on_closing()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(
            self.limits.header_seconds, self._close, "waiting for a request"
        )
        self.waiting[self] = None
        if len(self.waiting) > self.limits.unfinished:
            next(iter(self.waiting))._close("too many connections")

    def _head_arrived(self) -> None:
        self._head_timer = _cancelled(self._head_timer)
        self.waiting.pop(self, None)

    def _drained(self) -> None:
        self._drain_timer = None
        # The body may have come to its end, and another request after it.
        if self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete:
            self._close("reading a body that is no longer needed")

    def _abort_later(self) -> None:
        if self._answer_timer is None:
            self._answer_timer = self.loop.call_later(
                self.limits.answer_seconds, self._close, "writing an answer"
            )

    def _close(self, reason: str) -> None:
        self._head_arrived()
        CLOSED.labels(reason).inc()
        _log.debug("connection_closed", reason=reason)
        self.transport.abort()


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer; None stands in its place."""
    if timer is not None:
        timer.cancel()
    return None


def server_config(
    app: Callable[..., Any] | str, limits: ConnectionLimits, **options: Any
) -> uvicorn.Config:
    """The configuration of uvicorn for the API."""
    return uvicorn.Config(
        app,
        http=bounded_protocol(limits),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        **options,
    )
