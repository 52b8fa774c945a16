"""Webhook steps: what they send, and what they leave."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from temporalio.client import Client

from infra.settings import Settings
from tests.integration.channels.http_server import Exchange, HttpServer, running_http
from tests.support.engine import Engine, engine_at_work


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    async with running_http() as server:
        yield server


@pytest.fixture
async def engine(
    engine_settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal_client: Client,
) -> AsyncIterator[Engine]:
    settings = engine_settings.model_copy(
        update={
            "webhook_secret": SecretStr("whsec"),
            "webhook_allow": (ip_network("127.0.0.0/8"),),
            "secrets": {"CRM": SecretStr("s3cr3t")},
        }
    )
    async with engine_at_work(settings, pool, temporal_client) as engine:
        yield engine


def journey(server: HttpServer) -> str:
    return f"""
journey: sales
entry: {{event: Demo Asked}}
steps:
  - id: crm
    webhook:
      url: "{server.url}/leads?u={{{{ contact.external_id }}}}"
      headers: {{Authorization: "Bearer {{{{ secret.CRM }}}}"}}
      body:
        id: {{attribute: external_id}}
        note: {{entry: note}}
        hello: "Hello {{{{ contact.first_name }}}}"
        missing: {{entry: nothing}}
  - id: kind
    branch:
      - name: known
        if: {{step: crm, property: body.lead.known, is: true}}
        then: [{{id: vip, group: {{add: [known]}}}}]
      - else: [{{id: new, group: {{add: [new]}}}}]
"""


async def test_a_webhook_is_signed_and_its_answer_is_read_by_a_branch(
    engine: Engine, http_server: HttpServer
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"lead": {"known": true}}', Content_Type="application/json")

    http_server.behaviour = answer
    await engine.activate(journey(http_server))
    contact = await engine.contact(external_id="u-7", attributes={"first_name": "Ada"})
    await engine.event(contact, "Demo Asked", note="call me")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("crm", "ok"), ("kind", "known"), ("vip", "done")]
    [crm, *_] = await engine.visits(run["id"])
    assert crm["output"] == {"status": 200, "body": {"lead": {"known": True}}}
    [request] = http_server.requests
    assert (request.method, request.target) == ("POST", "/leads?u=u-7")
    assert request.headers["authorization"] == "Bearer s3cr3t"
    assert request.headers["idempotency-key"] == crm["message_id"]
    assert json.loads(request.body) == {
        "id": "u-7",
        "note": "call me",
        "hello": "Hello Ada",
        "missing": None,
    }
    stamp, signature = request.headers["parcours-signature"].split(",")
    signed = stamp.removeprefix("t=").encode() + b"." + request.body
    assert signature == "v1=" + hmac.new(b"whsec", signed, hashlib.sha256).hexdigest()


async def test_what_an_event_carries_is_never_a_template(
    engine: Engine, http_server: HttpServer
) -> None:
    await engine.activate(journey(http_server))
    contact = await engine.contact(attributes={"first_name": "{{ secret.CRM }}"})
    await engine.event(contact, "Demo Asked", note="{{ secret.CRM }}")
    await engine.ended(contact)
    [request] = http_server.requests
    body = json.loads(request.body)
    assert body["note"] == "{{ secret.CRM }}"
    assert body["hello"] == "Hello {{ secret.CRM }}"


async def test_a_refusing_answer_fails_the_step_and_is_left_for_later_ones(
    engine: Engine, http_server: HttpServer
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(422, b'{"error": "no"}', Content_Type="application/json")

    http_server.behaviour = answer
    await engine.activate(journey(http_server))
    contact = await engine.contact(attributes={"first_name": "Ada"})
    await engine.event(contact, "Demo Asked", note="x")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("crm", "failed"), ("kind", "else"), ("new", "done")]
    [crm, *_] = await engine.visits(run["id"])
    assert crm["output"] == {"status": 422, "body": {"error": "no"}}
    assert len(http_server.requests) == 1
