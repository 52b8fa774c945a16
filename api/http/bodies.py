"""Bodies of requests: limited in size, unpacked, and read as JSON that PostgreSQL can store."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.http.problems import Problem

BODY_LIMIT = 500 * 1024
"""Bytes of a tracking body, unpacked (the tracking API's own limit on a batch)."""
DOCUMENT_LIMIT = 5 * 1024 * 1024
"""Bytes of any other body."""

DEPTH_LIMIT = 100
"""Levels of nesting. Libraries that write JSON fail beyond some hundreds."""

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked. At most `limit` bytes of it are kept in memory.

    Raises Problem 400 (oversize, not gzip) or 415.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _oversize(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _oversize(limit)
        chunks.append(chunk)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity" | "":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body, limit)
        case other:
            raise Problem(
                415, "unsupported_encoding", f"Content-Encoding {other!r}: gzip or none", headers={}
            )


def _gunzip(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Problem(400, "invalid_gzip", "the body is not gzip") from None
    # A small body may unpack to terabytes, so unpacking stops at the limit.
    if len(unpacked) > limit:
        raise _oversize(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "invalid_gzip", "the gzip body is cut short or goes on after its end")
    return unpacked


def _oversize(limit: int) -> Problem:
    return Problem(400, "oversize", f"the body is larger than {limit // 1024} KB")


class Decoded:
    """A JSON value. `doubtful`: texts or numbers in it may be ones that PostgreSQL cannot store."""

    __slots__ = ("doubtful", "value")

    def __init__(self, value: Any, doubtful: bool) -> None:
        self.value = value
        self.doubtful = doubtful


def decode(body: bytes) -> Decoded:
    """Read JSON in UTF-8. Raises Problem 400 if the body is not JSON.

    Texts with NUL or half a surrogate pair are JSON, and so is 1e400, but PostgreSQL cannot store
    them. They pass here: the caller refuses them and names the field.
    """
    try:
        return Decoded(orjson.loads(body), b"\\u0000" in body)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        text = body.decode()
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_parse_int)
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
            if not math.isfinite(text):
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


def is_too_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than `DEPTH_LIMIT`."""
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


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

    async def body(self) -> bytes:
        """The body; see `read_body`."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, DOCUMENT_LIMIT)
        return self._body

    async def json(self) -> Any:
        """The body as JSON; see `decode`."""
        decoded = decode(await self.body())
        if isinstance(decoded.value, dict | list) and is_too_deep(decoded.value):
            raise Problem(400, "invalid_json", "the body is nested too deeply")
        if decoded.doubtful:
            refuse_unstorable(decoded.value)
        return decoded.value


class StrictRoute(APIRoute):
    """A route whose requests are StrictRequests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which gets a StrictRequest."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            # PostgreSQL cannot store NUL, and no path or query of the API needs it.
            if "%00" in str(request.url) or "\0" in request.url.path:
                raise Problem(400, "invalid_value", "the address holds a NUL character")
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly
