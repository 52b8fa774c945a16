"""Sources and budgets of keys: calls are counted for each key, by all processes together."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import KeyOptions, create_key
from tests.integration.api.conftest import Keys, Rows
from tests.integration.api.test_events import post
from tests.support.api import serving
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute in which keys' calls are counted does not end."""
    monkeypatch.setattr("api.tracking.key_budgets._minute", lambda: 29_000_000)


async def test_a_key_has_a_source_and_a_budget_of_its_own(
    stranger: httpx.AsyncClient, keys: Keys, pool: Pool, rows: Rows, one_minute: None
) -> None:
    async with pool.connection() as conn:
        options = KeyOptions(source="shop", events_per_minute=2)
        shop = await create_key(conn, "operate", None, options)
    call = {"type": "track", "userId": "u", "event": "Seen", "messageId": "m"}
    for key in (keys.ingest, keys.operate, shop):
        assert (await post(stranger, call, key=key)).status_code == 200
    assert await rows("select source from event where message_id = 'm' order by id") == [
        ("ingest",), ("operate",), ("shop",)
    ]  # fmt: skip
    # The budget is the key's: other contacts share it, and other keys do not.
    for contact, status in (("v", 200), ("w", 429), ("u", 429)):
        over = await post(stranger, {**call, "userId": contact, "messageId": contact}, key=shop)
        assert over.status_code == status
    assert over.json()["code"] == "rate_limited"
    assert "2 calls in a minute by this key" in over.json()["rejected"][0]["message"]
    assert int(over.headers["Retry-After"]) > 0
    assert (await post(stranger, {**call, "messageId": "n"}, key=keys.ingest)).status_code == 200


async def test_a_batch_takes_what_is_left_of_its_keys_budget(
    stranger: httpx.AsyncClient, pool: Pool, one_minute: None
) -> None:
    async with pool.connection() as conn:
        key = await create_key(conn, "ingest", None, KeyOptions(events_per_minute=3))
    batch = {"batch": [{"type": "track", "userId": f"u{n}", "event": "Seen"} for n in range(5)]}
    headers = {"Authorization": f"Bearer {key}"}
    answer = await stranger.post("/v1/batch", json=batch, headers=headers)
    assert answer.status_code == 200
    assert [(each["index"], each["code"]) for each in answer.json()["rejected"]] == [
        (3, "rate_limited"), (4, "rate_limited"),
    ]  # fmt: skip
    over = await stranger.post("/v1/batch", json=batch, headers=headers)
    assert over.status_code == 429
    assert 0 < int(over.headers["Retry-After"]) <= 60


async def test_processes_share_the_budget_of_a_key(
    settings: Settings, pool: Pool, rows: Rows, one_minute: None
) -> None:
    async with pool.connection() as conn:
        key = await create_key(conn, "ingest", None, KeyOptions(events_per_minute=20))
    headers = {"Authorization": f"Bearer {key}"}
    with serving(settings) as first, serving(settings) as second:
        async with httpx.AsyncClient(timeout=20, headers=headers) as client:

            async def track(url: str) -> int:
                call = {"userId": "u", "event": "Seen"}
                return (await client.post(f"{url}/v1/track", json=call)).status_code

            for _ in range(10):
                assert (await track(first), await track(second)) == (200, 200)

            async def known() -> bool:
                found = await rows("select array_agg(calls order by calls) from key_use")
                return bool(found == [([10, 10],)])

            await eventually(known)

            async def spent() -> bool:
                return [await track(first), await track(second)] == [429, 429]

            await eventually(spent, every=0.3)
    [(taken,)] = await rows("select count(*) from event where name = 'Seen'")
    # Until both know of each other, each takes a few more.
    assert 20 <= taken < 32


async def test_a_budget_is_whole_again_in_the_next_minute(
    stranger: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool.connection() as conn:
        key = await create_key(conn, "ingest", None, KeyOptions(events_per_minute=1))
    for minute in (7, 8):
        monkeypatch.setattr("api.tracking.key_budgets._minute", lambda minute=minute: minute)
        statuses = [
            (
                await post(stranger, {"type": "track", "userId": "u", "event": "Seen"}, key=key)
            ).status_code
            for _ in range(2)
        ]
        assert statuses == [200, 429]


@pytest.mark.parametrize(("proxies", "apart"), [("127.0.0.1", True), ("192.0.2.1", False)])
async def test_each_address_has_a_share_of_a_keys_budget(
    settings: Settings,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    one_minute: None,
    proxies: str,
    apart: bool,
) -> None:
    monkeypatch.setattr("api.tracking.address_budgets._now", lambda: 1_740_000_000.0)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    async with pool.connection() as conn:
        options = KeyOptions(events_per_minute=7, address_events_per_minute=3)
        key = await create_key(conn, "ingest", None, options)
    headers = {"Authorization": f"Bearer {key}"}
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20, headers=headers) as client:

            async def refused(address: str, count: int = 5) -> list[str]:
                """Why calls of a batch from an address are refused."""
                batch = [{"type": "track", "userId": "u", "event": "Seen"}] * count
                answer = await client.post(
                    "/v1/batch", json={"batch": batch}, headers={"X-Forwarded-For": address}
                )
                assert (answer.status_code == 429) == (len(answer.json()["rejected"]) == count)
                return [each["message"] for each in answer.json()["rejected"]]

            of_address = "more than 3 calls in a minute from this address: try again later"
            of_key = "more than 7 calls in a minute by this key: try again later"
            assert await refused("198.51.100.1") == [of_address] * 2
            if not apart:
                # A client that is no trusted proxy cannot say that it is another one.
                assert await refused("198.51.100.2") == [of_address] * 5
                return
            # What one address had too much of was not taken from the key's budget.
            assert await refused("198.51.100.2") == [of_address] * 2
            assert await refused("198.51.100.3", 2) == [of_key]
            assert await refused("198.51.100.1", 1) == [of_address]
