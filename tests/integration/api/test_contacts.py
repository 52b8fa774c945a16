"""Contacts, groups and consent over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.integration.api.conftest import Keys, Rows


async def test_a_put_merges_and_null_removes(operate: httpx.AsyncClient, rows: Rows) -> None:
    first = {
        "email": "Ada@Example.com",
        "phone": "+33 6 12 34 56 78",
        "timezone": "Europe/Paris",
        "locale": "fr-FR",
        "country": "fr",
        "score": 5,
        "lifecycle": "lead",
        "attributes": {"plan": "pro", "tags": ["a", "b"]},
    }
    made = await operate.put("/v1/contacts/u 1", json=first)
    assert made.status_code == 201
    answer = await operate.put(
        "/v1/contacts/u 1", json={"phone": None, "score": 7.5, "attributes": {"plan": None, "n": 1}}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body == (await operate.get("/v1/contacts/u%201")).json()
    assert {
        name: body[name] for name in body if name not in ("id", "created_at", "updated_at")
    } == {
        "external_id": "u 1",
        "email": "Ada@example.com",
        "phone": None,
        "timezone": "Europe/Paris",
        "locale": "fr-FR",
        "country": "FR",
        "score": 7.5,
        "lifecycle": "lead",
        "restricted": False,
        "derived": {},
        "aliases": [],
        "shares_email_with": 0,
        "attributes": {"tags": ["a", "b"], "n": 1},
    }
    assert body["updated_at"].endswith("Z")
    assert await rows(
        "select properties->'names' from event where name = 'Contact Changed' order by id"
    ) == [
        (
            [
                "country",
                "email",
                "lifecycle",
                "locale",
                "phone",
                "plan",
                "score",
                "tags",
                "timezone",
            ],
        ),
        (["n", "phone", "plan", "score"],),
    ]
    # That it was created, and the two changes.
    assert await rows("select count(*) from outbox") == [(3,)]


async def test_what_is_read_may_be_put_back(operate: httpx.AsyncClient) -> None:
    await operate.put("/v1/contacts/u", json={"email": "a@example.com"})
    read = (await operate.get("/v1/contacts/u")).json()
    worked_out = ("id", "created_at", "updated_at", "derived", "aliases", "shares_email_with")
    writable = {name: value for name, value in read.items() if name not in worked_out}
    assert (await operate.put("/v1/contacts/u", json=writable)).json() == read


async def test_a_contact_without_an_external_id_is_found_by_ours(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    await operate.post("/v1/track", json={"anonymousId": "a", "event": "E"})
    ((contact,),) = await rows("select id from contact")
    answer = await operate.get(f"/v1/contacts/{contact}")
    assert (answer.status_code, answer.json()["external_id"]) == (200, None)
    odd = str(uuid4())
    assert (await operate.put(f"/v1/contacts/{odd}", json={})).status_code == 201
    assert (await operate.get(f"/v1/contacts/{odd}")).json()["external_id"] == odd


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"email": "no-address"}, "invalid_email", "email"),
        ({"phone": "0612345678"}, "invalid_phone", "phone"),
        ({"timezone": "Mars"}, "invalid_timezone", "timezone"),
        ({"score": "many"}, "invalid_request", "score"),
        ({"restricted": "yes"}, "invalid_request", "restricted"),
        ({"first_name": "Ada"}, "invalid_request", "first_name"),
        ({"attributes": {"email": "a@b.fr"}}, "invalid_request", "attributes.email"),
        ({"attributes": {"n" * 201: 1}}, "invalid_name", "at most 200 characters"),
        ({"attributes": {"a\nb": 1}}, "invalid_name", "line breaks"),
        ({"attributes": {str(n): n for n in range(1_001)}}, "invalid_attributes", "1,000"),
        ({"attributes": []}, "invalid_request", "attributes"),
        ({"external_id": "other"}, "invalid_request", "external_id"),
        ([], "invalid_request", ""),
    ],
)
async def test_a_bad_contact_is_a_problem_that_names_its_field(
    operate: httpx.AsyncClient, rows: Rows, body: Any, code: str, field: str
) -> None:
    answer = await operate.put("/v1/contacts/u", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert field in answer.json()["message"]
    assert await rows("select count(*) from contact") == [(0,)]


async def test_what_postgres_cannot_keep_is_a_problem(operate: httpx.AsyncClient) -> None:
    for body in (
        '{"attributes": {"a": "x\\u0000"}}',
        '{"attributes": {"a": "\\ud800"}}',
        '{"attributes": {"a": 1e999}}',
        '{"attributes": {"a": NaN}}',
        '{"attributes": ' + "[" * 90_000,
        "{",
    ):
        answer = await operate.put(
            "/v1/contacts/u", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, body[:40]
    for depth, status in ((98, 201), (99, 400), (500, 400)):
        deep = '{"attributes": {"a": ' + "[" * depth + "]" * depth + "}}"
        answer = await operate.put(
            f"/v1/contacts/deep-{depth}",
            content=deep,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == status, (depth, answer.text)
    assert (await operate.get("/v1/contacts/a%00b")).status_code == 400


async def test_an_erased_contact_leaves_nothing_but_hashes(
    operate: httpx.AsyncClient, admin: httpx.AsyncClient, rows: Rows
) -> None:
    await operate.put("/v1/contacts/u", json={"email": "a@example.com"})
    await operate.post("/v1/identify", json={"userId": "u", "anonymousId": "a"})
    await operate.post("/v1/group", json={"userId": "u", "groupId": "g"})
    await rows(
        "with r as (insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " select gen_random_uuid(), 'j', 1, id, 0, 0 from contact returning id, contact_id),"
        " v as (insert into visit (run_id, visit, step, kind) select id, 1, 's', 'email' from r),"
        " l as (insert into listener (run_id, visit, slot, contact_id, ref)"
        " select id, 1, 0, contact_id, 0 from r),"
        " s as (insert into suppression (channel, address_hash, reason) values ('email','x','y'))"
        " insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
        " select gen_random_uuid(), id, 1, 's', contact_id, 'email', 'sent', 't' from r returning 1"
    )
    assert (await admin.delete("/v1/contacts/u")).status_code == 204
    for table in (
        "contact", "identity", "event", "outbox", "run", "visit", "listener", "message",
        "group_member",
    ):  # fmt: skip
        assert await rows(f"select count(*) from {table}") == [(0,)], table
    assert await rows("select count(*) from suppression") == [(1,)]
    assert (await admin.delete("/v1/contacts/u")).status_code == 404


async def test_a_group_takes_all_of_the_contacts_or_none(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    for contact in ("a", "b"):
        await operate.put(f"/v1/contacts/{contact}", json={})
    refused = await operate.post("/v1/groups/vip/contacts", json={"contacts": ["a", "nope"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_contact")
    assert "'nope'" in refused.json()["message"]
    assert await rows("select count(*) from group_member") == [(0,)]
    for changed in (2, 0):
        answer = await operate.post("/v1/groups/vip/contacts", json={"contacts": ["a", "b"]})
        assert answer.json() == {"changed": changed}
    gone = await operate.request("DELETE", "/v1/groups/vip/contacts", json={"contacts": ["a"]})
    assert gone.json() == {"changed": 1}
    assert await rows(
        "select c.external_id from group_member g join contact c on c.id = g.contact_id"
    ) == [("b",)]
    assert await rows(
        "select name, properties from event where starts_with(name, 'Group') order by id"
    ) == [
        ("Group Joined", {"group": "vip"}), ("Group Joined", {"group": "vip"}),
        ("Group Left", {"group": "vip"}),
    ]  # fmt: skip
    # Each of the two contacts came into being as well.
    assert await rows("select count(*) from outbox") == [(5,)]


async def test_consent_is_recorded_on_an_operators_word(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    await operate.put("/v1/contacts/u", json={})
    for key, default in (("news", "double"), ("tips", "opt_in")):
        await rows(
            "insert into document (kind, key, document, source, sha256)"
            " values ('topic', %s, jsonb_build_object('default', %s::text), '', '') returning 1",
            key, default,
        )  # fmt: skip
    for topic, state, event in (
        ("news", "subscribed", "Topic Confirmed"),
        ("news", "pending", "Topic Subscribed"),
        ("news", "unsubscribed", "Topic Unsubscribed"),
        ("tips", "subscribed", "Topic Subscribed"),
    ):
        answer = await operate.put(f"/v1/contacts/u/topics/{topic}", json={"state": state})
        assert (answer.status_code, answer.json()) == (200, {"state": state})
        assert await rows(
            "select t.state, e.name from topic_state t join event e on e.id = t.event_id"
            " where t.topic = %s",
            topic,
        ) == [(state, event)]
    for path, body, status in (
        ("u/topics/nope", {"state": "subscribed"}, 404),
        ("nope/topics/news", {"state": "subscribed"}, 404),
        ("u/topics/tips", {"state": "pending"}, 422),
        ("u/topics/tips", {"state": "maybe"}, 422),
        ("u/topics/tips", {}, 422),
    ):
        assert (await operate.put(f"/v1/contacts/{path}", json=body)).status_code == status, path


async def test_write_keys_read_nothing(ingest: httpx.AsyncClient, keys: Keys) -> None:
    assert keys.ingest
    for method, path in (
        ("GET", "/v1/contacts/u"),
        ("PUT", "/v1/contacts/u"),
        ("DELETE", "/v1/contacts/u"),
        ("POST", "/v1/groups/g/contacts"),
        ("PUT", "/v1/contacts/u/topics/t"),
    ):
        answer = await ingest.request(method, path, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


async def test_operators_restrict_contacts_and_write_keys_do_not(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    await ingest.post("/v1/identify", json={"userId": "u", "traits": {"restricted": True}})
    assert (await operate.get("/v1/contacts/u")).json()["restricted"] is False
    await operate.post("/v1/identify", json={"userId": "u", "traits": {"restricted": True}})
    assert (await operate.get("/v1/contacts/u")).json()["restricted"] is True
    await ingest.post("/v1/identify", json={"userId": "u", "traits": {"restricted": False}})
    assert (await operate.get("/v1/contacts/u")).json()["restricted"] is True
    body = {"restricted": None, "reason": "withdrawn"}
    assert (await operate.put("/v1/contacts/u", json=body)).json()["restricted"] is False


async def test_two_known_contacts_are_merged(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    for each in ("old", "young"):
        await operate.put(f"/v1/contacts/{each}", json={"attributes": {each: True}})
    refused = await ingest.post("/v1/contacts/old/merge", json={"into": "young"})
    assert refused.status_code == 403
    answer = await operate.post("/v1/contacts/young/merge", json={"from": "old", "reason": "same"})
    body = answer.json()
    assert (answer.status_code, body["merged"], body["alias"]) == (200, True, "young")
    assert (body["ended_runs"], body["left_out"]) == ([], [])
    assert body["contact"]["external_id"] == "old"
    assert body["contact"]["attributes"] == {"old": True, "young": True}
    assert (await operate.get("/v1/contacts/young")).json() == body["contact"]
    again = await operate.post("/v1/contacts/old/merge", json={"into": "young"})
    assert (again.status_code, again.json()["merged"]) == (200, False)
    changed = await operate.put("/v1/contacts/young", json={"score": 3})
    assert (changed.status_code, changed.json()["external_id"]) == (200, "old")


async def test_the_preview_of_a_merge_says_what_it_would_do_and_changes_nothing(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    for each in ("old", "young"):
        await operate.put(f"/v1/contacts/{each}", json={"score": 2, "attributes": {each: True}})
    before = await rows("select id, external_id, attributes, score from contact order by 1")
    events = await rows("select count(*) from event")
    order = {"from": "old", "dry_run": True}
    preview = (await operate.post("/v1/contacts/young/merge", json=order)).json()
    assert (preview["merged"], preview["alias"]) == (True, "young")
    assert preview["contact"]["score"] == 4
    assert preview["contact"]["attributes"] == {"old": True, "young": True}
    assert await rows("select id, external_id, attributes, score from contact order by 1") == before
    assert await rows("select count(*) from event") == events
    assert await rows("select count(*) from audit where action = 'contact.merge'") == [(0,)]
    done = (await operate.post("/v1/contacts/young/merge", json={"from": "old"})).json()
    assert done["contact"]["attributes"] == preview["contact"]["attributes"]
    missing = {"from": "missing", "dry_run": True}
    answer = await operate.post("/v1/contacts/old/merge", json=missing)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_contact")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"into": "unknown"}, 404, "unknown_contact"),
        ({"into": "u"}, 422, "same_contact"),
        ({}, 422, "invalid_request"),
        ({"into": "a", "from": "b"}, 422, "invalid_request"),
    ],
)
async def test_a_merge_that_cannot_be_says_why(
    operate: httpx.AsyncClient, body: Any, status: int, code: str
) -> None:
    await operate.put("/v1/contacts/u", json={})
    answer = await operate.post("/v1/contacts/u/merge", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_contacts_are_found_by_what_is_known_of_them(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    people: dict[str, dict[str, Any]] = {
        "ada": {"email": "Ada@Example.com", "phone": "+33612345678"},
        "eda": {"email": "ada@example.COM"},
        "ad%": {"email": "percent@example.com"},
        "bob": {"phone": "+33612345679"},
    }
    ids = {}
    for user, fields in people.items():
        ids[user] = (await operate.put(f"/v1/contacts/{quote(user)}", json=fields)).json()["id"]
    await operate.post("/v1/groups/vip/contacts", json={"contacts": ["ada", "bob"]})
    await operate.post("/v1/contacts/bob/merge", json={"from": "ad%"})

    async def found(**wanted: str) -> list[str]:
        answer = await operate.get("/v1/contacts", params=wanted)
        assert answer.status_code == 200, answer.text
        return [each["external_id"] for each in answer.json()["items"]]

    assert await found() == ["ada", "eda", "ad%"]
    assert await found(email="ADA@example.com") == ["ada", "eda"]
    assert await found(phone="+33 6 12 34 56 78") == ["ada"]
    assert await found(group="vip") == ["ada", "ad%"]
    assert await found(group="vip", email="ada@example.com") == ["ada"]
    assert await found(q="ad") == ["ada", "eda", "ad%"]
    assert await found(q="ad%") == ["ad%"]
    assert await found(q="eda") == ["eda"]
    assert await found(q="+33 6 12") == ["ada", "ad%"]
    assert await found(q="PERCENT@") == ["ad%"]
    assert await found(q="bob") == ["ad%"]
    assert await found(q=ids["eda"]) == ["eda"]
    assert await found(q="x") == []
    first = (await operate.get("/v1/contacts", params={"q": "ad", "limit": 2})).json()
    assert [each["external_id"] for each in first["items"]] == ["ada", "eda"]
    assert [each["shares_email_with"] for each in first["items"]] == [1, 1]
    after = {"q": "ad", "limit": 2, "cursor": first["next"]}
    last = (await operate.get("/v1/contacts", params=after)).json()
    assert ([each["external_id"] for each in last["items"]], last["next"]) == (["ad%"], None)
    assert last["items"][0]["aliases"] == ["bob"]
    for wanted, status, code in (
        ({"phone": "0612345678"}, 422, "invalid_phone"),
        ({"segment": "unknown"}, 404, "unknown_segment"),
        ({"cursor": "x"}, 400, "invalid_cursor"),
        ({"name": "ada"}, 400, "unknown_parameter"),
    ):
        answer = await operate.get("/v1/contacts", params=wanted)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await ingest.get("/v1/contacts")).status_code == 403


async def test_score_and_lifecycle_have_a_history(operate: httpx.AsyncClient) -> None:
    for changes in (
        {"score": 5, "lifecycle": "lead"},
        {"score": 7, "attributes": {"plan": "pro"}, "reason": "a call"},
        {"attributes": {"long": "x" * 300}},
        {"score": None},
    ):
        await operate.put("/v1/contacts/u", json=changes)

    async def history(**wanted: Any) -> list[tuple[Any, ...]]:
        answer = await operate.get("/v1/contacts/u/changes", params=wanted)
        assert answer.status_code == 200, answer.text
        return [
            (each["name"], each["from"], each["to"], each["reason"], each["complete"])
            for each in answer.json()["items"]
        ]

    scores = [
        ("score", 7.0, None, None, True),
        ("score", 5.0, 7.0, "a call", True),
        ("score", None, 5.0, None, True),
    ]
    assert await history(name="score") == scores
    assert await history(name="lifecycle") == [("lifecycle", None, "lead", None, True)]
    assert ("long", None, None, None, False) in await history()
    first = (await operate.get("/v1/contacts/u/changes?name=score&limit=2")).json()
    assert len(first["items"]) == 2
    rest = await operate.get(f"/v1/contacts/u/changes?name=score&cursor={first['next']}")
    assert ([each["to"] for each in rest.json()["items"]], rest.json()["next"]) == ([5.0], None)
    assert (await operate.get("/v1/contacts/unknown/changes")).status_code == 404


async def test_attributes_are_listed_with_types_examples_and_counts(
    operate: httpx.AsyncClient,
) -> None:
    for user, attributes in (
        ("a", {"plan": "pro", "age": 7, "tags": ["x"]}),
        ("b", {"plan": "free", "age": "7", "address": {"city": "Paris"}, "none": None}),
        ("c", {"plan": "pro", "long": "x" * 200}),
    ):
        body = {"email": f"{user}@example.com", "attributes": attributes}
        await operate.put(f"/v1/contacts/{user}", json=body)
    page = (await operate.get("/v1/attributes")).json()
    assert (page["contacts"], page["read"], page["exact"], page["next"]) == (3, 3, True, None)
    assert [tuple(each.values()) for each in page["items"]] == [
        ("address", False, ["object"], [{"city": "Paris"}], 1),
        ("age", False, ["number", "text"], ["7", 7], 2),
        ("email", True, ["text"], ["a@example.com", "b@example.com", "c@example.com"], 3),
        ("external_id", True, ["text"], ["a", "b", "c"], 3),
        ("long", False, ["text"], [], 1),
        ("plan", False, ["text"], ["free", "pro"], 3),
        ("tags", False, ["list"], [["x"]], 1),
    ]
    first = (await operate.get("/v1/attributes?limit=3")).json()
    rest = (await operate.get("/v1/attributes", params={"cursor": first["next"]})).json()
    assert first["items"] + rest["items"] == page["items"]
