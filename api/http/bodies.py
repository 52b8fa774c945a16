"""Bodies of requests: bounded, unpacked, and read as JSON that Postgres can keep."""

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
"""Levels of nesting; beyond some hundreds, writers of JSON give up."""

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked; no more than `limit` bytes are ever held.

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
    # A small body may unpack to terabytes: no more than the limit is ever unpacked.
    if len(unpacked) > limit:
        raise _oversize(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "invalid_gzip", "the gzip body is cut short or goes on after its end")
    return unpacked


def _oversize(limit: int) -> Problem:
    return Problem(400, "oversize", f"the body is larger than {limit // 1024} KB")


class Decoded:
    """JSON as it was read. `doubtful` says that texts and numbers are to be looked at."""

    __slots__ = ("doubtful", "value")

    def __init__(self, value: Any, doubtful: bool) -> None:
        self.value = value
        self.doubtful = doubtful


def decode(body: bytes) -> Decoded:
    """Read JSON (UTF-8). Raises Problem 400 if it is none.

    Texts with NUL or half a surrogate pair are JSON, and so is 1e400, but Postgres keeps none of
    them: such a value is left to be refused where its field can be named.
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


def find_unkeepable(value: Any) -> tuple[str, str] | None:
    """The dotted path of a text or number that Postgres cannot keep, and what is wrong with it."""
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
    # A stack of its own: nested data may be deeper than Python's.
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, each = stack.pop()
        if isinstance(each, str | float):
            yield path, each
        elif isinstance(each, dict):
            for key, held in each.items():
                place = f"{path}.{key}" if path else key
                yield f"{path}.(key)" if path else "(key)", key
                stack.append((place, held))
        elif isinstance(each, list):
            stack.extend((f"{path}.{n}", held) for n, held in enumerate(each))


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


def refuse_unkeepable(value: Any) -> None:
    """Raise Problem 400 naming the field of a text or number that Postgres cannot keep."""
    found = find_unkeepable(value)
    if found is not None:
        path, wrong = found
        field = path.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        message = f"{field}: {wrong}" if field else wrong
        raise Problem(400, "invalid_value", message, errors=[{"field": field, "message": wrong}])


class StrictRequest(Request):
    """A request whose body is bounded, unpacked and strictly JSON."""

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
            refuse_unkeepable(decoded.value)
        return decoded.value


class StrictRoute(APIRoute):
    """A route that reads its body so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, called with a StrictRequest."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            # PostgreSQL keeps no NUL, and no path or query of ours has a use for it.
            if "%00" in str(request.url) or "\0" in request.url.path:
                raise Problem(400, "invalid_value", "the address holds a NUL character")
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
