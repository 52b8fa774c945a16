"""Errors of the API: RFC 9457 problems with `code` and `message`, and the status of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from api.http.validation_words import words_of
from store.events.effect_events import EffectRefused
from store.events.recording import ConcurrentChange
from store.sql import DATABASE_AWAY, is_database_away, is_database_busy

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 3
"""Seconds after which a client may try again while PostgreSQL or Temporal cannot be reached."""

_TRACKING_STATUSES = {"forbidden_event": 403, "rate_limited": 429}

_log = structlog.get_logger(__name__)


class Problem(HTTPException):
    """An error with a status and a code. `more` are further members of the problem."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code
        self.more = more

    def response(self) -> Response:
        """The problem as a response."""
        return problem_response(
            self.status_code, self.code, self.detail, headers=self.headers, **self.more
        )


def unknown(kind: str, reference: str) -> Problem:
    """Problem 404: there is no contact, pool or other thing of a kind with this id."""
    return Problem(404, f"unknown_{kind}", f"there is no {kind} {reference!r}")


def tracking_status(code: str) -> int:
    """The status of a tracking call that is refused with `code`."""
    return _TRACKING_STATUSES.get(code, 400)


class ProblemBody(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """The kind of error, for programs."""
    message: str
    """The same text as `detail`: tracking clients read it under this name."""


class FieldError(BaseModel):
    """An error in one field of a request."""

    field: str
    message: str


def problem_response(
    status: int,
    code: str,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem as a response."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
        "message": message,
        **more,
    }
    try:
        content = orjson.dumps(body)
    except orjson.JSONEncodeError:
        # A text of the request may hold half of a surrogate pair, which UTF-8 cannot say.
        content = json.dumps(body, default=str).encode()
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def internal_error() -> Response:
    """The response to an unexpected error. Its details are in the log alone."""
    return problem_response(500, "internal_error", "something went wrong here; it has been logged")


def database_away() -> Response:
    """The response while PostgreSQL cannot be reached."""
    return problem_response(
        503,
        "database_away",
        "the database is away for the moment: try again",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def database_busy() -> Response:
    """The response to a call that lost against others, or that took the database too long."""
    return problem_response(
        503,
        "database_busy",
        "the database is too busy with other calls to take this one: try again",
        headers={"Retry-After": "1"},
    )


def database_problem(error: BaseException) -> Response:
    """The response to an error of the database, which is logged: only an outage is called one."""
    if is_database_away(error):
        _log.warning("database_away", error=type(error).__name__)
        return database_away()
    if is_database_busy(error):
        _log.warning("database_busy", error=type(error).__name__)
        return database_busy()
    _log.error("request_failed", exc_info=error)
    return internal_error()


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for OpenAPI; every route has 401, 403 and 503."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in sorted({*statuses, 401, 403, 503})
    }


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """The errors of pydantic, each under the dotted name of its field."""
    found = []
    for error in errors:
        path = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
        found.append(FieldError(field=".".join(path), message=words_of(error)))
    return found


def install(app: FastAPI, methods: Callable[[str], list[str]]) -> None:
    """Answer every error of `app` with a problem. `methods` are those of a path."""

    async def answer_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = ", ".join(methods(request.url.path)) or "GET"
            message = f"{request.method} is not for {request.url.path}, but {allowed}"
            return problem_response(405, "method_not_allowed", message, headers={"Allow": allowed})
        return await _answer_http(request, error)

    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(EffectRefused, _answer_refused)
    app.add_exception_handler(ConcurrentChange, _answer_contended)
    app.add_exception_handler(psycopg.DataError, _answer_data)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _answer_away)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return error.response()
    code, message = "bad_request", str(error.detail)
    if error.status_code == 404:
        code, message = "not_found", f"there is nothing at {request.url.path}"
    return problem_response(error.status_code, code, message, headers=error.headers)


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = field_errors(error.errors())
    message = "; ".join(f"{each.field}: {each.message}" if each.field else each.message
                        for each in errors)  # fmt: skip
    return problem_response(
        422, "invalid_request", message, errors=[each.model_dump() for each in errors]
    )


async def _answer_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, EffectRefused)
    status = 404 if error.code.startswith("unknown_") else 422
    return problem_response(status, error.code, str(error))


async def _answer_contended(_request: Request, _error: Exception) -> Response:
    return problem_response(
        503,
        "contended",
        "too many calls change the same contacts at this moment: try again",
        headers={"Retry-After": "1"},
    )


async def _answer_data(_request: Request, error: Exception) -> Response:
    _log.warning("value_refused_by_database", error=type(error).__name__)
    return problem_response(
        400, "invalid_value", "a text or number of the request is one that cannot be stored"
    )


async def _answer_away(_request: Request, error: Exception) -> Response:
    return database_problem(error)
