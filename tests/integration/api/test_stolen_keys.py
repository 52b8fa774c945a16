"""What the holder of a key that stands in a page can do, and all that they cannot."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import KeyOptions, create_key
from tests.integration.api.conftest import Keys, Rows
from tests.support.api import serving
from tests.support.messages import add_message

Pool = AsyncConnectionPool[AsyncConnection[Any]]

TRACKING = {f"/v1/{name}" for name in (
    "identify", "track", "page", "screen", "group", "alias", "batch",
)}  # fmt: skip
"""All that such a key is for."""
WITHOUT_KEY = {
    # What a browser or a mail program loads, signed where it says anything of a person.
    ("GET", "/parcours.js"),
    ("GET", "/l/{token}"),
    ("GET", "/o/{token}.gif"),
    ("GET", "/s/{code}"),
    ("GET", "/u/{token}"), ("POST", "/u/{token}"),
    ("GET", "/p/{token}"), ("POST", "/p/{token}"),
    ("GET", "/c/{token}"), ("POST", "/c/{token}"),
    ("GET", "/v/{token}"),
    # What Amazon signs.
    ("POST", "/hooks/ses"), ("POST", "/hooks/sms"),
    # Health, and the settings of Segment's client, which hold the key that it has.
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
    ("GET", "/v1/projects/{write_key}/settings"),
    # The console's sign-in, which takes no key of this scope: see below.
    ("POST", "/v1/session"), ("DELETE", "/v1/session"),
}  # fmt: skip
FORM_ROUTES = re.compile(r"/f/\{")


@pytest.fixture
async def thief(api_url: str, pool: Pool) -> Any:
    """A program with the key of a shop's pages: it may claim to be a page of the shop."""
    async with pool.connection() as conn:
        options = KeyOptions(origins=("https://shop.example",))
        key = await create_key(conn, "ingest", None, options)
    headers = {"Authorization": f"Bearer {key}", "Origin": "https://shop.example"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=60) as client:
        yield client


async def test_every_route_but_tracking_is_closed_to_it(thief: httpx.AsyncClient) -> None:
    described = (await thief.get("/openapi.json")).json()
    tried = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            place = (method.upper(), path)
            if operation.get("security") == []:
                assert place in WITHOUT_KEY or FORM_ROUTES.match(path), place
                continue
            if path in TRACKING:
                continue
            filled = re.sub(r"\{[^}]*\}", str(uuid4()), path)
            for body in ("", "{}"):
                answer = await thief.request(method, filled, content=body)
                assert answer.status_code == 403, (place, answer.status_code, answer.text)
                assert answer.json()["code"] == "forbidden"
            tried += 1
    assert tried > 80


async def test_it_begins_no_session(thief: httpx.AsyncClient) -> None:
    key = thief.headers["Authorization"].removeprefix("Bearer ")
    for origin in ("https://shop.example", str(thief.base_url).rstrip("/")):
        answer = await thief.post("/v1/session", json={"key": key}, headers={"Origin": origin})
        assert answer.status_code == 403, answer.text
        assert "set-cookie" not in answer.headers
    assert (await thief.get("/v1/session")).status_code in (401, 403)


async def test_it_reads_nothing_in_the_answers_of_tracking(
    thief: httpx.AsyncClient, operate: httpx.AsyncClient
) -> None:
    await operate.put(
        "/v1/contacts/ada", json={"email": "ada@x.example", "attributes": {"secret": "s3cret"}}
    )
    calls: list[tuple[str, dict[str, Any]]] = [
        ("identify", {"traits": {"email": "eve@x.example", "secret": "x"}}),
        ("track", {"event": "Seen"}),
        ("group", {"groupId": "vip"}),
        ("alias", {"previousId": "eve"}),
        ("alias", {"previousId": "ada", "userId": "eve"}),
    ]
    for kind, more in calls:
        answer = await thief.post(f"/v1/{kind}", json={"userId": "ada", **more})
        assert "ada@x.example" not in answer.text
        assert "s3cret" not in answer.text
    for scope_key in ("pk_operate_guess", "pk_admin_guess"):
        assert (await thief.get(f"/v1/projects/{scope_key}/settings")).status_code == 401


async def test_it_changes_no_score_no_lifecycle_and_no_address(
    thief: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows
) -> None:
    known = {"email": "ada@x.example", "phone": "+4930123456", "score": 5, "lifecycle": "lead"}
    await operate.put("/v1/contacts/ada", json=known)
    traits = {
        "email": "eve@x.example", "phone": "+4930999999", "score": 99, "lifecycle": "customer",
        "restricted": True, "external_id": "eve", "id": str(uuid4()),
    }  # fmt: skip
    read = "select external_id, email, phone, score, lifecycle, restricted from contact"
    before = await rows(read)
    for hashed in (None, "", "0" * 64):
        call = {"userId": "ada", "traits": traits, "userHash": hashed}
        answer = await thief.post("/v1/identify", json=call)
        assert answer.status_code == 200
    for removed in ({"email": None}, {"email": ""}):
        await thief.post("/v1/identify", json={"userId": "ada", "traits": removed})
    assert await rows(read) == before
    # Nor by tying Ada's contact to another one.
    await thief.post("/v1/identify", json={"userId": "eve", "traits": {"email": "eve@x.example"}})
    refused = await thief.post("/v1/alias", json={"userId": "eve", "previousId": "ada"})
    assert refused.json()["code"] == "forbidden_merge"
    assert await rows(f"{read} where external_id = 'ada'") == before


async def test_it_confirms_nothing_and_settles_no_message(
    thief: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    await rows(
        "insert into document (kind, key, document, source, sha256) values ('topic', 'news',"
        """ '{"topic": "news", "name": "News", "default": "double"}', '', '') returning 1"""
    )
    start = {"userId": "ada", "traits": {"email": "ada@x.example"}}
    assert (await thief.post("/v1/identify", json=start)).is_success
    asked = {"userId": "ada", "event": "Topic Subscribed", "properties": {"topic": "news"}}
    assert (await thief.post("/v1/track", json=asked)).is_success
    [(ada,)] = await rows("select id from contact where external_id = 'ada'")
    message = await add_message(pool, UUID(str(ada)), address="ada@x.example")
    verified = {**asked, "properties": {"topic": "news", "verified": True}}
    assert (await thief.post("/v1/track", json=verified)).json()["code"] == "forbidden_event"
    events: list[tuple[str, dict[str, Any]]] = [
        ("Topic Confirmed", {"topic": "news"}),
        ("Message Delivered", {"message_id": str(message)}),
        ("Message Bounced", {"message_id": str(message)}),
        ("Message Complained", {"message_id": str(message)}),
        ("Message Replied", {"message_id": str(message), "text": "STOP"}),
        ("Message Clicked", {"message_id": str(message)}),
        ("Contact Changed", {"names": [], "changes": {}}),
        ("Segment Entered", {"segment": "vip", "by": "event"}),
        ("Group Joined", {"group": "vip"}),
    ]
    for event, properties in events:
        call = {"userId": "ada", "event": event, "properties": properties}
        answer = await thief.post("/v1/track", json=call)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_event"), event
    assert await rows("select distinct state from consent_record") == [("pending",)]
    assert await rows("select state, delivered_at, clicked_at from message") == [
        ("sent", None, None)
    ]


async def test_it_uses_up_no_ids_and_no_budgets_of_servers(
    thief: httpx.AsyncClient, keys: Keys, api_url: str, rows: Rows
) -> None:
    # It guesses the ids that the server's events will have, and makes as many calls as it can.
    taken = [
        {"type": "track", "userId": "ada", "event": "Guessed", "messageId": f"order-{n}"}
        for n in range(1_500)
    ]
    answer = await thief.post("/v1/batch", json={"batch": taken})
    rejected = answer.json()["rejected"]
    # One address has 1,000 calls in a minute by a key of pages.
    assert {each["code"] for each in rejected} == {"rate_limited"}
    assert len(rejected) >= 500
    real = {"userId": "ada", "event": "Order Completed", "messageId": "order-0"}
    for key in (keys.operate, keys.admin):
        async with httpx.AsyncClient(base_url=api_url, timeout=60) as server:
            headers = {"Authorization": f"Bearer {key}"}
            answer = await server.post("/v1/track", json=real, headers=headers)
            assert answer.json() == {"success": True}
    assert await rows(
        "select source from event where message_id = 'order-0' and source <> 'engine' order by 1"
    ) == [("admin",), ("ingest",), ("operate",)]


async def test_what_one_contact_may_receive_is_counted_apart_for_servers(
    settings: Settings, keys: Keys
) -> None:
    tight = settings.model_copy(update={"contact_events_per_minute": 3})
    call = {"userId": "ada", "event": "Seen"}
    with serving(tight) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:

            async def post(key: str) -> int:
                headers = {"Authorization": f"Bearer {key}"}
                return (await client.post("/v1/track", json=call, headers=headers)).status_code

            assert [await post(keys.ingest) for _ in range(4)] == [200, 200, 200, 429]
            assert [await post(keys.operate) for _ in range(3)] == [200, 200, 200]
