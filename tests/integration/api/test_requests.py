"""Requests in general: their parameters, types, paging, and the description of their answers."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any

import httpx
import psycopg
import pytest

from infra.settings import Settings
from tests.integration.api.conftest import Keys
from tests.support.api import serving

PUBLIC = {"links", "pages", "site"}
"""Tags of what people, mail programs and sites open without a key; most errors are pages."""
LISTS = ("runs", "jobs", "journeys", "coupons", "segments", "templates", "topics", "places", "keys")


@pytest.mark.parametrize(
    ("path", "parameter", "words"),
    [
        ("/v1/runs?jorney=x", "jorney", "did you mean 'journey'?"),
        ("/v1/runs?next=x", "next", "did you mean 'cursor'?"),
        ("/v1/journeys/j/stats?since=x", "since", "version"),
        ("/v1/contacts/u?limit=1", "limit", "takes none"),
        ("/healthz?x=", "x", "takes none"),
        ("/v1/runs?%ff=1", "\N{REPLACEMENT CHARACTER}", "it is one of"),
    ],
)
async def test_an_unknown_parameter_is_refused_with_the_nearest_known_one(
    admin: httpx.AsyncClient, path: str, parameter: str, words: str
) -> None:
    answer = await admin.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert answer.json()["parameter"] == parameter
    assert words in answer.json()["message"]


async def test_every_operation_refuses_an_unknown_parameter(admin: httpx.AsyncClient) -> None:
    described = (await admin.get("/openapi.json")).json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if PUBLIC & {*operation["tags"]}:
                # Gateways of mail add parameters to the links of messages, and sites a version to
                # the address of a script.
                continue
            filled = path.replace("{", "").replace("}", "")
            answer = await admin.request(method.upper(), f"{filled}?nonesuch=1", json={})
            assert answer.status_code in (400, 401), (method, path)
            if answer.status_code == 400:
                assert answer.json()["code"] == "unknown_parameter", (method, path)


async def test_a_parameter_that_is_repeated_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/v1/runs?limit=1&limit=2")
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated_parameter")


@pytest.mark.parametrize("kind", LISTS)
async def test_a_list_bounds_its_limit(admin: httpx.AsyncClient, kind: str) -> None:
    for limit in ("0", "501", "-1", "x", "1.5", "99999999999999999999"):
        answer = await admin.get(f"/v1/{kind}", params={"limit": limit})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), limit
        assert answer.json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize("kind", ["runs", "jobs", "keys"])
async def test_a_cursor_that_no_page_gave_is_refused(admin: httpx.AsyncClient, kind: str) -> None:
    # A run may be erased between two pages, so an id that is not there ends the list of runs.
    odd = ("x",) if kind == "runs" else ("x", "00000000-0000-4000-8000-000000000000")
    for cursor in odd:
        answer = await admin.get(f"/v1/{kind}", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), cursor


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/v1/contacts/u", {"score": True}, "score"),
        ("PUT", "/v1/contacts/u", {"score": "7"}, "score"),
        ("PUT", "/v1/contacts/u", {"email": 7}, "email"),
        ("POST", "/v1/journeys/j/activate", {"version": 99_999_999_999}, "version"),
        ("POST", "/v1/journeys/j/activate", {"version": "1"}, "version"),
        ("POST", "/v1/journeys/j/activate", {"version": True}, "version"),
        ("POST", "/v1/journeys/j/activate", {"version": 1.0}, "version"),
        ("GET", "/v1/journeys/j?version=99999999999", None, "version"),
        ("GET", "/v1/journeys/j/stats?version=99999999999", None, "version"),
        ("GET", "/v1/journeys/j?version=0", None, "version"),
        ("GET", f"/v1/journeys/{'j' * 65}", None, "key"),
        ("GET", f"/v1/contacts/{'u' * 501}", None, "contact"),
        ("GET", f"/v1/coupons/{'p' * 201}", None, "pool"),
        ("POST", f"/v1/groups/{'g' * 201}/contacts", {"contacts": ["u"]}, "key"),
        ("POST", "/v1/groups/g/contacts", {"contacts": "u"}, "contacts"),
        ("POST", "/v1/groups/g/contacts", {"contacts": [7]}, "contacts.0"),
        ("POST", "/v1/apply", {"documents": [{"filename": 7}]}, "documents.0.filename"),
    ],
)  # fmt: skip
async def test_a_value_of_another_type_or_beyond_its_bounds_is_refused_by_name(
    admin: httpx.AsyncClient, method: str, path: str, body: object, field: str
) -> None:
    answer = await admin.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert field in [each["field"] for each in answer.json()["errors"]]


async def test_every_operation_describes_the_answers_that_can_come(
    stranger: httpx.AsyncClient,
) -> None:
    described = (await stranger.get("/openapi.json")).json()
    problem = {"$ref": "#/components/schemas/ProblemBody"}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            expected = {"400", "405"}
            if operation.get("security") != []:
                expected |= {"401", "403", "503"}
            if "requestBody" in operation:
                expected |= {"408", "413", "415"}
            if operation.get("parameters"):
                expected |= {"422"}
            assert expected <= answers.keys(), (method, path)
            for status in answers:
                if int(status) >= 400:
                    content = answers[status]["content"]
                    if "text/html" in content:
                        assert PUBLIC & {*operation["tags"]}, (method, path, status)
                        continue
                    described_as = content["application/problem+json"]["schema"]
                    assert described_as == problem, (method, path, status)


TOPIC = {"topic": "t", "name": "Tips"}


async def test_escapes_of_a_json_document_say_the_same_content(
    operate: httpx.AsyncClient,
) -> None:
    journey = {
        "journey": "j",
        "entry": [{"event": "E", "where": {"\N{GRINNING FACE}": "\N{GRINNING FACE}"}}],
        "steps": [{"id": "w", "wait": "1d"}],
    }
    headers = {"Content-Type": "application/json"}
    texts = (json.dumps(journey), json.dumps(journey, ensure_ascii=False))
    assert r"\ud83d\ude00" in texts[0]
    answers = [
        await operate.put("/v1/journeys/j", content=text.encode(), headers=headers)
        for text in texts
    ]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert [answer.json()["version"] for answer in answers] == [1, 1]
    stored = (await operate.get("/v1/journeys/j")).json()["document"]
    assert stored["entry"][0]["where"] == {"\N{GRINNING FACE}": "\N{GRINNING FACE}"}


@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
async def test_half_of_a_surrogate_pair_in_a_document_is_refused(
    operate: httpx.AsyncClient, kind: str
) -> None:
    for text in (
        r'{"topic": "t", "name": "a \ud83d"}',
        r'{"topic": "t", "\ud83d": "a"}',
        r'{"topic": "t", "\ude00\ud83d": {"\ud83d": "a"}}',
        r'{"\ud83d": 1, "\ud83d": 2}',
        r'{"topic": "\ud83d"}',
    ):
        headers = {"Content-Type": kind}
        answer = await operate.put("/v1/topics/t", content=text.encode(), headers=headers)
        assert answer.status_code in (400, 422), text
        assert answer.json()["message"]
        folder = {"documents": [{"filename": "a.json", "source": text}]}
        answer = await operate.post("/v1/apply", json=folder)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document"), text


async def test_connections_that_the_server_ended_are_not_used(
    settings: Settings, keys: Keys, database_url: str
) -> None:
    call = {"userId": "u", "event": "E"}
    headers = {"Authorization": f"Bearer {keys.operate}"}
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            many = [client.get("/v1/contacts/u") for _ in range(30)]
            assert {answer.status_code for answer in await asyncio.gather(*many)} == {404}
            async with await psycopg.AsyncConnection.connect(database_url) as conn:
                cursor = await conn.execute(
                    "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity"
                    " where application_name = 'parcours' and datname = current_database()"
                )
                ended = await cursor.fetchone()
            assert ended is not None
            assert ended[0] >= 2
            for _ in range(20):
                assert (await client.post("/v1/track", json=call)).status_code == 200
            many = [client.get("/v1/contacts/u") for _ in range(30)]
            assert {answer.status_code for answer in await asyncio.gather(*many)} == {200}


def large_journey(kilobytes: int) -> str:
    """A journey of many mails."""
    lines = ["journey: big", "entry:", "  - api: true", "steps:"]
    number = 0
    while sum(map(len, lines)) < kilobytes * 1024:
        lines += [
            f"  - id: mail{number}",
            "    email:",
            "      transactional: true",
            "      subject: \"Hello {{ contact.first_name | default: 'you' }}\"",
            "      text: |",
            *[f"        This is line {line} of the mail {number}." for line in range(8)],
            f"  - id: wait{number}",
            "    wait: 2h",
        ]
        number += 1
    return "\n".join(lines) + "\n"


async def test_a_long_document_is_checked_while_events_are_taken(
    operate: httpx.AsyncClient,
) -> None:
    # The process that checks is started by the first long document.
    warm = large_journey(8).replace("journey: big", "journey: warm")
    headers = {"Content-Type": "application/yaml"}
    saved = await operate.put("/v1/journeys/warm", content=warm, headers=headers)
    assert saved.status_code == 200, saved.text
    source = large_journey(400)
    begun = time.perf_counter()
    folder = {"documents": [{"filename": "big.yaml", "source": source}]}
    applying = asyncio.create_task(operate.post("/v1/apply", json=folder))
    taken = []
    while not applying.done():
        started = time.perf_counter()
        answer = await operate.post("/v1/track", json={"userId": "u", "event": "E"})
        taken.append(time.perf_counter() - started)
        assert answer.status_code == 200
    applied = await applying
    seconds = time.perf_counter() - begun
    assert applied.status_code == 200, applied.text
    assert seconds > 0.5
    # On the event loop one of them would wait for nearly all of it.
    assert max(taken) < max(0.5, seconds * 0.6), (seconds, statistics.median(taken), max(taken))


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("DELETE", "/v1/keys/nope", None, "key_id: must be a UUID such as "),
        ("POST", "/v1/journeys/j/runs", {}, "contact: is missing"),
        ("PUT", "/v1/contacts/u", {"emial": "a@b.c"}, "emial: is not a field of this request"),
        ("PUT", "/v1/contacts/u", {"attributes": [1]}, "attributes: must be an object"),
        ("PUT", "/v1/contacts/u", {"score": "7"}, "score: must be a number"),
        ("GET", "/v1/runs?limit=0", None, "limit: must be at least 1"),
        ("GET", "/v1/runs?state=asleep", None, "state: must be 'active' or 'ended'"),
    ],
)
async def test_a_refusal_says_what_would_be_right(
    admin: httpx.AsyncClient, method: str, path: str, body: Any, message: str
) -> None:
    answer = await admin.request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["message"].startswith(message)
