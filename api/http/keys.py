"""API keys: read from Bearer, Basic or the body, and checked for their scope."""

from __future__ import annotations

import binascii
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.http.problems import Problem
from store.operations.api_keys import Scope, find_key, hash_key, includes

REMEMBERED = 5.0
"""Seconds for which a key's scope is remembered, and so for which a revoked key still works."""


class KeyRing:
    """The scopes of the keys that were used in the last seconds."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._known: dict[str, tuple[Scope, float]] = {}

    async def scope(self, plain: str) -> Scope | None:
        """The scope of a key; None if there is no such key."""
        hashed = hash_key(plain)
        now = time.monotonic()
        known = self._known.get(hashed)
        if known is not None and known[1] > now:
            return known[0]
        async with self._pool.connection() as conn:
            scope = await find_key(conn, plain)
        # Only real keys are remembered, so wrong ones take no memory.
        if scope is None:
            self._known.pop(hashed, None)
        else:
            self._known[hashed] = (scope, now + REMEMBERED)
        return scope


def header_key(request: Request) -> str | None:
    """The key in the Authorization header, Bearer or Basic with the key as the user.

    Raises Problem 401 if the header is there and cannot be read.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer" if rest:
            return rest
        case "basic" if rest:
            try:
                # Some clients leave out the padding and the colon.
                decoded = b64decode(rest + "=" * (-len(rest) % 4), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                raise unauthorized("the Basic credentials cannot be read") from None
            return decoded.partition(":")[0] or None
        case _:
            raise unauthorized("send the key as `Authorization: Bearer KEY`, or as the Basic user")


def unauthorized(message: str) -> Problem:
    """Problem 401."""
    headers = {"WWW-Authenticate": 'Bearer realm="parcours", Basic realm="parcours"'}
    return Problem(401, "unauthorized", message, headers=headers)


async def check_key(request: Request, plain: str | None, needed: Scope) -> Scope:
    """The scope of a key that includes `needed`. Raises Problem 401 or 403."""
    if plain is None:
        raise unauthorized("a key is needed: send it as `Authorization: Bearer KEY`")
    ring: KeyRing = request.app.state.services.keys
    scope = await ring.scope(plain)
    if scope is None:
        raise unauthorized("there is no such key, or it was revoked")
    if not includes(scope, needed):
        raise Problem(403, "forbidden", f"this needs a key of scope {needed}, not {scope}")
    return scope


def requires(needed: Scope) -> Callable[[Request], Awaitable[Scope]]:
    """A dependency that raises Problem 401 or 403 unless the key includes this scope."""

    async def check(request: Request) -> Scope:
        return await check_key(request, header_key(request), needed)

    return check
