"""What holds for the whole API: problems, health, and servers that go away."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import psycopg
import pytest

from devstack.inbox import Inbox, TakenMessage
from devstack.ports import free_port
from devstack.postgres import Postgres
from infra.settings import Settings
from store.migrations.upgrade import upgrade
from store.operations.api_keys import create_key
from tests.integration.api.conftest import Keys, Pool
from tests.support.api import serving
from tests.support.conditions import eventually


async def test_an_unknown_path_or_method_is_a_problem(
    operate: httpx.AsyncClient,
) -> None:
    missing = await operate.get("/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert missing.headers["content-type"] == "application/problem+json"
    wrong = await operate.get("/v1/track")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    for path, allowed in (
        ("/v1/contacts/u", "DELETE, GET, PUT"),
        ("/v1/contacts/export", "POST"),
        ("/v1/segments/preview", "POST"),
        ("/v1/contacts/u/topics/t", "PUT"),
        ("/v1/groups/g/contacts", "DELETE, GET, POST"),
        ("/v1/coupons/p", "GET, POST"),
        ("/v1/journeys/j", "GET, PUT"),
        ("/v1/keys", "GET, POST"),
    ):
        wrong = await operate.patch(path)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, allowed), path
    assert (await operate.get("/dev/inbox")).status_code == 404


async def test_health_metrics_and_documentation_are_open(stranger: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/docs"):
        assert (await stranger.get(path)).status_code == 200, path
    assert "parcours_http_requests_total" in (await stranger.get("/metrics")).text


async def test_the_description_is_open_and_calls_are_answered_while_it_is_made(
    stranger: httpx.AsyncClient,
) -> None:
    description = asyncio.create_task(stranger.get("/openapi.json"))
    answered = 0
    while not description.done():
        assert (await stranger.get("/healthz")).status_code == 200
        answered += 1
        await asyncio.wait([description], timeout=0.01)
    described = (await description).json()
    # Of calls that have to wait for it, no more than a few come before and after.
    assert answered > 10
    nulls = [
        (path, parameter["name"])
        for path, operations in described["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if {"type": "null"} in parameter["schema"].get("anyOf", ())
    ]
    assert nulls == [], "an address has no null"


async def test_the_documentation_page_loads_the_description_and_nothing_from_elsewhere(
    stranger: httpx.AsyncClient,
) -> None:
    answer = await stranger.get("/docs")
    page = answer.text
    assert "url: '/openapi.json'" in page
    assert "http" not in page
    assert "http" not in answer.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(loaded) == 3
    for path in loaded:
        assert path.startswith("/docs/assets/")
        assert (await stranger.get(path)).status_code == 200, path


async def test_every_problem_is_described_and_every_other_path_asks_for_a_key(
    stranger: httpx.AsyncClient,
) -> None:
    described = (await stranger.get("/openapi.json")).json()
    problem = {"$ref": "#/components/schemas/ProblemBody"}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if operation.get("security") == []:
                continue
            answer = operation["responses"]["401"]["content"]["application/problem+json"]
            assert answer["schema"] == problem, (method, path)
            filled = path.replace("{", "").replace("}", "")
            refused = await stranger.request(method.upper(), filled, json={})
            assert refused.status_code == 401, (method, path)
            assert refused.json()["code"] == "unauthorized"


async def test_a_request_keeps_the_id_it_came_with(stranger: httpx.AsyncClient) -> None:
    given = await stranger.get("/healthz", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    forged = await stranger.get("/healthz", headers={"X-Request-Id": "a b\tc"})
    assert forged.headers["x-request-id"] not in ("", "a b\tc")


async def test_the_inbox_is_there_only_with_the_development_stack(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "inbox"
    Inbox(path).append(TakenMessage("sms", "+33612345678", "+33700000000", "hello"))
    with serving(settings.model_copy(update={"dev_inbox": path})) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            (message,) = (await client.get("/dev/inbox", params={"to": "+33612345678"})).json()
            assert (message["channel"], message["text"]) == ("sms", "hello")
            assert (await client.get("/dev/inbox", params={"to": "other"})).json() == []


async def test_a_revoked_key_is_refused_after_five_seconds(
    ingest: httpx.AsyncClient, keys: Keys, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"userId": "u", "event": "E"}
    assert (await ingest.post("/v1/track", json=call)).status_code == 200
    async with pool.connection() as conn:
        await conn.execute("update api_key set revoked_at = now()")
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 5)
    monkeypatch.setattr("api.http.keys.time", later)
    assert (await ingest.post("/v1/track", json=call)).status_code == 401


async def test_an_event_wakes_the_dispatchers(ingest: httpx.AsyncClient, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listening:
        await listening.execute("listen parcours_outbox")
        await ingest.post("/v1/track", json={"userId": "u", "event": "E"})
        heard = [each async for each in listening.notifies(timeout=10, stop_after=1)]
    assert [each.channel for each in heard] == ["parcours_outbox"]


async def test_while_the_database_is_away_every_call_is_503_and_none_is_lost(
    tmp_path: Path, temporal_environment: dict[str, str]
) -> None:
    postgres = Postgres(tmp_path / "postgres", free_port(), tmp_path / "log", fleeting=True)
    await postgres.prepare()
    server = await postgres.start()
    url = postgres.url("postgres")
    upgrade(url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        key = await create_key(conn, "operate")
    settings = Settings(database_url=url, temporal=temporal_environment)
    call = {"userId": "u", "event": "E", "messageId": "m1"}
    with serving(settings) as api_url:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=20) as client:
            assert (await client.post("/v1/track", json=call | {"messageId": "m0"})).is_success
            await server.stop()
            # All at once: each waits for a connection first.
            calls = [
                ("POST", "/v1/track", call),
                ("POST", "/v1/batch", {"batch": [{"type": "track", **call}]}),
                ("GET", "/v1/contacts/u", call),
                ("GET", "/readyz", call),
            ]
            answers = await asyncio.gather(
                *(client.request(method, path, json=body) for method, path, body in calls)
            )
            for away, (_, path, _) in zip(answers, calls, strict=True):
                assert (away.status_code, away.json()["code"]) == (503, "database_away"), path
                assert int(away.headers["retry-after"]) > 0
            assert (await client.get("/healthz")).status_code == 200
            server = await postgres.start()

            async def taken() -> bool:
                return (await client.post("/v1/track", json=call)).is_success

            await eventually(taken, 30, what="the database to be back")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(
            "select message_id from event where source <> 'engine' order by id"
        )
        assert await cursor.fetchall() == [("m0",), ("m1",)]
    await server.stop()
