"""Webhooks: what a receiver gets, where calls may go, and what answers are worth."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from channels.adapter import Call
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.webhook.send import WebhookAdapter
from channels.webhook.signature import verify
from tests.integration.channels.certificates import Tls
from tests.integration.channels.http_server import Behaviour, Exchange, HttpServer, running_http
from tests.support.conditions import eventually

SECRET = "whsec"


@pytest.fixture
async def adapter() -> AsyncIterator[WebhookAdapter]:
    adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"])
    yield adapter
    await adapter.close()


def a_call(server: HttpServer, path: str = "/leads") -> Call:
    return Call(message_id=uuid4(), url=f"{server.url}{path}", body={"name": "Zoë", "score": 50})


async def send_error(adapter: WebhookAdapter, call: Call) -> NotSent:
    with pytest.raises(NotSent) as failed:
        await adapter.send(call)
    return failed.value


def answering(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(status, body, **headers)

    return behave


async def test_a_receiver_gets_signed_json_with_a_key(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    call = a_call(http_server, "/leads?source=parcours")
    await adapter.send(call)
    (request,) = http_server.requests
    assert (request.method, request.target) == ("POST", "/leads?source=parcours")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{http_server.port}"
    assert request.headers["idempotency-key"] == str(call.message_id)
    assert json.loads(request.body) == {"name": "Zoë", "score": 50}
    signature = request.headers["parcours-signature"]
    assert verify(SECRET, signature, request.body, now=time.time())
    assert not verify("other", signature, request.body, now=time.time())


async def test_a_call_without_a_body_sends_none_and_is_signed(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    await adapter.send(Call(message_id=uuid4(), url=http_server.url, method="get"))
    (request,) = http_server.requests
    assert (request.method, request.target, request.body) == ("GET", "/", b"")
    assert "content-type" not in request.headers
    assert "content-length" not in request.headers
    assert verify(SECRET, request.headers["parcours-signature"], b"", now=time.time())


async def test_a_steps_own_headers_are_sent(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    headers = {
        "Authorization": "Bearer token",
        "content-type": "application/vnd.api+json",
        "User-Agent": "crm",
    }
    await adapter.send(replace(a_call(http_server), headers=headers, method="PUT"))
    (request,) = http_server.requests
    assert request.method == "PUT"
    assert request.headers["authorization"] == "Bearer token"
    assert request.headers["content-type"] == "application/vnd.api+json"
    assert request.headers["user-agent"] == "crm"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"method": "CONNECT"}, Code.MESSAGE_INVALID),
        ({"method": "GET /x HTTP/1.1\r\nX: y\r\n\r\nGET"}, Code.MESSAGE_INVALID),
        ({"headers": {"X-Shop": "a\r\nX-Evil: b"}}, Code.MESSAGE_INVALID),
        ({"headers": {"X Shop": "a"}}, Code.MESSAGE_INVALID),
        ({"headers": {"X-Shop": "Zoë"}}, Code.MESSAGE_INVALID),
        ({"headers": {"Host": "elsewhere.example"}}, Code.MESSAGE_INVALID),
        ({"headers": {"idempotency-key": "mine"}}, Code.MESSAGE_INVALID),
        ({"headers": {"Parcours-Signature": "mine"}}, Code.MESSAGE_INVALID),
        ({"headers": {"Transfer-Encoding": "chunked"}}, Code.MESSAGE_INVALID),
        ({"body": {"n": float("nan")}}, Code.MESSAGE_INVALID),
        ({"body": "\ud800"}, Code.MESSAGE_INVALID),
        ({"url": "ftp://127.0.0.1/"}, Code.ADDRESS_INVALID),
        ({"url": "127.0.0.1/leads"}, Code.ADDRESS_INVALID),
        ({"url": "http://"}, Code.ADDRESS_INVALID),
        ({"url": "http://ann:pw@127.0.0.1/"}, Code.ADDRESS_INVALID),
        ({"url": "http://127.0.0.1:99999/"}, Code.ADDRESS_INVALID),
        ({"url": "http://127.0.0.1/\r\nX: y"}, Code.ADDRESS_INVALID),
    ],
)
async def test_what_cannot_be_a_call_is_refused_before_any_connection(
    adapter: WebhookAdapter, http_server: HttpServer, change: dict[str, Any], code: Code
) -> None:
    refused = await send_error(adapter, replace(a_call(http_server), **change))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert http_server.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"]
)
async def test_a_private_address_is_refused_however_it_is_written(
    http_server: HttpServer, host: str
) -> None:
    adapter = WebhookAdapter(secret=SECRET)
    call = Call(message_id=uuid4(), url=f"http://{host}:{http_server.port}/")
    refused = await send_error(adapter, call)
    assert isinstance(refused, Refused)
    assert refused.code == Code.ADDRESS_FORBIDDEN
    assert "PARCOURS_WEBHOOK_ALLOW" in refused.detail
    assert http_server.requests == []


async def test_a_name_is_resolved_once_and_what_was_judged_is_called(
    http_server: HttpServer, adapter: WebhookAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    async def rebinding(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        # A hostile name server: the address that was judged first, another ever after.
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    call = replace(a_call(http_server), url=f"http://rebind.example:{http_server.port}/leads")
    await adapter.send(call)
    assert looked_up == ["rebind.example"]
    assert http_server.requests[0].headers["host"] == f"rebind.example:{http_server.port}"


async def test_a_permitted_address_that_does_not_answer_leaves_time_for_the_next(
    http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("10.0.0.1", "127.0.0.3", "127.0.0.1")
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
    adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.0/8"])
    call = replace(a_call(http_server), url=f"http://two.example:{http_server.port}/leads")
    await adapter.send(call)
    assert len(http_server.requests) == 1


async def test_a_name_without_an_address_is_not_taken(
    adapter: WebhookAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nothing)
    missing = await send_error(adapter, Call(message_id=uuid4(), url="https://crm.example/"))
    assert isinstance(missing, NotTaken)
    assert missing.code == Code.UNREACHABLE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_follows_redirects(
    adapter: WebhookAdapter, http_server: HttpServer, status: int
) -> None:
    async def behave(exchange: Exchange) -> None:
        if exchange.request.target == "/old":
            await exchange.answer(status, b"moved", Location="/new?x=1")
        else:
            await exchange.answer(200, b'{"at": "new"}')

    http_server.behaviour = behave
    receipt = await adapter.send(
        Call(message_id=uuid4(), url=f"{http_server.url}/old", method="GET")
    )
    assert receipt.facts == {"status": 200, "body": {"at": "new"}}
    assert [request.target for request in http_server.requests] == ["/old", "/new?x=1"]


@pytest.mark.parametrize("status", [307, 308])
async def test_a_post_follows_a_redirect_that_keeps_it_whole(
    adapter: WebhookAdapter, http_server: HttpServer, status: int
) -> None:
    async def behave(exchange: Exchange) -> None:
        if exchange.request.target == "/old":
            await exchange.answer(status, Location="/new")
        else:
            await exchange.answer(201)

    http_server.behaviour = behave
    call = replace(a_call(http_server, "/old"), headers={"Authorization": "Bearer token"})
    receipt = await adapter.send(call)
    assert receipt.facts == {"status": 201, "body": None}
    first, second = http_server.requests
    assert second.method == "POST"
    assert second.body == first.body
    assert second.headers["authorization"] == "Bearer token"
    assert second.headers["idempotency-key"] == str(call.message_id)


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_follows_no_redirect_that_would_make_it_a_get(
    adapter: WebhookAdapter, http_server: HttpServer, status: int
) -> None:
    http_server.behaviour = answering(status, Location="/new")
    refused = await send_error(adapter, a_call(http_server))
    assert isinstance(refused, Refused)
    assert refused.code == Code.REDIRECT_REFUSED
    assert len(http_server.requests) == 1


async def test_a_redirect_to_another_origin_takes_no_secrets_along(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    async with running_http() as other:
        http_server.behaviour = answering(307, Location=f"{other.url}/new")
        headers = {"Authorization": "Bearer token", "X-Api-Key": "key", "Accept": "text/plain"}
        await adapter.send(replace(a_call(http_server), headers=headers))
        (request,) = other.requests
        assert "authorization" not in request.headers
        assert "x-api-key" not in request.headers
        assert request.headers["accept"] == "text/plain"
        assert request.headers["host"] == f"127.0.0.1:{other.port}"
        assert verify(SECRET, request.headers["parcours-signature"], request.body, now=time.time())


async def test_a_redirect_to_a_private_address_is_refused(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    for place in (f"http://127.0.0.2:{http_server.port}/", "http://169.254.169.254/latest/"):
        http_server.requests.clear()
        http_server.behaviour = answering(307, Location=place)
        refused = await send_error(adapter, a_call(http_server))
        assert isinstance(refused, Refused)
        assert refused.code == Code.ADDRESS_FORBIDDEN
        assert len(http_server.requests) == 1


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://ann:pw@127.0.0.1/", "//:0"])
async def test_a_redirect_to_what_is_no_url_of_webhooks_is_refused(
    adapter: WebhookAdapter, http_server: HttpServer, place: str
) -> None:
    http_server.behaviour = answering(307, Location=place)
    refused = await send_error(adapter, a_call(http_server))
    assert isinstance(refused, Refused)
    assert refused.code == Code.REDIRECT_REFUSED


async def test_redirects_end_after_five(adapter: WebhookAdapter, http_server: HttpServer) -> None:
    http_server.behaviour = answering(307, Location="/leads")
    refused = await send_error(adapter, a_call(http_server))
    assert isinstance(refused, Refused)
    assert refused.code == Code.REDIRECT_REFUSED
    assert len(http_server.requests) == 6


async def test_tls_speaks_to_the_name_and_a_redirect_never_leaves_it(
    tls: Tls, http_server: HttpServer
) -> None:
    async with running_http(tls.server) as server:
        adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"], tls_context=tls.trusting)
        call = replace(a_call(server), url=f"https://localhost:{server.port}/leads")
        assert (await adapter.send(call)).facts["status"] == 200

        server.behaviour = answering(307, Location=http_server.url)
        refused = await send_error(adapter, call)
        assert isinstance(refused, Refused)
        assert refused.code == Code.REDIRECT_REFUSED
        assert http_server.requests == []


async def test_a_certificate_that_is_not_trusted_ends_it_before_the_call(
    tls: Tls, adapter: WebhookAdapter
) -> None:
    async with running_http(tls.server) as server:
        call = replace(a_call(server), url=f"https://localhost:{server.port}/leads")
        untrusted = await send_error(adapter, call)
        assert isinstance(untrusted, NotTaken)
        assert untrusted.code == Code.TLS_FAILED
        assert server.requests == []


async def test_a_server_that_does_not_speak_tls_is_not_taken(
    http_server: HttpServer,
) -> None:
    adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"], timeout=0.5)
    call = replace(a_call(http_server), url=f"https://127.0.0.1:{http_server.port}/leads")
    failed = await send_error(adapter, call)
    assert isinstance(failed, NotTaken)
    assert http_server.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, Refused), (429, NotTaken), (500, NotTaken), (503, NotTaken), (502, Unclear)],
)
async def test_a_failed_answer_keeps_status_and_body_and_is_not_retried(
    adapter: WebhookAdapter, http_server: HttpServer, status: int, kind: type[NotSent]
) -> None:
    http_server.behaviour = answering(status, b'{"why": "x"}', Retry_After="7")
    failed = await send_error(adapter, a_call(http_server))
    assert type(failed) is kind
    assert failed.facts == {"status": status, "body": {"why": "x"}}
    if isinstance(failed, NotTaken):
        assert failed.retry_after == 7
    assert len(http_server.requests) == 1


async def test_a_long_answer_is_cut(adapter: WebhookAdapter, http_server: HttpServer) -> None:
    http_server.behaviour = answering(200, b"a" * 10_000_000)
    receipt = await adapter.send(a_call(http_server))
    assert receipt.facts == {"status": 200, "body": "a" * 65536, "truncated": True}


async def test_an_answer_whose_body_stops_is_an_answer(http_server: HttpServer) -> None:
    adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"], timeout=1.0)
    head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": '

    async def dropping(exchange: Exchange) -> None:
        await exchange.raw(head)
        exchange.writer.close()

    async def stalling(exchange: Exchange) -> None:
        await exchange.raw(head)
        await exchange.hang()

    for behaviour in (dropping, stalling):
        http_server.behaviour = behaviour
        receipt = await adapter.send(a_call(http_server))
        assert receipt.facts == {"status": 200, "body": '{"id": ', "truncated": True}


async def test_an_answer_that_is_no_http_is_unclear(
    adapter: WebhookAdapter, http_server: HttpServer
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.raw("220 mail.example ESMTP\r\n\r\n")

    http_server.behaviour = behave
    failed = await send_error(adapter, a_call(http_server))
    assert isinstance(failed, Unclear)
    assert len(http_server.requests) == 1


async def test_silence_before_the_call_is_not_taken() -> None:
    with socket.socket() as full:
        # Connections are queued and never accepted, so the TLS handshake never begins.
        full.bind(("127.0.0.1", 0))
        full.listen(1)
        port = full.getsockname()[1]
        adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"], timeout=0.5)
        failed = await send_error(
            adapter, Call(message_id=uuid4(), url=f"https://127.0.0.1:{port}/")
        )
    assert isinstance(failed, NotTaken)
    assert failed.code == Code.UNREACHABLE


async def test_a_call_that_found_no_free_connection_is_not_taken(http_server: HttpServer) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.hang()

    http_server.behaviour = behave
    adapter = WebhookAdapter(secret=SECRET, allow=["127.0.0.1/32"], timeout=1.0, connections=1)
    first = asyncio.create_task(adapter.send(a_call(http_server)))
    await eventually(lambda: len(http_server.requests) == 1)
    adapter.timeout = 0.2
    waited = await send_error(adapter, a_call(http_server))
    assert isinstance(waited, NotTaken)
    assert waited.code == Code.BUSY
    with pytest.raises(Unclear):
        await first
    assert len(http_server.requests) == 1


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="PARCOURS_WEBHOOK_SECRET"):
        WebhookAdapter(secret="")


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "x..example"])
async def test_a_host_that_no_name_server_can_know_is_refused_at_once(
    host: str, adapter: WebhookAdapter
) -> None:
    error = await send_error(adapter, Call(message_id=uuid4(), url=f"https://{host}/", body={}))
    assert isinstance(error, Refused)
    assert error.code == Code.ADDRESS_INVALID
