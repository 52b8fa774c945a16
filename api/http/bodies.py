"""Bodies of requests: limited in size and time, unpacked, and read as JSON that can be stored."""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import quote, unquote

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from api.http.body_memory import BodyMemory
from api.http.keys import Requires
from api.http.parameters import parameter_names, refuse_unknown_parameters
from api.http.problems import Problem

BODY_LIMIT = 500 * 1024
"""Bytes of a tracking body, unpacked (the tracking API's own limit on a batch)."""
JSON_LIMIT = 512 * 1024
"""Bytes of any other JSON body, unpacked, unless the route says otherwise."""

DEPTH_LIMIT = 100
"""Levels of nesting. Libraries that write JSON fail beyond some hundreds."""

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 128 * 1024
"""Bytes that are unpacked or parsed on the event loop at once: a fraction of a millisecond."""


async def read_body(request: Request, limit: int, *, oversize: int = 400) -> bytes:
    """The body, unpacked. At most `limit` bytes of it are kept in memory.

    Raises Problem: with the status `oversize` if it is larger; 400 if it is not gzip; 415 for
    another encoding; 408 if it comes too slowly; 503 if all unfinished bodies take too much memory.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise Problem(
            415,
            "unsupported_encoding",
            f"Content-Encoding {encoding[:40]!r}: gzip or none",
            headers={"Accept-Encoding": "gzip"},
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise _oversize(limit, oversize)
    memory: BodyMemory = request.app.state.body_memory
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _oversize(limit, oversize)
        memory.take(request.scope, len(chunk))
        chunks.append(chunk)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if encoding in ("identity", ""):
        return body
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, min(_STEP, limit + 1))
        if unpacker.unconsumed_tail:
            rest = limit + 1 - len(unpacked)
            # Memory is taken for what it may become before it becomes that.
            memory.take(request.scope, rest)
            tail = unpacker.unconsumed_tail
            unpacked += await asyncio.to_thread(unpacker.decompress, tail, rest)
    except zlib.error:
        raise Problem(400, "invalid_gzip", "the body is not gzip") from None
    # A small body may unpack to terabytes, so unpacking stops at the limit.
    if len(unpacked) > limit:
        raise _oversize(limit, oversize)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "invalid_gzip", "the gzip body is cut short or goes on after its end")
    return unpacked


def _oversize(limit: int, status: int) -> Problem:
    return Problem(status, "oversize", f"the body is larger than {limit // 1024} KB")


class Decoded:
    """A JSON value. `doubtful`: texts or numbers in it may be ones that PostgreSQL cannot store."""

    __slots__ = ("doubtful", "value")

    def __init__(self, value: Any, doubtful: bool) -> None:
        self.value = value
        self.doubtful = doubtful


def decode(body: bytes, *, constants: bool = False) -> Decoded:
    """Read JSON in UTF-8. Raises Problem 400 if the body is not JSON.

    With `constants`, NaN and Infinity pass as well, which some clients write; see below.

    Texts with NUL or half a surrogate pair are JSON, and so is 1e400, but PostgreSQL cannot store
    them. They pass here: the caller refuses them and names the field.
    """
    try:
        return Decoded(orjson.loads(body), b"\\u0000" in body)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        text = body.decode()
        value = json.loads(
            text, parse_constant=float if constants else _refuse_constant, parse_int=_parse_int
        )
    except RecursionError:
        raise Problem(400, "invalid_json", "the body is nested too deeply") from None
    except ValueError:
        message = f"the body is not JSON: {strict.msg}, line {strict.lineno} column {strict.colno}"
        raise Problem(400, "invalid_json", message) from None
    return Decoded(value, True)


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)


def find_unstorable(value: Any) -> tuple[str, str] | None:
    """The first text or number that PostgreSQL cannot store: its dotted path and what is wrong."""
    for path, text in _walk(value):
        if isinstance(text, float):
            if math.isnan(text):
                return path, "NaN is no number in JSON: leave it out, or send null"
            if math.isinf(text):
                return path, "the number is out of range"
        elif "\0" in text:
            return path, "the text holds a NUL character"
        elif any("\ud800" <= character <= "\udfff" for character in text):
            return path, "the text holds half of a surrogate pair"
    return None


def _walk(value: Any) -> Iterator[tuple[str, str | float]]:
    # Not recursive: the data may be nested deeper than Python's own stack.
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, each = stack.pop()
        if isinstance(each, str | float):
            yield path, each
        elif isinstance(each, dict):
            for key, inner in each.items():
                inner_path = f"{path}.{key}" if path else key
                yield f"{path}.(key)" if path else "(key)", key
                stack.append((inner_path, inner))
        elif isinstance(each, list):
            stack.extend((f"{path}.{n}", inner) for n, inner in enumerate(each))


def is_too_deep(value: Any, levels: int = DEPTH_LIMIT) -> bool:
    """Whether an object or array of JSON is nested deeper than `levels`."""
    for each in value.values() if type(value) is dict else value:
        kind = type(each)
        if (kind is dict or kind is list) and (levels == 1 or is_too_deep(each, levels - 1)):
            return True
    return False


def refuse_unstorable(value: Any) -> None:
    """Raise Problem 400 that names the field of a text or number that PostgreSQL cannot store."""
    found = find_unstorable(value)
    if found is not None:
        path, wrong = found
        field = path.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        message = f"{field}: {wrong}" if field else wrong
        raise Problem(400, "invalid_value", message, errors=[{"field": field, "message": wrong}])


class StrictRequest(Request):
    """A request whose body is limited in size, unpacked, and strictly JSON."""

    limit = JSON_LIMIT

    async def body(self) -> bytes:
        """The body; see `read_body`."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, self.limit, oversize=413)
        return self._body

    async def json(self) -> Any:
        """The body as JSON. Raises Problem 400 if it is not JSON that can be stored."""
        body = await self.body()
        if len(body) <= _STEP:
            return _strictly(body)
        # The parser keeps the interpreter for milliseconds, and the checks give it back.
        return await asyncio.to_thread(_strictly, body)


def _strictly(body: bytes) -> Any:
    decoded = decode(body)
    if isinstance(decoded.value, dict | list) and is_too_deep(decoded.value):
        raise Problem(400, "invalid_json", f"the body is nested deeper than {DEPTH_LIMIT} levels")
    if decoded.doubtful:
        refuse_unstorable(decoded.value)
    return decoded.value


class CheckedRoute(APIRoute):
    """A route that checks the key and the query's names before it reads anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the checks."""
        return self.behind_checks(super().get_route_handler())

    def behind_checks(
        self, handle: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """A handler behind the checks."""
        guards = [
            each.dependency for each in self.dependencies if isinstance(each.dependency, Requires)
        ]
        known = parameter_names(self.dependant)

        async def handle_checked(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            refuse_unknown_parameters(request, known)
            # PostgreSQL cannot store NUL, and no path or query of the API needs it.
            if b"%00" in request.scope["query_string"] or "\0" in request.scope["path"]:
                raise Problem(400, "invalid_value", "the address holds a NUL character")
            return await handle(request)

        return handle_checked


class PlainRoute(CheckedRoute):
    """A route whose function takes the request alone, and makes the response itself.

    The framework has nothing to read for it, and nothing to write.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function, behind the checks."""
        return self.behind_checks(self.endpoint)


class StrictRoute(CheckedRoute):
    """A route whose requests are StrictRequests."""

    body_limit = JSON_LIMIT
    """The most bytes of a body, unpacked."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path before its parts are decoded: an encoded slash stays within its part."""
        raw: bytes = scope.get("raw_path") or b""
        if not raw:
            return super().matches(scope)
        parts = raw.partition(b"?")[0].decode("latin-1").split("/")
        path = "/".join(quote(unquote(part), safe="") for part in parts)
        match, child = super().matches({**scope, "path": path})
        if match is not Match.NONE:
            child["path_params"] = {
                name: unquote(value) if isinstance(value, str) else value
                for name, value in child["path_params"].items()
            }
        return match, child

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which gets a StrictRequest."""
        handle = super().get_route_handler()
        limit = self.body_limit

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            strict.limit = limit
            return await handle(strict)

        return handle_strictly


class LargeRoute(StrictRoute):
    """A route that takes a large document, or a long list."""

    body_limit = 2 * 1024 * 1024


class FolderRoute(StrictRoute):
    """A route that takes a folder of documents."""

    body_limit = 4 * 1024 * 1024
