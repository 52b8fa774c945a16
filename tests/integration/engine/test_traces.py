"""A trace from a tracking call to the provider, through PostgreSQL and Temporal, to a collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.clients import connect_temporal, open_pool
from infra.settings import Settings, SettingsRefused
from infra.tracing import begin_tracing, end_tracing
from store.operations.api_keys import create_key
from store.traces import traces_are_followed
from tests.integration.channels.http_server import HttpServer, running_http
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.smtp import SmtpSink

HELLO = """
journey: hello
entry: {event: Signed Up}
steps:
  - {id: mail, email: {subject: "Dear {{ contact.name }}", text: Hello, transactional: true}}
  - {id: decide, wait: {event: Go On, up_to: 2d}}
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
PERSONAL = (b"zoe", b"Zoe", b"example.com", b"Dear", b"127.0.0.1", b"Traceback", b"psycopg")


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpServer]:
    """A collector on loopback, to which the environment sends traces."""
    async with running_http() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield server


def spans(collector: HttpServer) -> list[Any]:
    """What the collector took."""
    found = []
    for request in collector.requests:
        assert request.target == "/v1/traces"
        export = ExportTraceServiceRequest()
        export.ParseFromString(request.body)
        found += [
            span
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
    return found


@asynccontextmanager
async def traced(settings: Settings) -> AsyncIterator[tuple[Engine, httpx.AsyncClient]]:
    """An engine and an API of their own, which follow traces if the environment says so."""
    begin_tracing("test")
    try:
        pool: AsyncConnectionPool[AsyncConnection[Any]] = await open_pool(settings)
        client = await connect_temporal(settings)
        async with pool.connection() as conn:
            key = await create_key(conn, "operate")
        async with engine_at_work(settings, pool, client) as engine:
            with serving(settings) as url:
                async with httpx.AsyncClient(
                    base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
                ) as http:
                    yield engine, http
        await pool.close()
    finally:
        # The collector, which takes the last spans, is served by this thread.
        await asyncio.to_thread(end_tracing)


async def sign_up(http: httpx.AsyncClient, name: str, **headers: str) -> None:
    body = {"userId": name, "traits": {"email": f"{name}@example.com", "name": "Zoe"}}
    assert (await http.post("/v1/identify", json=body)).status_code == 200
    body = {"userId": name, "event": "Signed Up"}
    answer = await http.post("/v1/track", json=body, headers=headers)
    assert answer.status_code == 200


async def rows(engine: Engine, query: str) -> list[Any]:
    async with engine.pool.connection() as conn:
        return await (await conn.execute(query)).fetchall()


async def test_one_trace_leads_from_a_tracking_call_to_the_provider(
    engine_settings: Settings, smtp_sink: SmtpSink, collector: HttpServer
) -> None:
    async with traced(engine_settings) as (engine, http):
        await engine.activate(HELLO)
        await sign_up(http, "zoe", traceparent=f"00-{TRACE}-{CALLER}-01")

        def sent() -> bool:
            return len(smtp_sink.messages) == 1

        await eventually(sent, 60)

        def names() -> dict[str, Any]:
            return {each.name: each for each in spans(collector) if each.trace_id.hex() == TRACE}

        def whole() -> bool:
            wanted = {
                "POST /v1/track", "dispatch start", "StartWorkflow:Journey", "RunActivity:send",
                "send email",
            }  # fmt: skip
            assert wanted - set(names()) == set(), sorted(names())
            return True

        await eventually(whole, 60)
        found = names()
        by_id = {each.span_id: each for each in spans(collector)}

        def ancestors(name: str) -> list[str]:
            above, span = [], found[name]
            while (parent := by_id.get(span.parent_span_id)) is not None:
                above.append(parent.name)
                span = parent
            assert span.parent_span_id.hex() == CALLER
            return above

        assert ancestors("send email")[0] == "RunActivity:send"
        assert ancestors("send email")[-3:] == [
            "StartWorkflow:Journey", "dispatch start", "POST /v1/track",
        ]  # fmt: skip
        # What is not to be recorded makes no span of a run.
        await sign_up(http, "bea", traceparent=f"00-{'1' * 32}-{CALLER}-00")
        await eventually(lambda: len(smtp_sink.messages) == 2, 60)
    others = {each.name for each in spans(collector) if each.trace_id.hex() == "1" * 32}
    assert others == set()
    sent_spans = b"".join(each.SerializeToString() for each in spans(collector))
    assert [word for word in PERSONAL if word in sent_spans] == []


@pytest.mark.usefixtures("hasty_retries")
async def test_failures_show_their_code_alone(
    engine_settings: Settings, smtp_sink: SmtpSink, collector: HttpServer
) -> None:
    smtp_sink.answer = lambda _envelope: "451 4.7.1 <zoe@example.com> is asked to wait"
    async with traced(engine_settings) as (engine, http):
        await engine.activate(HELLO)
        await sign_up(http, "zoe")

        def tried() -> list[Any]:
            return [each for each in spans(collector) if each.name == "send email"]

        async def twice() -> bool:
            return len(tried()) >= 2

        await eventually(twice, 60)
        [first, *_] = tried()
        smtp_sink.answer = lambda _envelope: "250 OK"
    # The words of the server stay in PostgreSQL; a trace has the code.
    facts = {each.key: each.value.string_value for each in first.attributes}
    assert (facts["parcours.provider"], facts["parcours.code"]) == ("smtp", "deferred")
    for each in spans(collector):
        assert list(each.events) == []
        data = each.SerializeToString()
        assert [word for word in PERSONAL if word in data] == [], each.name


async def test_without_a_collector_nothing_is_followed_and_nothing_kept(
    engine_settings: Settings, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    async with traced(engine_settings) as (engine, http):
        assert not traces_are_followed()
        assert type(engine.pool) is AsyncConnectionPool
        await engine.activate(HELLO)
        await sign_up(http, "zoe", traceparent=f"00-{TRACE}-{CALLER}-01")
        await eventually(lambda: len(smtp_sink.messages) == 1, 60)
        assert await rows(engine, "select trace from outbox where trace is not null") == []


def test_what_cannot_be_exported_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(SettingsRefused, match="only http/protobuf"):
        begin_tracing("test")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert begin_tracing("test") is None
