"""Browsers that came by a link of a message: whose events theirs are, and what they cannot do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.settings import Settings
from journeys.links.message_urls import MessageLinks
from journeys.links.tokens import LinkKeys
from journeys.links.visits import PARAMETER
from store.messages.short_links import keep_short_links
from tests.integration.api.conftest import Rows
from tests.integration.api.test_links import CHROME
from tests.support.erasing import erase
from tests.support.messages import add_contact, add_message

Pool = AsyncConnectionPool[AsyncConnection[Any]]

NEW, OLD = "n" * 32, "o" * 32
REFUSED = "visit_refused"
ONLY = "visit_only"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr(NEW), SecretStr(OLD)),
            "spool": tmp_path / "spool",
            "sites": ("shop.example", "*.brand.example", "127.0.0.1:8080"),
        }
    )


@pytest.fixture
async def ada(operate: httpx.AsyncClient, rows: Rows) -> UUID:
    """A contact with an address, a topic and nothing else."""
    await operate.put("/v1/contacts/ada", json={"email": "ada@x.example"})
    await rows(
        "insert into document (kind, key, document, source, sha256) values ('topic', 'news',"
        """ '{"topic": "news", "name": "News", "default": "opt_in"}', '', '') returning 1"""
    )
    answer = await operate.put("/v1/contacts/ada/topics/news", json={"state": "subscribed"})
    assert answer.is_success, answer.text
    [(contact,)] = await rows("select id from contact where external_id = 'ada'")
    return UUID(str(contact))


@pytest.fixture
async def message(pool: Pool, ada: UUID) -> UUID:
    """A message to Ada."""
    return await add_message(pool, ada, address="ada@x.example")


@pytest.fixture
async def reader(api_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api_url, headers=CHROME, timeout=20) as client:
        yield client


def token_of(message: UUID, *, age: timedelta = timedelta(), key: str = NEW) -> str:
    return LinkKeys([key]).visit(message, datetime.now(UTC) - age)


def viewed(token: str, anonymous: str = "a-1", **more: Any) -> dict[str, Any]:
    return {
        "type": "page",
        "anonymousId": anonymous,
        "name": "Shoes",
        "context": {"visit": token, "timezone": "Asia/Tokyo", "locale": "ja"},
        **more,
    }


async def send(client: httpx.AsyncClient, *batch: dict[str, Any]) -> list[tuple[int, str]]:
    """The warnings of a batch that is taken: (place, code)."""
    answer = await client.post("/v1/batch", json={"batch": list(batch)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == []
    return [(each["index"], each["code"]) for each in answer.json()["warnings"]]


async def owners(rows: Rows) -> list[tuple[Any, ...]]:
    """Whose the page views are, in order: the external id of the contact."""
    found: list[tuple[Any, ...]] = await rows(
        "select c.external_id from event e join contact c on c.id = e.contact_id"
        " where e.name = 'Page Viewed' order by e.id"
    )
    return found


async def test_a_redirect_to_a_site_of_ours_carries_a_token(
    reader: httpx.AsyncClient, message: UUID, pool: Pool
) -> None:
    urls = MessageLinks("https://links.example", LinkKeys([OLD])).of(message)

    async def location(target: str, **headers: str) -> str:
        path = urls.click(0, target).removeprefix("https://links.example")
        answer = await reader.get(path, headers=headers)
        assert answer.status_code == 302
        return answer.headers["Location"]

    for target in (
        "https://shop.example/shoes?a=1#top",
        "http://SHOP.example:81",
        "https://eu.brand.example/",
        "https://a.b.brand.example?x",
        "http://127.0.0.1:8080/",
        "https://shop.example/ utm_source=news",
    ):
        led = await location(target)
        token = parse_qs(urlsplit(led).query)[PARAMETER][0]
        read = LinkKeys([NEW]).read_visit(token)
        assert read is not None, target
        assert read.message_id == message
        assert abs((datetime.now(UTC) - read.clicked_at).total_seconds()) < 60
    assert (await location("https://shop.example/shoes?a=1#top")).endswith("#top")
    for target in (
        "https://example.com/",
        "https://brand.example/",
        "https://notbrand.example/",
        "https://shop.example.com/",
        "https://shop.example@evil.example/",
        "https://evil.example/shop.example",
        "https://evil.example\\@shop.example/",
        "https://evil.example#@shop.example/",
        "http://127.0.0.1:8081/",
    ):
        assert PARAMETER not in await location(target), target
    # A machine that follows the links of mail gets none: it may run the scripts of pages.
    shop = "https://shop.example/"
    assert PARAMETER not in await location(shop, **{"User-Agent": "Googlebot/2.1"})
    assert PARAMETER not in await location(shop, Purpose="prefetch")
    # The links of text messages lead there as well.
    code = urls.code(shop)
    async with pool.connection() as conn:
        await keep_short_links(conn, message, {code: shop})
    short = await reader.get(f"/s/{code}")
    assert PARAMETER in short.headers["Location"]


async def test_the_events_of_a_browser_with_a_token_are_the_contacts(
    ingest: httpx.AsyncClient, rows: Rows, message: UUID
) -> None:
    before = {"type": "page", "anonymousId": "a-1", "name": "Home"}
    assert await send(ingest, before) == []
    bought = {
        "type": "track", "anonymousId": "a-1", "event": "Product Viewed",
        "context": {"visit": token_of(message)}, "messageId": "m",
    }  # fmt: skip
    assert await send(ingest, viewed(token_of(message)), bought, bought) == []
    assert await send(ingest, viewed(token_of(message, key=OLD), anonymous="a-2")) == []
    # The earlier visit is not merged, and no anonymous id is linked to Ada.
    assert await owners(rows) == [(None,), ("ada",), ("ada",)]
    assert await rows("select count(*) from event where name = 'Product Viewed'") == [(1,)]
    assert await rows(
        "select anonymous_id, external_id from identity i join contact c on c.id = i.contact_id"
    ) == [("a-1", None)]
    # Zone and language are those of the browser, which may be another person's.
    assert await rows("select timezone, locale from contact where external_id = 'ada'") == [
        (None, None)
    ]


async def test_a_browser_is_not_tied_to_a_contact_that_has_an_address_alone(
    ingest: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    imported = await add_contact(pool, email="carl@x.example")
    token = token_of(await add_message(pool, imported))
    plain = {"type": "page", "anonymousId": "a-1"}
    assert await send(ingest, viewed(token), viewed(token), plain, viewed(token)) == []
    found = await rows(
        "select c.email from event e join contact c on c.id = e.contact_id"
        " where e.name = 'Page Viewed' order by e.id"
    )
    assert found == [("carl@x.example",), ("carl@x.example",), (None,), ("carl@x.example",)]
    assert await rows(
        "select i.anonymous_id, c.email from identity i join contact c on c.id = i.contact_id"
    ) == [("a-1", None)]


async def test_who_says_who_it_is_is_believed_and_the_link_is_not(
    ingest: httpx.AsyncClient, rows: Rows, message: UUID
) -> None:
    token = token_of(message)
    bob = {"type": "identify", "userId": "bob", "anonymousId": "a-1", "traits": {}}
    assert await send(ingest, viewed(token), bob, viewed(token), viewed(token, userId="eve")) == []
    assert await owners(rows) == [("ada",), ("bob",), ("eve",)]
    # So is an anonymous browser that has given an address.
    mail = {"type": "identify", "anonymousId": "a-2", "traits": {"email": "carl@x.example"}}
    assert await send(ingest, mail, viewed(token, anonymous="a-2")) == []
    assert (await owners(rows))[3:] == [(None,)]


async def test_a_forwarded_link_changes_no_address_and_no_consent(
    ingest: httpx.AsyncClient, rows: Rows, message: UUID, ada: UUID
) -> None:
    state = (
        "select external_id, email, phone, timezone, locale, country, score, lifecycle,"
        " attributes, restricted from contact where id = %s"
    )
    consents = "select count(*), max(id) from consent_record where contact_id = %s"
    groups = "select count(*) from group_member where contact_id = %s"
    before = [await rows(query, ada) for query in (state, consents, groups)]
    context = {"visit": token_of(message)}

    def track(event: str, **properties: Any) -> dict[str, Any]:
        return {"type": "track", "event": event, "properties": properties, "context": context}

    batch = [
        {
            "type": "identify",
            "traits": {"email": "eve@x.example", "phone": "+4930123456", "first_name": "Eve"},
            "context": context,
        },
        {"type": "identify", "traits": {"email": None}, "context": context},
        {"type": "group", "groupId": "vip", "context": context},
        track("Topic Unsubscribed", topic="news"),
        track("Topic Subscribed", topic="news"),
        track("Channel Unsubscribed", channel="email"),
        track("Location Updated", lat=52.5, lon=13.4),
        track("Coupon Redeemed", code="SAVE10"),
    ]
    for number, each in enumerate(batch):
        answer = await ingest.post(
            "/v1/batch", json={"batch": [{**each, "anonymousId": f"a-{number}"}]}
        )
        assert answer.status_code == 200, answer.text
        warnings = [warning["code"] for warning in answer.json()["warnings"]]
        assert ONLY in warnings, each
    assert [await rows(query, ada) for query in (state, consents, groups)] == before
    # Nothing of it is lost: it is what an anonymous browser has said of itself.
    assert await rows("select external_id from contact where email = 'eve@x.example'") == [(None,)]
    assert await rows(
        "select count(*) from event where contact_id = %s and message_id <> contact_id::text"
        " and name not in ('Contact Changed', 'Topic Subscribed')",
        ada,
    ) == [(0,)]  # fmt: skip


async def test_a_token_is_refused_when_it_is_old_or_not_ours(
    ingest: httpx.AsyncClient, rows: Rows, message: UUID
) -> None:
    fresh = token_of(message, age=timedelta(days=29, hours=23))
    assert await send(ingest, viewed(fresh)) == []
    token = token_of(message)
    changed = ("B" if token[0] != "B" else "C") + token[1:]
    for wrong in (
        token_of(message, age=timedelta(days=30, seconds=2)),
        token_of(message, key="x" * 32),
        token_of(uuid4()),
        changed,
        LinkKeys([NEW]).token("click", message),
        "x" * 43,
        "é",
        7,
        {"a": 1},
    ):
        assert await send(ingest, viewed(wrong)) == [(0, REFUSED)], wrong  # type: ignore[arg-type]
    assert await owners(rows) == [("ada",), *[(None,)] * 9]
    assert await send(ingest, viewed(""), viewed(None)) == []  # type: ignore[arg-type]


async def test_tokens_of_contacts_that_are_not_to_be_followed_are_refused(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows, pool: Pool, ada: UUID,
    message: UUID,
) -> None:  # fmt: skip
    token = token_of(message)
    for change, back in (
        ({"restricted": True}, {"restricted": False}),
        ({"attributes": {"tracking": False}}, {"attributes": {"tracking": None}}),
    ):
        assert (await operate.put("/v1/contacts/ada", json=change)).is_success
        assert await send(ingest, viewed(token)) == [(0, REFUSED)]
        assert (await operate.put("/v1/contacts/ada", json=back)).is_success
        assert await send(ingest, viewed(token, anonymous="a-2")) == []
    # The message of a merged contact is that of the contact that is left.
    await operate.put("/v1/contacts/older", json={})
    await rows(
        "update contact set created_at = created_at - interval '1 day'"
        " where external_id = 'older' returning 1"
    )
    merged = await operate.post("/v1/contacts/ada/merge", json={"from": "older"})
    assert merged.is_success, merged.text
    assert await send(ingest, viewed(token, anonymous="a-3")) == []
    assert (await owners(rows))[-1] == ("older",)
    [(left,)] = await rows("select id from contact where external_id = 'older'")
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, UUID(str(left)))
    assert await send(ingest, viewed(token, anonymous="a-4")) == [(0, REFUSED)]
    assert await rows("select count(*) from contact where external_id is not null") == [(0,)]


async def test_a_call_without_a_token_asks_the_database_nothing_more(
    ingest: httpx.AsyncClient, message: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def count(*_: Any) -> dict[UUID, UUID]:
        asked.append(1)
        return {}

    monkeypatch.setattr("store.events.batch.read_visited", count)
    plain = {"type": "page", "anonymousId": "a-1"}
    await send(ingest, plain, {**plain, "userId": "u"}, viewed(token_of(message), userId="u"))
    assert asked == []
    await send(ingest, viewed(token_of(message)), viewed(token_of(message)))
    assert asked == [1]


async def test_visits_during_merges_are_all_of_the_contact_that_is_left(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    tokens = []
    for number in range(6):
        await operate.put(f"/v1/contacts/c{number}", json={})
        [(contact,)] = await rows("select id from contact where external_id = %s", f"c{number}")
        tokens.append(token_of(await add_message(pool, UUID(str(contact)))))

    async def visit(number: int) -> list[tuple[int, str]]:
        views = [viewed(each, anonymous=f"a-{number}") for each in tokens]
        return await send(ingest, *views)

    async def merge() -> list[tuple[int, str]]:
        for number in range(1, 6):
            answer = await operate.post("/v1/contacts/c0/merge", json={"from": f"c{number}"})
            assert answer.is_success, answer.text
        return []

    warned = await asyncio.gather(merge(), *(visit(number) for number in range(20)))
    assert warned == [[]] * 21
    assert await owners(rows) == [("c0",)] * 120
    assert await rows("select count(*) from identity") == [(0,)]
