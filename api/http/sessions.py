"""Sessions of the console: their cookie, and the key behind it, remembered for some seconds."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import Request, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.types import Scope

from api.http.key_uses import KeyUses
from api.http.same_origin import host_of, is_secure
from store.operations.console_sessions import LONGEST, ConsoleSession, find_session

REMEMBERED: Final = 5.0
"""Seconds for which a session is remembered, and so for which one that was ended still works."""
SECURE_COOKIE: Final = "__Host-parcours"
"""Browsers take a cookie of such a name over https alone, and only from this very host."""

_SESSION: Final = "parcours.session"
"""Under this name, the scope of a request holds the session by which its key was found."""
_MOST: Final = 1_000
_LONGEST_TOKEN: Final = 100


class SessionRing:
    """The sessions that were used in the last seconds."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], uses: KeyUses | None = None
    ) -> None:
        self._pool = pool
        self._uses = uses
        self._known: dict[str, tuple[ConsoleSession, float]] = {}

    async def find(self, token: str) -> ConsoleSession | None:
        """A session that has not ended; None if there is none, or its key was revoked."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        now = time.monotonic()
        known = self._known.get(token)
        if known is not None and known[1] > now:
            session = known[0]
        else:
            async with self._pool.connection() as conn:
                found = await find_session(conn, token)
            if found is None:
                self._known.pop(token, None)
                return None
            session = found
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[token] = (session, now + REMEMBERED)
        if self._uses is not None:
            self._uses.note(session.key.id)
        return session

    def forget(self) -> None:
        """Read every session again at its next use."""
        self._known.clear()


def note_session(request: Request, session: ConsoleSession) -> None:
    """Note that the key of a request was found by a session."""
    request.scope[_SESSION] = session


def session_of(request: Request) -> ConsoleSession | None:
    """The session by which the key of a request was found, if it was one."""
    session: ConsoleSession | None = request.scope.get(_SESSION)
    return session


def by_session(scope: Scope) -> bool:
    """Whether the key of a request was found by a session."""
    return _SESSION in scope


def session_token(request: Request) -> str | None:
    """The token in the cookie of a request; None if it has no session."""
    return request.cookies.get(_cookie_name(request)) or None


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    """Let the browser keep a token. No script can read it, and no other site's page sends it."""
    response.set_cookie(
        _cookie_name(request),
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def remove_session_cookie(request: Request, response: Response) -> None:
    """Let the browser forget its token."""
    response.delete_cookie(
        _cookie_name(request),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def _cookie_name(request: Request) -> str:
    # Cookies are not kept apart by port: two servers on one machine would share one.
    return SECURE_COOKIE if is_secure(request) else f"parcours-{host_of(request)[1]}"
