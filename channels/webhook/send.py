"""Webhooks by HTTP: calls of other systems, whose answers the journey may use.

Each call makes a new connection. The receiver may close a reused connection at the moment of the
next call, and it would be unknown whether that call was taken.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, Literal

import httpcore
import httpx

from channels.adapter import DEFAULT_TIMEOUT, Call, Outgoing, Receipt, expect
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.webhook.allowed_addresses import AddressPolicy, Forbidden, Network
from channels.webhook.answers import Answer, classify
from channels.webhook.host_slots import HostBusy, HostSlots
from channels.webhook.network import GuardedNetwork
from channels.webhook.signature import sign
from journeys.model.http_headers import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    is_header_name,
    is_header_value,
    why_reserved,
)

_MAX_REDIRECTS = 5
_KEEPS_METHOD = frozenset({307, 308})

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_SAFE = frozenset({"GET", "HEAD"})

_NOT_SECRET = frozenset({"content-type", "accept", "user-agent"})
"""The headers of a step that a redirect to another origin keeps; others may be secrets."""

_CONNECT_TIMEOUT = 5.0

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class _Progress:
    """The progress of one call, from which an error is classified."""

    started: bool = False
    """The call no longer waits for a free connection."""
    sent: bool = False
    """The first byte of the latest request may have been sent."""
    answer: Answer | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: httpx.URL
    content: bytes
    own: Headers
    """The headers of the step."""
    ours: Headers

    def redirected(self, answer: Answer) -> _Request | None:
        """The request that a redirect asks for; None if the answer is not a redirect.

        Raises Refused if the redirect may not be followed.
        """
        if not answer.redirects:
            return None
        if self.method not in _SAFE and answer.status not in _KEEPS_METHOD:
            raise Refused(
                Code.REDIRECT_REFUSED,
                f"the receiver redirects with {answer.status}, which turns a {self.method} into a "
                f"GET: only 307 and 308 are followed",
                facts=answer.facts,
            )
        try:
            url = self.url.join(answer.headers["location"])
        except httpx.InvalidURL as error:
            raise Refused(
                Code.REDIRECT_REFUSED, f"the receiver redirects to no URL: {error}"
            ) from None
        _check_url(url, Code.REDIRECT_REFUSED)
        if self.url.scheme == "https" and url.scheme != "https":
            raise Refused(
                Code.REDIRECT_REFUSED,
                "the receiver redirects from https to http",
                facts=answer.facts,
            )
        own = self.own
        if _origin(url) not in (_origin(self.url), _origin(self.url.copy_with(scheme="https"))):
            own = [(name, value) for name, value in own if name.lower() in _NOT_SECRET]
        return _Request(self.method, url, self.content, own, self.ours)


class WebhookAdapter:
    """Makes `Call`s.

    `secret` signs them (see `channels.webhook.signature`) and may not be empty. `allow` holds the
    private networks that webhooks may call. At most `connections` are open at once, a quarter of
    them to one host (see `channels.webhook.host_slots`); further calls wait for one within
    `timeout`, or are turned away with the time of their turn. `tls_context` replaces the default
    one, which trusts the authorities that httpx trusts. Proxies are never used. Raises ValueError
    for an empty secret, and for a text in `allow` that is not a CIDR.
    """

    channel: Literal["webhook"] = "webhook"

    def __init__(
        self,
        *,
        secret: str,
        allow: Iterable[str | Network] = (),
        timeout: float = DEFAULT_TIMEOUT,
        connections: int = 100,
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        if not secret:
            raise ValueError("webhooks are signed: PARCOURS_WEBHOOK_SECRET must not be empty")
        self.timeout = timeout
        self._secret = secret
        self._policy = AddressPolicy(allow)
        self._tls_context = tls_context or httpx.create_ssl_context()
        self._clock = clock
        self._slots = asyncio.Semaphore(connections)
        self._host_slots = HostSlots(most=max(1, connections // 4), slow=timeout / 4)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. The facts, of errors too, are those of `Answer`."""
        request = self._request(expect(Call, outgoing))
        progress = _Progress()
        try:
            async with (
                asyncio.timeout(self.timeout),
                self._host_slots.slot(_host(request.url)),
                self._slots,
            ):
                progress.started = True
                answer = await self._follow(request, progress)
        except HostBusy as busy:
            raise NotTaken(
                Code.BUSY,
                "the receiver has as many of our calls as it answers in time: this one has to wait",
                retry_after=busy.retry_after,
            ) from None
        except TimeoutError:
            # A status that was received decides, even if the body was not read in time.
            if progress.answer is None:
                raise self._out_of_time(progress) from None
            answer = progress.answer
        return classify(answer, now=datetime.now(UTC))

    async def close(self) -> None:
        """Do nothing: connections are closed after each call."""

    def _request(self, call: Call) -> _Request:
        method = call.method.upper()
        if method not in _METHODS:
            raise Refused(
                Code.MESSAGE_INVALID,
                f"{call.method!r} is no method of webhooks: {sorted(_METHODS)}",
            )
        try:
            url = httpx.URL(call.url)
        except httpx.InvalidURL as error:
            raise Refused(Code.ADDRESS_INVALID, f"the webhook's URL is none: {error}") from None
        _check_url(url, Code.ADDRESS_INVALID)
        own = [_checked_header(name, value) for name, value in call.headers.items()]
        content = b""
        if call.body is not None:
            content = _json(call)
            own = _with_default(own, "Content-Type", "application/json")
        own = _with_default(own, "Accept", "application/json, */*;q=0.5")
        own = _with_default(own, "User-Agent", "Parcours")
        ours = [
            # A compressed answer could grow without limit when it is unpacked.
            ("Accept-Encoding", "identity"),
            (KEY_HEADER, str(call.message_id)),
            (SIGNATURE_HEADER, sign(self._secret, content, at=int(self._clock()))),
        ]
        return _Request(method, url, content, own, ours)

    async def _follow(self, request: _Request, progress: _Progress) -> Answer:
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._exchange(request, progress)
            redirected = request.redirected(answer)
            if redirected is None:
                return answer
            request = redirected
            # A receiver that redirects has not taken the call.
            progress.sent = False
        raise Refused(
            Code.REDIRECT_REFUSED, f"the receiver redirects more than {_MAX_REDIRECTS} times"
        )

    async def _exchange(self, request: _Request, progress: _Progress) -> Answer:
        url = request.url
        origin = httpcore.Origin(
            scheme=url.raw_scheme,
            host=url.raw_host,
            port=url.port or (443 if url.scheme == "https" else 80),
        )
        network = GuardedNetwork(self._policy)
        connection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._tls_context, network_backend=network
        )
        try:
            async with connection.stream(
                request.method,
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=[("Host", url.netloc.decode("ascii")), *request.own, *request.ours],
                content=request.content if request.content or request.method not in _SAFE else None,
                extensions={
                    "trace": progress.trace,
                    "timeout": {"connect": min(_CONNECT_TIMEOUT, self.timeout)},
                },
            ) as response:
                answer = Answer(
                    response.status,
                    {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in response.headers
                    },
                )
                if not answer.redirects:
                    progress.answer = answer
                    await _read_body(response, answer)
                return answer
        except Forbidden as error:
            raise Refused(Code.ADDRESS_FORBIDDEN, str(error)) from None
        except httpcore.LocalProtocolError as error:
            raise Refused(Code.MESSAGE_INVALID, f"the call is no HTTP: {error}") from None
        except Exception as error:
            # httpcore raises the errors of three libraries, and groups of them.
            raise _interrupted(error, progress) from None
        finally:
            await connection.aclose()
            await network.aclose()

    def _out_of_time(self, progress: _Progress) -> NotSent:
        if progress.sent:
            return Unclear(Code.NO_ANSWER, f"the receiver did not answer within {self.timeout:g} s")
        if progress.started:
            return NotTaken(
                Code.UNREACHABLE, f"no connection to the receiver within {self.timeout:g} s"
            )
        return NotTaken(Code.BUSY, f"no connection was free for {self.timeout:g} s")


async def _read_body(response: httpcore.Response, answer: Answer) -> None:
    try:
        async for chunk in response.aiter_stream():
            if not answer.take(chunk):
                return
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        # The status decides; the facts say that the body was cut short.
        return
    answer.complete = True


def _interrupted(error: Exception, progress: _Progress) -> NotSent:
    if progress.sent:
        return Unclear(Code.INTERRUPTED, f"the call was sent and not answered: {_said(error)}")
    if isinstance(error.__cause__, ssl.SSLError):
        return NotTaken(Code.TLS_FAILED, f"no TLS with the receiver: {error}")
    return NotTaken(Code.UNREACHABLE, f"no connection to the receiver: {_said(error)}")


def _said(error: Exception) -> str:
    """What an error says, for people; its name if it says nothing."""
    return str(error) or type(error).__name__


def _check_url(url: httpx.URL, code: Code) -> None:
    if url.scheme not in ("http", "https") or not url.raw_host:
        # The URL may be a secret, so the message does not repeat it.
        raise Refused(code, "a webhook's URL begins with https:// or http://, and names a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise Refused(code, f"a webhook's URL has a port from 1 to 65535, not {url.port}")
    if any(not 0 < len(label) < 64 for label in url.raw_host.removesuffix(b".").split(b".")):
        raise Refused(code, "each part of the host in a webhook's URL has 1 to 63 characters")
    if url.userinfo:
        raise Refused(
            code, "a webhook's URL holds no user and password: send an Authorization header instead"
        )


def _host(url: httpx.URL) -> str:
    _, host, port = _origin(url)
    return f"{host.decode('ascii')}:{port}"


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80)


def _checked_header(name: str, value: str) -> tuple[str, str]:
    if not is_header_name(name):
        raise Refused(Code.MESSAGE_INVALID, f"{name!r} is not the name of an HTTP header")
    if why_reserved(name):
        raise Refused(Code.MESSAGE_INVALID, f"the header {name} cannot be set by a step")
    if not is_header_value(value):
        # The value may be a secret, so the message does not repeat it.
        raise Refused(
            Code.MESSAGE_INVALID, f"the header {name} holds a line break or a non-ASCII character"
        )
    return name, value.strip()


def _with_default(headers: Headers, name: str, value: str) -> Headers:
    if any(name.lower() == existing.lower() for existing, _ in headers):
        return headers
    return [*headers, (name, value)]


def _json(call: Call) -> bytes:
    try:
        return json.dumps(
            call.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            Code.MESSAGE_INVALID, f"the body cannot be written as JSON: {error}"
        ) from None
