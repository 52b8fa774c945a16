"""Routes of the console's sessions: sign in by a key, see who is signed in, sign out."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import check_credentials, check_use, unauthorized
from api.http.middleware import request_id_of
from api.http.problems import Problem, responses
from api.http.same_origin import (
    comes_from_this_machine,
    host_of,
    is_loopback,
    refuse_foreign,
    scheme_of,
)
from api.http.sessions import (
    remove_session_cookie,
    session_of,
    session_token,
    set_session_cookie,
)
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import Services, UsedServices
from store.operations.api_keys import SCOPES, KeyInfo, Scope, find_key, info_of, read_key
from store.operations.audit import Actor, record_audit
from store.operations.console_sessions import begin_session, find_session, remove_session

PATH: Final = "/v1/session"
_MAY_SIGN_IN: Final[tuple[Scope, ...]] = ("read", "edit")
"""Scopes of which a key includes one, if it is for people: one of `ingest` is for sites."""
_OPEN: Final[dict[str, Any]] = {"security": []}

router = APIRouter(tags=["console"], route_class=StrictRoute)


class SignIn(StrictBody):
    """What signs in."""

    key: str | None = Field(default=None, min_length=1, max_length=200)
    """A key in clear, of any scope but `ingest`. `parcours dev` signs in without one, on loopback.
    """


class SessionKey(BaseModel):
    """The key of a session."""

    id: UUID
    name: str
    scope: Scope


class SessionBody(BaseModel):
    """Who is signed in, and what a page needs to know of the server."""

    key: SessionKey
    may: list[Scope]
    """The scopes that the key includes: what needs another is refused."""
    expires_at: Instant | None
    """When the session ends if it is not used any more, or the key expires; null for a key that is
    sent as such and does not expire."""
    development: bool
    """Whether this is the stack of `parcours dev`, whose console signs in by itself."""
    speed: float
    """What durations of waits are divided by: 1, but in development."""
    temporal_ui: str | None
    """Where Temporal's UI is, if the installation says so."""
    timezone: str
    """The zone in which the days of figures begin."""
    version: str
    """Of Parcours."""


@router.post(
    PATH,
    summary="Sign in to the console",
    responses=responses(401, 422, 429),
    openapi_extra=_OPEN,
)
async def post_session(
    request: Request,
    response: Response,
    services: UsedServices,
    sign_in: Annotated[SignIn, Body()],
) -> SessionBody:
    """Begin a session by a key: the answer sets a cookie, by which pages of the console may do what
    the key may. It ends after 12 hours without use, after 7 days, and with the key."""
    _refuse_open_network(request)
    refuse_foreign(request)
    key = await _signing_key(request, services, sign_in.key)
    check_use(request, key, *_MAY_SIGN_IN)
    replaced = session_token(request)
    async with services.pool.connection() as conn, conn.transaction():
        if replaced is not None:
            await remove_session(conn, replaced)
        token = await begin_session(conn, key, _actor(request, key))
        if token is None:
            raise unauthorized("the key was revoked")
        session = await find_session(conn, token)
    services.keys.sessions.forget()
    set_session_cookie(request, response, token)
    response.headers["Cache-Control"] = "no-store"
    return _body(services, key, None if session is None else session.expires_at)


@router.get(PATH, summary="Read who is signed in", responses=responses())
async def get_session(request: Request, response: Response, services: UsedServices) -> SessionBody:
    """The key of the session, or the one that is sent, and what it may do.

    In 401 `development` says that `POST /v1/session` with `{}` signs in, without a key.
    """
    response.headers["Cache-Control"] = "no-store"
    try:
        key = await check_credentials(request, *_MAY_SIGN_IN)
    except Problem as problem:
        if problem.status_code == 401:
            problem.more["development"] = _signs_in_by_itself(request, services)
        raise
    session = session_of(request)
    return _body(services, key, None if session is None else session.expires_at)


@router.delete(
    PATH, status_code=204, summary="Sign out of the console", openapi_extra=_OPEN,
    responses=responses(),
)  # fmt: skip
async def delete_session(request: Request, services: UsedServices) -> Response:
    """End the session of the cookie, here at once, in other API processes within five seconds.

    Without a session nothing changes."""
    response = Response(status_code=204)
    token = session_token(request)
    if token is None:
        return response
    refuse_foreign(request)
    async with services.pool.connection() as conn, conn.transaction():
        key_id = await remove_session(conn, token)
        row = None if key_id is None else await read_key(conn, key_id)
        if row is not None:
            actor = _actor(request, info_of(row))
            await record_audit(conn, actor, "key.sign_out", f"key:{row.id}")
    services.keys.sessions.forget()
    remove_session_cookie(request, response)
    return response


def _refuse_open_network(request: Request) -> None:
    origin = request.headers.get("origin", "").lower()
    host, _ = host_of(request)
    if scheme_of(request) == "http" and origin.startswith("http:") and not is_loopback(host):
        raise Problem(
            403,
            "insecure_address",
            "the console is used over https, or at an address of this machine such as 127.0.0.1:"
            " over http others on the network could read the session",
        )


def _signs_in_by_itself(request: Request, services: Services) -> bool:
    return services.console_key is not None and comes_from_this_machine(request)


async def _signing_key(request: Request, services: Services, given: str | None) -> KeyInfo:
    """The key that signs in. Raises Problem 401, or 429 after too many wrong ones."""
    plain = given
    if plain is None:
        if not _signs_in_by_itself(request, services):
            raise unauthorized('give the key that signs in: {"key": …}')
        plain = services.console_key
    address = "" if request.client is None else request.client.host
    if not services.sign_ins.allows(address):
        raise Problem(
            429,
            "too_many_keys",
            "too many wrong keys were tried from this address: wait a minute",
            headers={"Retry-After": "60"},
        )
    async with services.pool.connection() as conn:
        # As it is now, and not as it was remembered.
        key = None if plain is None else await find_key(conn, plain)
    if key is None:
        services.sign_ins.note(address)
        raise unauthorized("there is no such key, or it was revoked", "wrong_key")
    return key


def _actor(request: Request, key: KeyInfo) -> Actor:
    return Actor(key.name, "console", key.id, key.scope, request_id_of(request.scope))


def _body(services: Services, key: KeyInfo, session_ends: Any) -> SessionBody:
    ends = [each for each in (session_ends, key.expires_at) if each is not None]
    return SessionBody(
        key=SessionKey(id=key.id, name=key.name, scope=key.scope),
        may=[scope for scope in SCOPES if key.includes(scope)],
        expires_at=min(ends, default=None),
        development=services.console_key is not None,
        speed=services.speed,
        temporal_ui=services.temporal_ui,
        timezone=services.timezone.key,
        version=version("parcours"),
    )
