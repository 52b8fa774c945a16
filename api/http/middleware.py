"""Middleware: request id, access log, metrics, time to read a body, problems 500 and 503."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.body_memory import BodyMemory
from api.http.problems import Problem, database_problem, internal_error
from api.http.sessions import by_session
from store.metrics import counter, histogram
from store.sql import DATABASE_AWAY
from store.traces import span, traces_are_followed

REQUESTS = counter("parcours_http_requests")
SECONDS = histogram("parcours_http_request_seconds")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUEST_ID_KEY = "parcours.request_id"
"""Under this name, the scope of a request holds its id."""
# Monitoring asks these every few seconds, and would fill the log.
_NOT_LOGGED = frozenset({"/healthz", "/readyz", "/metrics"})
_AS_LONG_AS_READ = frozenset({"/v1/log/stream", "/v1/stats/stream"})
"""Answers that take as long as their client reads them: no measure of the API."""

_BY_SESSION: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of answers to a session, unless they have others. A browser that shows such an answer as
a page runs nothing in it, and keeps nothing of it after the person has signed out."""

_log = structlog.get_logger("api.http.middleware")


_SLOWEST = 32 * 1024
"""Bytes a second: a large body may take as long as this needs, beyond the time that all have."""


class TimedReceive:
    """`receive` of a request, with a limit on the time that its body takes.

    A client may be silent for half of `seconds`, and take `seconds` in all, and longer for a large
    body. Raises Problem 408.
    """

    __slots__ = ("_complete", "_deadline", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._complete = False

    async def __call__(self) -> Message:
        """The next message. After the body, they are not limited: the next is the disconnection."""
        if self._complete:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + self._seconds
        try:
            async with asyncio.timeout_at(min(self._deadline, now + self._seconds / 2)):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408,
                "slow_body",
                "the body did not come in time: send it without a pause",
            ) from None
        if message["type"] != "http.request" or not message.get("more_body"):
            self._complete = True
        else:
            self._deadline += len(message["body"]) / _SLOWEST
        return message


class RequestMiddleware:
    """Request id, access log, metrics, limits on bodies, and a problem for any other error.

    Pure ASGI: the framework's own base class costs more than all of this.
    """

    def __init__(self, app: ASGIApp, body_memory: BodyMemory, body_seconds: float) -> None:
        self._app = app
        self._body_memory = body_memory
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in _NOT_LOGGED or not traces_are_followed():
            await self._serve(scope, receive, send)
            return
        with span("request", Headers(scope=scope).get("traceparent")) as whole:
            status = await self._serve(scope, receive, send)
            whole.rename(f"{scope['method']} {_route(scope)}")
            whole.note("http.request.method", scope["method"])
            whole.note("http.route", _route(scope))
            whole.note("http.response.status_code", status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer; the status of the answer, 0 without one."""
        started = time.perf_counter()
        request_id = scope[_REQUEST_ID_KEY] = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                if by_session(scope):
                    for name, value in _BY_SESSION.items():
                        headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, TimedReceive(receive, self._body_seconds), answer)
        except ClientDisconnect:
            # The client went away while its body was read: an answer would reach no one.
            status = status or 499
        except Exception as error:
            if status:
                raise
            if isinstance(error, DATABASE_AWAY):
                response = database_problem(error)
            else:
                _log.exception("request_failed", path=_route(scope))
                response = internal_error()
            await response(scope, receive, answer)
        finally:
            self._body_memory.give_back(scope)
            seconds = time.perf_counter() - started
            method, route = scope["method"], _route(scope)
            REQUESTS.labels(method, route, status).inc()
            if scope["path"] not in _AS_LONG_AS_READ:
                SECONDS.labels(method, route).observe(seconds)
            if scope["path"] not in _NOT_LOGGED:
                _log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )
        return status


def request_id_of(scope: Scope) -> str | None:
    """The id of a request, as its answer names it."""
    request_id: str | None = scope.get(_REQUEST_ID_KEY)
    return request_id


def _request_id(scope: Scope) -> str:
    requested = Headers(scope=scope).get("x-request-id", "")
    return requested if _REQUEST_ID.fullmatch(requested) else uuid4().hex


def _route(scope: Scope) -> str:
    """The pattern of the route. Paths hold ids, and would make a series of metrics for each."""
    route = scope.get("route")
    return getattr(route, "path", "unknown")
