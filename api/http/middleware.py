"""Middleware: request id, access log, metrics, and problems 500 and 503."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import database_problem, internal_error
from store.sql import DATABASE_AWAY

REQUESTS = Counter("parcours_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("parcours_http_request_seconds", "Time to answer", ["method", "route"])

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Monitoring asks these every few seconds, and would fill the log.
_NOT_LOGGED = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger("api.http.middleware")


class RequestMiddleware:
    """Request id, access log, metrics, and a problem for an error that no handler took.

    Pure ASGI: the framework's own base class costs more than all of this.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, answer)
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
            seconds = time.perf_counter() - started
            method, route = scope["method"], _route(scope)
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(seconds)
            if scope["path"] not in _NOT_LOGGED:
                _log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )


def _request_id(scope: Scope) -> str:
    requested = Headers(scope=scope).get("x-request-id", "")
    return requested if _REQUEST_ID.fullmatch(requested) else uuid4().hex


def _route(scope: Scope) -> str:
    """The pattern of the route. Paths hold ids, and would make a series of metrics for each."""
    route = scope.get("route")
    return getattr(route, "path", "unknown")
