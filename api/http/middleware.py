"""Around every request: its id, a line in the log, a measure, and an answer whatever happens."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import psycopg
import structlog
from prometheus_client import Counter, Histogram
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import database_away, internal_error

REQUESTS = Counter("parcours_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("parcours_http_request_seconds", "Time to answer", ["method", "route"])

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What watches us asks every few seconds: it would drown everything else.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

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
        began = time.perf_counter()
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
            # Gone before its body had come: there is nobody to answer.
            status = status or 499
        except Exception as error:
            if status:
                raise
            away = isinstance(
                error, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout
            )
            if not away:
                _log.exception("request_failed", path=_route(scope))
            response = database_away() if away else internal_error()
            await response(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            method, route = scope["method"], _route(scope)
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(seconds)
            if scope["path"] not in _QUIET:
                _log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else uuid4().hex


def _route(scope: Scope) -> str:
    """The route's pattern: paths hold keys and external ids, and would make endless series."""
    route = scope.get("route")
    return getattr(route, "path", "unknown")
