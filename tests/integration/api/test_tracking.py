"""The tracking API over HTTP, as its clients call it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Keys, Rows
from tests.support.api import serving

CALLS: dict[str, dict[str, Any]] = {
    "identify": {"traits": {"plan": "pro"}},
    "track": {"event": "Signed Up", "properties": {"n": 1}},
    "page": {"name": "Home", "properties": {"url": "https://x.example"}},
    "screen": {"name": "Main", "category": "App"},
    "group": {"groupId": "vip"},
    "alias": {"previousId": "anon-1"},
}
LETTERS = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}


async def test_every_kind_of_call_is_taken(ingest: httpx.AsyncClient, rows: Rows) -> None:
    for kind, call in CALLS.items():
        answer = await ingest.post(f"/v1/{kind}", json={"userId": "u", **call})
        assert (answer.status_code, answer.json()) == (200, {"success": True}), kind
    assert await rows(
        "select name, properties from event where source <> 'engine' order by id"
    ) == [
        ("Signed Up", {"n": 1}),
        ("Page Viewed", {"name": "Home", "url": "https://x.example"}),
        ("Screen Viewed", {"name": "Main", "category": "App"}),
    ]
    assert await rows("select group_key from group_member") == [("vip",)]
    assert await rows("select anonymous_id from identity") == [("anon-1",)]


async def test_the_browsers_letters_take_text_plain_and_the_key_in_the_body(
    stranger: httpx.AsyncClient, keys: Keys, rows: Rows
) -> None:
    for kind, call in CALLS.items():
        body = {"userId": None, "anonymousId": "a", "writeKey": keys.ingest, **call}
        if kind == "alias":
            body["userId"] = "u"
        answer = await stranger.post(
            f"/v1/{LETTERS[kind]}",
            content=json.dumps(body),
            headers={"Content-Type": "text/plain", "X-Retry-Count": "1"},
        )
        assert answer.status_code == 200, answer.text
    batch = {"batch": [{"type": "track", "event": "E", "userId": "u"}], "writeKey": keys.ingest}
    assert (await stranger.post("/v1/b", content=json.dumps(batch))).status_code == 200
    assert (await stranger.post("/v1/m", content='{"series": []}')).status_code == 200
    settings = await stranger.get(f"/v1/projects/{keys.ingest}/settings")
    assert settings.json()["integrations"]["Segment.io"]["apiKey"] == keys.ingest
    assert (await stranger.get("/v1/projects/nope/settings")).status_code == 401


async def test_pages_of_any_origin_may_call_tracking_and_nothing_else(
    stranger: httpx.AsyncClient, keys: Keys
) -> None:
    preflight = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-retry-count",
    }
    answer = await stranger.options("/v1/t", headers=preflight)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "content-type,x-retry-count"
    refused = await stranger.post(
        "/v1/t", json={"event": "E"}, headers={"Origin": "https://shop.example"}
    )
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"
    other = await stranger.options("/v1/contacts/u", headers=preflight)
    assert "access-control-allow-origin" not in other.headers


async def test_keys_are_found_wherever_clients_put_them(
    stranger: httpx.AsyncClient, keys: Keys
) -> None:
    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    call = {"userId": "u", "event": "E"}
    mine = {"writeKey": keys.ingest}
    taken: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"Authorization": f"Bearer {keys.ingest}"}, call),
        ({"Authorization": f"bearer {keys.admin}"}, call),
        ({"Authorization": basic(f"{keys.ingest}:")}, call),
        ({"Authorization": basic(keys.ingest)}, call),
        ({"Authorization": basic(keys.ingest).rstrip("=")}, call),
        ({}, call | mine),
        ({"Authorization": "Bearer some.other.token"}, call | mine),
        ({"Authorization": basic(f"{keys.ingest}:")}, call | mine),
    ]
    for headers, body in taken:
        answer = await stranger.post("/v1/track", json=body, headers=headers)
        assert answer.status_code == 200, (headers, answer.text)
    refused: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({}, call),
        ({"Authorization": "Bearer nope"}, call),
        ({"Authorization": "Digest nope"}, call),
        ({"Authorization": "Basic %%%"}, call),
        ({"Authorization": "Bearer"}, call),
        ({"Authorization": f"Bearer {keys.admin}"}, call | {"writeKey": "nope"}),
        ({}, call | {"writeKey": ""}),
        ({}, call | {"writeKey": 7}),
    ]
    for headers, body in refused:
        answer = await stranger.post("/v1/track", json=body, headers=headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.json()["code"] == "unauthorized"
        assert "www-authenticate" in answer.headers


async def test_a_client_clocks_error_is_taken_out_and_its_word_kept(
    ingest: httpx.AsyncClient, rows: Rows
) -> None:
    wrong = datetime(2031, 5, 1, 12, tzinfo=UTC)
    call = {
        "userId": "u",
        "event": "E",
        "timestamp": (wrong - timedelta(minutes=5)).isoformat(),
        "sentAt": wrong.isoformat(),
    }
    before = datetime.now(UTC)
    assert (await ingest.post("/v1/track", json=call)).status_code == 200
    ((occurred, original, stamped),) = await rows(
        "select occurred_at, original_at, stamped_at from event where source <> 'engine'"
    )
    assert original == wrong - timedelta(minutes=5)
    assert before - timedelta(minutes=5) <= occurred <= datetime.now(UTC) - timedelta(minutes=5)
    assert before <= stamped <= datetime.now(UTC)


async def test_a_batch_is_judged_item_by_item(ingest: httpx.AsyncClient, rows: Rows) -> None:
    batch = [
        {"type": "track", "userId": "u", "event": "One", "messageId": "m1"},
        {"type": "identify", "userId": "u", "traits": {"email": "no-address"}},
        {"type": "dance", "userId": "u"},
        "text",
        {"type": "track", "userId": "u", "event": "Topic Subscribed",
         "properties": {"topic": "nope"}},
        {"type": "track", "userId": "u", "event": "Message Opened", "properties": {"step": "s"}},
        {"type": "track", "userId": "u", "event": "Two", "timestamp": "2026-01-01T00:00:00"},
        {"type": "track", "userId": "u", "event": "Three"},
    ]  # fmt: skip
    answer = await ingest.post("/v1/batch", json={"batch": batch})
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert [(each["index"], each["code"], each["field"]) for each in body["warnings"]] == [
        (1, "invalid_email", "email"),
    ]
    assert "traits.email" in body["warnings"][0]["message"]
    assert [(each["index"], each["code"]) for each in body["rejected"]] == [
        (2, "unknown_type"),
        (3, "invalid_item"),
        (4, "unknown_topic"),
        (5, "forbidden_event"),
        (6, "naive_time"),
    ]
    assert await rows("select name from event where source <> 'engine' order by id") == [
        ("One",),
        ("Three",),
    ]


async def test_a_batch_shares_its_context_and_an_item_has_the_last_word(
    ingest: httpx.AsyncClient, rows: Rows
) -> None:
    batch = {
        "context": {"timezone": "Europe/Paris", "locale": "fr-FR"},
        "batch": [
            {"type": "track", "userId": "a", "event": "E"},
            {"type": "track", "userId": "b", "event": "E", "context": {"timezone": "Asia/Tokyo"}},
            {"type": "track", "userId": "c", "event": "E", "context": {"timezone": "Mars/Base"}},
        ],
    }
    assert (await ingest.post("/v1/batch", json=batch)).status_code == 200
    assert await rows("select external_id, timezone, locale from contact order by 1") == [
        ("a", "Europe/Paris", "fr-FR"),
        ("b", "Asia/Tokyo", "fr-FR"),
        ("c", None, "fr-FR"),
    ]


async def test_a_repeated_batch_adds_nothing(ingest: httpx.AsyncClient, rows: Rows) -> None:
    batch = [
        {"type": "track", "userId": f"u{n % 5}", "event": "E", "messageId": f"m{n}"}
        for n in range(50)
    ]
    answers = await asyncio.gather(
        *(ingest.post("/v1/batch", json={"batch": batch}) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await rows("select count(*) from event where source <> 'engine'") == [(50,)]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_gzip_body_is_unpacked(
    ingest: httpx.AsyncClient, rows: Rows, encoding: str
) -> None:
    body = gzip.compress(json.dumps({"userId": "u", "event": "E"}).encode())
    answer = await ingest.post("/v1/track", content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 200
    assert await rows("select count(*) from event where source <> 'engine'") == [(1,)]


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def _properties(value: str) -> str:
    return '{"userId": "u", "event": "E", "properties": ' + value + "}"


_BAD: list[tuple[str, str | bytes, str, str]] = [
    ("track", "", "invalid_json", ""),
    ("track", "{", "invalid_json", "line 1"),
    ("track", b"\xff\xfe{}", "invalid_json", ""),
    ("track", "[]", "invalid_body", "object"),
    ("track", '"x"', "invalid_body", "object"),
    ("track", _properties("NaN"), "invalid_value", "properties"),
    ("track", _properties("-Infinity"), "invalid_value", "properties"),
    ("track", _properties('{"a": 1e999}'), "invalid_value", "properties.a"),
    ("track", _properties('{"a": {"b": "x\\u0000y"}}'), "invalid_value", "properties.a.b"),
    ("track", _properties('{"a\\u0000": 1}'), "invalid_value", "properties.(key)"),
    ("track", _properties('{"a": ["\\ud83d"]}'), "invalid_value", "properties.a.0"),
    ("track", _properties('{"a": ' + _nested(900) + "}"), "too_deep", "properties"),
    ("track", _properties('{"a": ' + _nested(100_000) + "}"), "invalid_json", "deeply"),
    ("track", _properties("7"), "invalid_type", "properties"),
    ("track", '{"userId": "u"}', "missing_field", "event"),
    ("track", '{"userId": "u", "event": ""}', "missing_field", "event"),
    ("track", '{"userId": "u", "event": {}}', "invalid_type", "event"),
    ("track", json.dumps({"userId": "u", "event": "x" * 201}), "too_long", "event"),
    ("track", '{"event": "E"}', "missing_user", "userId or anonymousId"),
    ("track", '{"event": "E", "userId": null, "anonymousId": ""}', "missing_user", "userId"),
    ("track", '{"event": "E", "userId": 7}', "invalid_type", "userId"),
    ("track", json.dumps({"event": "E", "userId": "x" * 501}), "too_long", "userId"),
    ("track", '{"event": "E", "userId": "a\\u0000b"}', "invalid_value", "userId"),
    ("track", json.dumps({"event": "E", "userId": "u", "messageId": "m" * 101}), "too_long",
     "messageId"),
    ("track", '{"event": "E", "userId": "u", "context": []}', "invalid_type", "context"),
    ("track", '{"event": "E", "userId": "u", "timestamp": "2026-01-01T00:00:00"}', "naive_time",
     "timestamp"),
    ("track", '{"event": "E", "userId": "u", "timestamp": "soon"}', "invalid_time", "timestamp"),
    ("track", '{"event": "E", "userId": "u", "timestamp": 1700000000}', "invalid_time",
     "timestamp"),
    ("track", '{"event": "E", "userId": "u", "timestamp": "2026-02-30T00:00:00Z"}',
     "invalid_time", "timestamp"),
    ("track", json.dumps({"event": "E", "userId": "u", "timestamp": "0001-01-01T00:00:00Z",
                          "sentAt": "9999-01-01T00:00:00Z"}), "invalid_time", "timestamp"),
    ("track", '{"event": "E", "userId": "u", "sentAt": "2026-01-01T00:00:00"}', "naive_time",
     "sentAt"),
    ("track", _properties('{"a": "' + "x" * 33_000 + '"}'), "oversize", "32 KB"),
    ("track", _properties('{"a": "' + "x" * 600_000 + '"}'), "oversize", "500 KB"),
    ("identify", '{"userId": "u", "traits": []}', "invalid_type", "traits"),
    ("identify", '{"userId": "u", "traits": {"a": ' + _nested(900) + "}}", "too_deep", "traits"),
    ("group", '{"userId": "u"}', "missing_field", "groupId"),
    ("alias", '{"anonymousId": "a", "previousId": "p"}', "missing_user", "userId"),
    ("alias", '{"userId": "u"}', "missing_field", "previousId"),
    *(
        (
            "track",
            json.dumps({"userId": "u", "event": "Location Updated", "properties": place}),
            "bad_properties",
            f"properties.{name}: must be degrees",
        )
        for name, place in (
            ("lat", {}),
            ("lat", {"lon": 2.3}),
            ("lat", {"lat": 90.1, "lon": 2.3}),
            ("lat", {"lat": "48.8", "lon": 2.3}),
            ("lat", {"lat": True, "lon": 2.3}),
            ("lon", {"lat": 48.8}),
            ("lon", {"lat": 48.8, "lon": -180.5}),
            ("lon", {"lat": 48.8, "lon": None}),
        )
    ),
    ("batch", "{}", "invalid_batch", "batch"),
    ("batch", '{"batch": {}}', "invalid_batch", "batch"),
    ("batch", json.dumps({"batch": [{}] * 2501}), "oversize", "2500"),
    ("batch", '{"batch": [1]}', "invalid_item", "batch.0"),
    ("batch", '{"batch": [1, {"type": "x"}]}', "invalid_batch", "batch.0"),
]  # fmt: skip


async def test_a_bad_call_is_a_problem_that_names_its_field(
    ingest: httpx.AsyncClient, rows: Rows
) -> None:
    for kind, body, code, words in _BAD:
        answer = await ingest.post(f"/v1/{kind}", content=body)
        problem = answer.json()
        said = (kind, body[:200], problem)
        assert answer.status_code == 400, said
        assert answer.headers["content-type"] == "application/problem+json", said
        assert problem["code"] == code, said
        assert words in problem["message"], said
        assert problem["status"] == 400, said
        assert problem["detail"] == problem["message"], said
    assert await rows("select (select count(*) from event) + (select count(*) from contact)") == [
        (0,)
    ]


async def test_a_place_on_earth_is_taken(ingest: httpx.AsyncClient, rows: Rows) -> None:
    for lat, lon in ((90, -180), (-90, 180.0), (45.764, 4.8357)):
        call = {"userId": "u", "event": "Location Updated", "properties": {"lat": lat, "lon": lon}}
        answer = await ingest.post("/v1/track", json=call)
        assert answer.status_code == 200, answer.text
    assert await rows("select count(*) from event where name = 'Location Updated'") == [(3,)]


async def test_a_body_that_cannot_be_unpacked_is_a_problem(ingest: httpx.AsyncClient) -> None:
    for body, encoding, status, code in (
        (gzip.compress(b"x" * 50_000_000), "gzip", 400, "oversize"),
        (b"not gzip", "gzip", 400, "invalid_gzip"),
        (gzip.compress(b"{}")[:-4], "gzip", 400, "invalid_gzip"),
        (gzip.compress(b"{}") + b"more", "gzip", 400, "invalid_gzip"),
        (b"{}", "br", 415, "unsupported_encoding"),
    ):
        headers = {"Content-Encoding": encoding}
        answer = await ingest.post("/v1/track", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unpaired_surrogate_spoils_its_own_item_alone(
    ingest: httpx.AsyncClient, rows: Rows
) -> None:
    body = (
        '{"batch": [{"type": "track", "userId": "u", "event": "Good"},'
        ' {"type": "track", "userId": "u", "event": "Bad", "properties": {"t": "\\ud83d"}}]}'
    )
    answer = await ingest.post("/v1/batch", content=body)
    assert [each["code"] for each in answer.json()["rejected"]] == ["invalid_value"]
    assert await rows("select name from event where source <> 'engine'") == [("Good",)]


async def test_write_keys_set_no_score_and_no_message_status(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows
) -> None:
    traits = {"score": 90, "lifecycle": "sql", "external_id": "other", "plan": "pro"}
    call = {"userId": "u", "traits": {**traits, "restricted": True}}
    answer = await ingest.post("/v1/identify", json=call)
    assert answer.status_code == 200
    warned = [(each["code"], each["field"]) for each in answer.json()["warnings"]]
    forbidden = "forbidden_attribute"
    assert warned == [(forbidden, "score"), (forbidden, "lifecycle"), (forbidden, "restricted")]
    call = {"userId": "u", "traits": traits}
    seen = "select external_id, score, lifecycle, attributes from contact"
    assert await rows(seen) == [("u", 0, None, {"plan": "pro"})]
    answer = await operate.post("/v1/identify", json=call)
    assert (answer.status_code, answer.json().get("warnings", [])) == (200, [])
    assert await rows(seen) == [("u", 90, "sql", {"plan": "pro"})]
    for event in ("Topic Confirmed", "Message Opened", "Message Sent"):
        answer = await ingest.post("/v1/track", json={"userId": "u", "event": event})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_event")


async def test_phone_and_names_are_kept_as_the_contract_says(
    ingest: httpx.AsyncClient, rows: Rows
) -> None:
    traits = {"phone": "+33 6.12-34 56 78", "firstName": "Ada", "nested": {"a": [1, None]}}
    assert (
        await ingest.post("/v1/identify", json={"userId": "u", "traits": traits})
    ).status_code == 200
    assert await rows("select phone, attributes from contact") == [
        ("+33612345678", {"firstName": "Ada", "nested": {"a": [1, None]}})
    ]


async def test_a_hot_contact_gets_429_with_the_time_to_wait(
    settings: Any, keys: Keys, rows: Rows
) -> None:
    slow = settings.model_copy(update={"contact_events_per_minute": 2})
    with serving(slow) as url:
        headers = {"Authorization": f"Bearer {keys.ingest}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            call = {"userId": "hot", "event": "E"}
            answers = [await client.post("/v1/track", json=call) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[2].json()["code"] == "rate_limited"
            assert 1 <= int(answers[2].headers["retry-after"]) <= 60
            batch = {"batch": [{"type": "track", **call}] * 2}
            assert (await client.post("/v1/batch", json=batch)).status_code == 429
            batch["batch"].append({"type": "track", "userId": "cool", "event": "E"})
            partly = await client.post("/v1/batch", json=batch)
            assert partly.status_code == 200
            assert [each["code"] for each in partly.json()["rejected"]] == ["rate_limited"] * 2
    assert await rows("select count(*) from event where source <> 'engine'") == [(3,)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "a b@c.fr"),
        ("email", 7),
        ("phone", "06 12 34 56 78"),
        ("phone", "+999123456789"),
        ("timezone", "Mars/Base"),
        ("country", "France"),
        ("locale", "french!"),
    ],
)
async def test_a_bad_trait_is_a_warning_that_names_it(
    ingest: httpx.AsyncClient, rows: Rows, name: str, value: object
) -> None:
    call = {"userId": "u", "traits": {name: value, "plan": "pro"}}
    answer = await ingest.post("/v1/identify", json=call)
    assert answer.status_code == 200
    [warning] = answer.json()["warnings"]
    assert (warning["code"], warning["field"]) == (f"invalid_{name}", name)
    assert f"traits.{name}" in warning["message"]
    assert await rows(f"select {name}, attributes from contact") == [(None, {"plan": "pro"})]
