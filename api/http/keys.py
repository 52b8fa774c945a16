"""API keys: read from Bearer, Basic, the body or a session, checked for scope, origin, expiry."""

from __future__ import annotations

import binascii
import time
from base64 import b64decode
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.http.key_uses import KeyUses
from api.http.problems import Problem
from api.http.same_origin import refuse_foreign
from api.http.sessions import SessionRing, note_session, session_token
from store.operations.api_keys import KeyInfo, Scope, find_key

REMEMBERED = 5.0
"""Seconds for which a key is remembered, and so for which a revoked key still works."""

_CHECKED = "parcours.key"
"""Under this name, the scope of a request holds the key that was checked."""


class KeyRing:
    """The keys that were used in the last seconds, with their options."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], uses: KeyUses | None = None
    ) -> None:
        self._pool = pool
        self._uses = uses
        self._known: dict[str, tuple[KeyInfo, float]] = {}
        self.sessions = SessionRing(pool, uses)

    async def find(self, plain: str) -> KeyInfo | None:
        """A key with its options; None if there is no such key, or it was revoked."""
        now = time.monotonic()
        known = self._known.get(plain)
        if known is not None and known[1] > now:
            key = known[0]
        else:
            async with self._pool.connection() as conn:
                found = await find_key(conn, plain)
            # Only real keys are remembered, so wrong ones take no memory.
            if found is None:
                self._known.pop(plain, None)
                return None
            key = found
            self._known[plain] = (key, now + REMEMBERED)
        if self._uses is not None:
            self._uses.note(key.id)
        return key

    def forget(self) -> None:
        """Read every key, and every session, again at its next use."""
        self._known.clear()
        self.sessions.forget()


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


def unauthorized(message: str, code: str = "unauthorized") -> Problem:
    """Problem 401."""
    headers = {"WWW-Authenticate": 'Bearer realm="parcours", Basic realm="parcours"'}
    return Problem(401, code, message, headers=headers)


async def check_key(request: Request, plain: str | None, *needed: Scope) -> KeyInfo:
    """The key, if it includes one of the scopes `needed` and may be used here and now.

    Raises Problem 401 or 403.
    """
    if plain is None:
        raise unauthorized("a key is needed: send it as `Authorization: Bearer KEY`")
    ring: KeyRing = request.app.state.services.keys
    key = await ring.find(plain)
    if key is None:
        raise unauthorized("there is no such key, or it was revoked")
    return check_use(request, key, *needed)


def check_use(request: Request, key: KeyInfo, *needed: Scope) -> KeyInfo:
    """The key, if it includes one of the scopes `needed` and may be used here and now.

    Raises Problem 401 or 403.
    """
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise unauthorized(f"the key has expired, on {key.expires_at:%Y-%m-%d}: make a new one")
    if not any(map(key.includes, needed)):
        words = " or ".join(needed)
        raise Problem(403, "forbidden", f"this needs a key of scope {words}, not {key.scope}")
    origin = request.headers.get("origin")
    # Programs other than browsers send no origin, and could send any.
    if key.origins is not None and origin is not None and origin.lower() not in key.origins:
        allowed = ", ".join(key.origins) or "no page at all"
        raise Problem(403, "forbidden_origin", f"this key is for pages of {allowed}")
    return key


async def check_credentials(request: Request, *needed: Scope) -> KeyInfo:
    """The key in the Authorization header, or of the session of the console if there is no header.

    Raises Problem 401 or 403. By a session, a request of another site's page is refused.
    """
    plain = header_key(request)
    token = session_token(request) if plain is None else None
    if token is None:
        try:
            return await check_key(request, plain, *needed)
        except Problem as problem:
            raise _without_dialogue(request, problem) from None
    refuse_foreign(request)
    ring: KeyRing = request.app.state.services.keys
    session = await ring.sessions.find(token)
    if session is None:
        ended = unauthorized("the session of the console has ended: sign in again", "signed_out")
        raise _without_dialogue(request, ended)
    note_session(request, session)
    try:
        return check_use(request, session.key, *needed)
    except Problem as problem:
        raise _without_dialogue(request, problem) from None


def _without_dialogue(request: Request, problem: Problem) -> Problem:
    """The problem, so that a browser does not ask for a name and a password over our page."""
    if problem.status_code == 401 and "sec-fetch-site" in request.headers:
        problem.headers = {"WWW-Authenticate": 'Bearer realm="parcours"'}
    return problem


class Requires:
    """A dependency: the key of the request, which must include a scope.

    For reading (GET) another scope may do as well. Raises Problem 401 or 403.
    """

    def __init__(self, changing: tuple[Scope, ...], reading: tuple[Scope, ...]) -> None:
        self._changing = changing
        self._reading: tuple[Scope, ...] = (*changing, *reading)

    async def __call__(self, request: Request) -> KeyInfo:
        """The key, which a CheckedRoute has checked before it read the body."""
        needed = self._reading if request.method in ("GET", "HEAD") else self._changing
        key: KeyInfo | None = request.scope.get(_CHECKED)
        if key is None or not any(map(key.includes, needed)):
            key = await check_credentials(request, *needed)
            request.scope[_CHECKED] = key
        return key


def requires(scope: Scope, *, reading: Scope | tuple[Scope, ...] = ()) -> Requires:
    """A dependency that raises Problem 401 or 403 unless the key includes this scope.

    For GET, a key that includes one of `reading` does as well.
    """
    return Requires((scope,), (reading,) if isinstance(reading, str) else reading)


def requires_one_of(*scopes: Scope) -> Requires:
    """A dependency that raises Problem 401 or 403 unless the key includes one of these scopes.

    For what changes nothing, although it is no GET.
    """
    return Requires(scopes, ())


def _checked_key(request: Request) -> KeyInfo:
    key: KeyInfo = request.scope[_CHECKED]
    return key


UsedKey = Annotated[KeyInfo, Depends(_checked_key)]
"""The key of a request whose route `requires` one."""
