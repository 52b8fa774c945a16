"""What came of events, what was rejected of calls, and replays, over HTTP."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.http.times import format_time
from store.events.event_listing import list_events
from store.events.rejected_items import KeptItem, keep_rejected
from store.operations.api_keys import KeyOptions, create_key
from tests.integration.api.conftest import Keys, Rows

Pool = AsyncConnectionPool[AsyncConnection[Any]]
SECRET = "a-secret-of-the-shop"


async def post(client: httpx.AsyncClient, *batch: Any, key: str | None = None) -> Any:
    """The answer to a batch, written as lenient clients write it."""
    headers = {"Authorization": f"Bearer {key}"} if key else None
    body = json.dumps({"batch": batch})
    return await client.post("/v1/batch", content=body, headers=headers)


async def rejected(client: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/events/rejected", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_bad_trait_is_left_out_and_the_others_are_taken(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows
) -> None:
    traits = {"email": "una@example.com", "first_name": "Una", "phone": "06 12 34 56 78",
              "timezone": ""}  # fmt: skip
    answer = await post(
        ingest,
        {"type": "track", "userId": "u", "event": "Seen"},
        {"type": "identify", "userId": "u", "traits": traits},
    )
    assert answer.status_code == 200
    [warning] = answer.json()["warnings"]
    assert (warning["index"], warning["code"], warning["field"]) == (1, "invalid_phone", "phone")
    single = await ingest.post("/v1/identify", json={"userId": "u", "traits": {"country": "Mars"}})
    assert single.status_code == 200
    assert [each["code"] for each in single.json()["warnings"]] == ["invalid_country"]
    assert await rows("select email, phone, timezone, attributes from contact") == [
        ("una@example.com", None, None, {"first_name": "Una"})
    ]
    kept = await rejected(operate, contact="u")
    assert [(each["code"], each["field"], each["body"]["traits"]) for each in kept] == [
        ("invalid_country", "country", {"country": "Mars"}),
        ("invalid_phone", "phone", {"phone": "06 12 34 56 78"}),
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_a_number_that_is_none_spoils_its_own_call_alone(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows, number: float
) -> None:
    answer = await post(
        ingest,
        {"type": "track", "userId": "u", "event": "One", "properties": {"total": 1}},
        {"type": "track", "userId": "u", "event": "Two", "properties": {"total": number}},
        {"type": "track", "userId": "u", "event": "Three"},
    )
    assert answer.status_code == 200
    [refusal] = answer.json()["rejected"]
    assert (refusal["index"], refusal["code"]) == (1, "invalid_value")
    assert "properties.total" in refusal["message"]
    assert await rows("select name from event where source = 'ingest' order by id") == [
        ("One",), ("Three",)
    ]  # fmt: skip
    [kept] = await rejected(operate)
    assert kept["event"] == "Two"


@pytest.mark.parametrize(
    "call",
    [
        {"userId": "a\nb"},
        {"userId": "a\x7f"},
        {"userId": ".."},
        {"userId": "  "},
        {"anonymousId": "a\tb"},
        {"userId": "u", "event": "Line\nbreak"},
        {"userId": "u", "timestamp": "0001-01-01T00:00:00Z"},
        {"userId": "u", "timestamp": "2026-11-01T10:00:00"},
        {"userId": "u", "event": "Contact Changed"},
        {"userId": "u", "event": "Group Joined"},
        {"userId": "u", "event": "Topic Subscribed", "properties": {"verified": True}},
    ],
)
async def test_what_cannot_be_addressed_or_meant_is_refused(
    ingest: httpx.AsyncClient, rows: Rows, call: dict[str, Any]
) -> None:
    answer = await ingest.post("/v1/track", json={"event": "Seen", **call})
    assert answer.status_code in (400, 403), answer.text
    assert await rows("select count(*) from contact") == [(0,)]


async def test_every_id_that_is_taken_can_be_read_changed_and_erased(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, stranger: httpx.AsyncClient,
    keys: Keys, pool: Pool, rows: Rows,
) -> None:  # fmt: skip
    async with pool.connection() as conn:
        await conn.execute(
            "insert into document (kind, key, document, source, sha256)"
            """ values ('topic', 'y', '{"topic": "y", "default": "opt_in"}', '', '')"""
        )
    ids = [
        "x", "/", "//", "a/b", "x/topics/y", "%00", "%2F", "ü ö", "?q=1#f", "a+b@x.example", ".x"
    ]  # fmt: skip
    for each in ids:
        taken = await ingest.post("/v1/track", json={"userId": each, "event": "Seen"})
        assert taken.status_code == 200, each
    for each in ids:
        path = f"/v1/contacts/{quote(each, safe='')}"
        read = await operate.get(path)
        assert read.status_code == 200, (each, read.text)
        assert read.json()["external_id"] == each
        assert (await operate.put(path, json={"score": 7})).json()["external_id"] == each
        consent = await operate.put(f"{path}/topics/y", json={"state": "subscribed"})
        assert consent.status_code == 200, consent.text
        found = await rows(
            "select c.external_id from topic_state t join contact c on c.id = t.contact_id"
        )
        assert found == [(each,)]
        admin = {"Authorization": f"Bearer {keys.admin}"}
        assert (await stranger.delete(path, headers=admin)).status_code == 204, each
    assert await rows("select count(*) from contact") == [(0,)]


async def test_an_address_changes_only_by_who_may(
    stranger: httpx.AsyncClient, keys: Keys, pool: Pool, rows: Rows
) -> None:
    async with pool.connection() as conn:
        shop = await create_key(conn, "ingest", None, KeyOptions(user_hash_secret=SECRET))
    proof = hmac.new(SECRET.encode(), b"u", sha256).hexdigest()

    async def email_after(key: str, email: str, **more: Any) -> str:
        call = {"type": "identify", "userId": "u", "traits": {"email": email}, **more}
        answer = await post(stranger, call, key=key)
        assert answer.status_code == 200, answer.text
        [(found,)] = await rows("select email from contact")
        assert (found == email) is not bool(answer.json()["warnings"])
        return str(found)

    assert await email_after(keys.ingest, "ann@example.com") == "ann@example.com"
    assert await email_after(keys.ingest, "evil@example.com") == "ann@example.com"
    assert await email_after(keys.ingest, "evil@example.com", userHash=proof) == "ann@example.com"
    assert await email_after(shop, "evil@example.com", userHash="0" * 64) == "ann@example.com"
    assert await email_after(shop, "b@example.com", userHash=proof) == "b@example.com"
    in_context = {"context": {"userHash": proof.upper()}}
    assert await email_after(shop, "c@example.com", **in_context) == "c@example.com"
    assert await email_after(keys.operate, "d@example.com") == "d@example.com"


async def test_a_rejected_call_is_replayed_once(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows
) -> None:
    bad = {"userId": "u", "event": "Message Opened", "messageId": "m", "properties": {"n": 1}}
    unknown_topic = {"userId": "u", "event": "Topic Subscribed", "properties": {"topic": "news"}}
    assert (await ingest.post("/v1/track", json=unknown_topic)).status_code == 400
    assert (await ingest.post("/v1/track", json=bad)).status_code == 403
    second, first = await rejected(operate)
    assert (first["code"], second["code"]) == ("unknown_topic", "forbidden_event")
    assert first["kind"] == "item"
    still = await operate.post(f"/v1/events/rejected/{first['id']}/replay", json={})
    assert (still.status_code, still.json()["code"]) == (409, "unknown_topic")
    await rows(
        "insert into document (kind, key, document, source, sha256)"
        """ values ('topic', 'news', '{"topic": "news", "default": "opt_in"}', '', '')"""
        " returning key"
    )
    done = await operate.post(f"/v1/events/rejected/{first['id']}/replay", json={})
    assert (done.status_code, done.json()) == (200, {"id": first["id"], "run": None})
    assert await rows("select state from topic_state") == [("subscribed",)]
    again = await operate.post(f"/v1/events/rejected/{first['id']}/replay", json={})
    assert (again.status_code, again.json()["code"]) == (409, "replayed")
    assert (await rejected(operate, code="unknown_topic"))[0]["replayed_at"] is not None
    for nothing in ("item.999", "entry.1.cart", "nonsense"):
        answer = await operate.post(f"/v1/events/rejected/{nothing}/replay", json={})
        assert answer.status_code == 404
    assert (await ingest.get("/v1/events/rejected")).status_code == 403
    assert (await ingest.get("/v1/events")).status_code == 403


async def test_rejections_are_paged_and_go_with_their_contact(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, stranger: httpx.AsyncClient,
    keys: Keys, rows: Rows,
) -> None:  # fmt: skip
    await ingest.post("/v1/track", json={"userId": "u", "event": "Seen"})
    await post(ingest, *({"type": "track", "userId": "u", "event": f"Bad\n{n}"} for n in range(7)))
    seen: list[str] = []
    cursor = ""
    while True:
        page = await operate.get("/v1/events/rejected", params={"limit": 3, "cursor": cursor})
        seen += [each["id"] for each in page.json()["items"]]
        cursor = page.json()["next"] or ""
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7
    wrong = await operate.get("/v1/events/rejected", params={"cursor": "x"})
    assert wrong.status_code == 400
    admin = {"Authorization": f"Bearer {keys.admin}"}
    await stranger.delete("/v1/contacts/u", headers=admin)
    assert await rows("select count(*) from rejected_item") == [(0,)]


async def test_what_is_kept_in_a_minute_is_bounded(pool: Pool, rows: Rows) -> None:
    item = KeptItem("u", "Seen", "invalid_id", "bad", "{}", whole=True)
    async with pool.connection() as conn:
        for _ in range(3):
            await keep_rejected(conn, "ingest", None, [item] * 80)
        await keep_rejected(conn, "operate", None, [item])
    assert await rows("select source, count(*) from rejected_item group by 1 order by 1") == [
        ("ingest", 100), ("operate", 1)
    ]  # fmt: skip


async def test_a_derived_event_is_listed_with_the_entries_by_what_it_is_about(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows
) -> None:
    entries = {"vip": {"group": "vip", "if": {"attribute": "n", "is": 7}},
               "left": {"group": "vip", "on": "leave"}, "other": {"group": "other"},
               "plan": {"attribute": "plan", "to": "pro"}, "inside": {"attribute": "a.b"},
               "mail": {"attribute": "email"}}  # fmt: skip
    for key, entry in entries.items():
        document = {"journey": key, "entry": entry, "steps": [{"id": "end", "exit": "done"}]}
        assert (await operate.put(f"/v1/journeys/{key}", json=document)).status_code == 200
        assert (await operate.post(f"/v1/journeys/{key}/activate", json={})).status_code == 200
    await ingest.post("/v1/identify", json={"userId": "u", "traits": {"plan": "free"}})
    await ingest.post("/v1/group", json={"userId": "u", "groupId": "vip"})
    await rows("delete from outbox returning 1")

    async def why(name: str) -> str:
        answer = await operate.get("/v1/events", params={"contact": "u", "name": name})
        return str(answer.json()["items"][0]["why_nothing"])

    let_in = "the `where` or `if` of the entry of {} did not let it in"
    assert await why("Group Joined") == let_in.format("`vip`")
    assert await why("Contact Changed") == let_in.format("`inside`, `plan`")


async def test_events_are_listed_with_why_nothing_came_of_them(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, pool: Pool, rows: Rows
) -> None:
    call = {"userId": "u", "event": "Cart Updated", "properties": {"total": 9}}
    await ingest.post("/v1/track", json=call)

    async def why(name: str = "Cart Updated") -> str | None:
        answer = await operate.get("/v1/events", params={"contact": "u", "name": name})
        words: str | None = answer.json()["items"][0]["why_nothing"]
        return words

    assert await why() == "it is still to be dispatched"
    await rows("delete from outbox returning 1")
    assert await why() == "no active journey has an entry by this event"
    document = {"journey": "cart", "entry": {"event": "Cart Updated", "where": {"total": 10}},
                "steps": [{"id": "end", "exit": "done"}]}  # fmt: skip
    saved = await operate.put("/v1/journeys/cart", json=document)
    assert saved.status_code in (200, 201), saved.text
    assert (await operate.post("/v1/journeys/cart/activate", json={})).status_code == 200
    assert "when it came: `cart` has one since" in (await why() or "")
    await ingest.post("/v1/track", json=call)
    await rows("delete from outbox returning 1")
    words = "the `where` or `if` of the entry of `cart` did not let it in"
    assert await why() == words
    # What changes later is not taken for the activation.
    for change in ("pause", "resume", "activate"):
        assert (await operate.post(f"/v1/journeys/cart/{change}", json={})).status_code == 200
        assert await why() == words
    later = document | {"entry": [{"event": "Other"}, {"event": "Cart Updated"}]}
    await operate.put("/v1/journeys/cart", json=later)
    assert (await operate.post("/v1/journeys/cart/activate", json={})).status_code == 200
    assert await why() == words
    await ingest.post("/v1/track", json=call | {"event": "Other"})
    await rows("delete from outbox returning 1")
    assert await why("Other") == "the `where` or `if` of the entry of `cart` did not let it in"
    await rows("update event set stamped_at = stamped_at - interval '1 hour' where name = 'Other'"
               " returning 1")  # fmt: skip
    [(since,)] = await rows("select max(activated_at) from activation where journey = 'cart'")
    assert await why("Other") == (
        "no active journey had an entry by this event when it came: `cart` has one since "
        f"{format_time(since)}"
    )
    await rows("delete from event where name = 'Other' returning 1")
    [(event, contact)] = await rows(
        "select id, contact_id from event where name = 'Cart Updated' order by id desc limit 1"
    )
    await rows(
        "insert into dead_event (event_id, contact_id, code, detail)"
        " values (%s, %s, 'refused', 'too long') returning 1", event, contact,
    )  # fmt: skip
    assert await why() == "its dispatch was given up: refused: too long"
    await rows("delete from dead_event returning 1")
    await rows(
        "insert into refusal (journey, contact_id, event_id, code)"
        " values ('cart', %s, %s, 'active') returning 1", contact, event,
    )  # fmt: skip
    answer = await operate.get("/v1/events", params={"contact": "u", "limit": 1})
    [listed] = answer.json()["items"]
    assert listed["why_nothing"] is None
    assert [(each["journey"], each["code"]) for each in listed["refused"]] == [("cart", "active")]
    following = await operate.get("/v1/events", params={"cursor": answer.json()["next"]})
    assert [each["name"] for each in following.json()["items"]] == [
        "Cart Updated", "Contact Created",
    ]  # fmt: skip
    # An operator lets the refused event in: that journey alone, once.
    [entry] = await rejected(operate, contact="u")
    assert (entry["id"], entry["kind"], entry["journey"]) == (
        f"entry.{event}.cart", "entry", "cart",
    )  # fmt: skip
    done = await operate.post(f"/v1/events/rejected/{entry['id']}/replay", json={})
    assert done.status_code == 200, done.text
    assert await rows("select id::text, entry_event_id, ref from run") == [
        (done.json()["run"], event, event)
    ]
    twice = await operate.post(f"/v1/events/rejected/{entry['id']}/replay", json={})
    assert (twice.status_code, twice.json()["code"]) == (409, "replayed")
    async with pool.connection() as conn:
        [newest, *_] = await list_events(
            conn, contact=contact, name=None, from_=None, to=None, before=None, limit=1
        )
    assert [each["journey"] for each in newest.began] == ["cart"]
    assert (await operate.get("/v1/events", params={"contact": str(uuid4())})).status_code == 404


async def test_odd_requests_are_refused_and_break_nothing(operate: httpx.AsyncClient) -> None:
    for path in ("/v1/events", "/v1/events/rejected"):
        for odd in ({"cursor": "²"}, {"cursor": "9" * 19}, {"limit": "0"}, {"bogus": "1"}):
            assert (await operate.get(path, params=odd)).status_code in (400, 422), (path, odd)
    for edge in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        assert (await operate.get("/v1/events", params={"from": edge})).status_code == 422
    for body in ("[NaN]", "NaN", '{"userId": "u", "event": NaN}'):
        assert (await operate.post("/v1/track", content=body)).status_code == 400
    surrogate = '{"type": "track", "userId": "\\ud800", "event": "\\u0000"}'
    good = '{"type": "track", "userId": "u", "event": "Seen"}'
    batch = f'{{"batch": [{surrogate}, NaN, null, [1], {good}]}}'
    answer = await operate.post("/v1/batch", content=batch)
    assert [each["index"] for each in answer.json()["rejected"]] == [0, 1, 2, 3]
    # A body that is no call at all is not kept.
    assert len(await rejected(operate)) == 5
