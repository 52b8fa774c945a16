"""Links of messages through the real API: what a request changes, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.settings import Settings
from journeys.links.message_urls import MessageLinks, MessageUrls, encode_target
from journeys.links.rewriting import rewrite_html, rewrite_sms
from journeys.links.tokens import LinkKeys
from journeys.model.tracking import Utm
from store.messages.short_links import keep_short_links
from tests.support.conditions import eventually
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Rows = Callable[..., Awaitable[list[tuple[Any, ...]]]]

NEW, OLD = "n" * 32, "o" * 32
CHROME = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
}
TARGET = "https://shop.example/été?a=1&b=2#top"


@pytest.fixture(autouse=True)
def _soon_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.public.hit_drain.QUIET", 0.5)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr(NEW), SecretStr(OLD)),
            "spool": tmp_path / "spool",
        }
    )


@pytest.fixture
async def reader(api_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that does not follow redirects."""
    async with httpx.AsyncClient(base_url=api_url, headers=CHROME, timeout=20) as client:
        yield client


async def add_message(rows: Rows, attributes: str = "{}", sent: str = "1 minute") -> UUID:
    """A message that was sent so long ago, to a new contact."""
    contact, message = uuid4(), uuid4()
    await rows(
        "insert into contact (id, email, attributes) values (%s, %s, %s) returning id",
        contact, f"{contact}@example.com", attributes,
    )  # fmt: skip
    await rows(
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
        " claimed_at, settled_at) values (%s, %s, 1, 'hello', %s, 'email', 'sent', 't',"
        " parcours.clock() - %s::interval, parcours.clock() - %s::interval) returning id",
        message, uuid4(), contact, sent, sent,
    )  # fmt: skip
    return message


def urls_of(message: UUID, key: str = NEW) -> MessageUrls:
    return MessageLinks("https://links.example", LinkKeys([key])).of(message)


def path_of(url: str) -> str:
    return url.removeprefix("https://links.example")


async def events_of(rows: Rows, message: UUID) -> list[tuple[Any, ...]]:
    return await rows(
        "select name, properties->>'by', properties->>'url', properties->'reasons' from event"
        " where properties->>'message_id' = %s order by id",
        str(message),
    )


async def all_judged(rows: Rows, count: int) -> None:
    async def judged() -> bool:
        found = await rows("select count(*) from link_hit where judged_at is not null")
        return bool(found[0][0] == count)

    await eventually(judged, 30, what=f"{count} judged hits")


async def test_a_click_leads_on_and_is_a_persons(
    reader: httpx.AsyncClient, rows: Rows, settings: Settings
) -> None:
    message = await add_message(rows)
    html = f'<body><a href="{TARGET.replace("&", "&amp;")}">x</a></body>'
    sent = rewrite_html(
        html, urls_of(message, OLD), clicks=True, opens=True, utm=Utm(source="news")
    )
    url = re.search(r'href="([^"]+)"', sent)
    assert url is not None
    answer = await reader.get(path_of(url[1]))
    assert answer.status_code == 302
    assert answer.headers["Location"] == (
        "https://shop.example/%C3%A9t%C3%A9?a=1&b=2&utm_source=news#top"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    await all_judged(rows, 1)
    assert await events_of(rows, message) == [
        ("Message Clicked", "human", TARGET, None),
        ("Message Opened", "human", None, None),
    ]
    ((clicked, opened),) = await rows("select clicked_at, opened_at from message")
    assert clicked is not None
    assert opened == clicked
    # No address and no agent reach the database, and nothing stays on the disk.
    assert "Chrome" not in str(await rows("select * from link_hit"))
    assert "127.0.0.1" not in str(await rows("select * from link_hit"))
    waiting = sum(path.stat().st_size for path in settings.spool.iterdir())
    assert waiting == 0


async def test_an_open_is_an_image_and_a_proxy_is_unknown(
    reader: httpx.AsyncClient, rows: Rows
) -> None:
    message, other = await add_message(rows), await add_message(rows)
    answer = await reader.get(path_of(urls_of(message).open))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"GIF89a")
    agent = {"User-Agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}
    await reader.get(path_of(urls_of(other).open), headers=agent)
    await all_judged(rows, 2)
    assert await events_of(rows, message) == [("Message Opened", "human", None, None)]
    assert await events_of(rows, other) == [("Message Opened", "unknown", None, ["image_proxy"])]


async def test_machines_that_follow_every_link_change_nothing(
    reader: httpx.AsyncClient, rows: Rows
) -> None:
    """GET, HEAD and prefetch of every link in a message, twice."""
    message = await add_message(rows)
    await rows(
        "insert into document (kind, key, source, sha256, document) values"
        """ ('topic', 'news', '', '', '{"topic": "news", "default": "double"}') returning key"""
    )
    await rows("update message set topic = 'news' returning id")
    await rows(
        "insert into topic_state (contact_id, topic, state)"
        " select contact_id, 'news', 'pending' from message returning topic"
    )
    html = "".join(f'<a href="https://shop.example/{each}">' for each in range(4))
    sent = rewrite_html(html, urls_of(message), clicks=True, opens=True, utm=Utm())
    found = [path_of(url) for url in re.findall(r'(?:href|src)="([^"]+)"', sent)]
    assert len(found) == 6
    urls = urls_of(message)
    pages = [urls.unsubscribe, urls.preferences, urls.confirm, urls.view]
    found += [path_of(url) for url in pages]
    before = await rows("select score, lifecycle, attributes from contact")
    for _ in range(2):
        for path in found:
            # What was sent is not kept for this message, so there is nothing to view.
            answers = (410,) if path == path_of(urls.view) else (200, 302)
            assert (await reader.get(path)).status_code in answers
            head = await reader.head(path)
            assert head.status_code in answers
            assert head.content == b""
            await reader.get(path, headers={"Sec-Purpose": "prefetch;prerender"})
    await all_judged(rows, 60)
    events = await events_of(rows, message)
    assert {by for _, by, _, _ in events} == {"machine"}
    assert await rows(
        "select opened_at, clicked_at, (select count(*) from suppression),"
        " (select count(*) from channel_state), (select count(*) from consent_record),"
        " (select string_agg(state, ' ') from topic_state) from message"
    ) == [(None, None, 0, 0, 0, "pending")]
    assert await rows("select score, lifecycle, attributes from contact") == before


async def test_a_click_sooner_than_a_reader_is_a_machines(
    reader: httpx.AsyncClient, rows: Rows
) -> None:
    message = await add_message(rows)
    # Its sending has just begun, and is over in half a minute.
    await rows(
        "update message set claimed_at = parcours.clock() - interval '4 seconds',"
        " settled_at = parcours.clock() + interval '25 seconds' returning id"
    )
    await reader.get(path_of(urls_of(message).click(0, "https://shop.example/")))
    await all_judged(rows, 1)
    assert await events_of(rows, message) == [
        ("Message Clicked", "machine", "https://shop.example/", ["too_soon"])
    ]


async def test_a_click_on_a_message_that_was_cut_off_is_a_readers(
    reader: httpx.AsyncClient, rows: Rows
) -> None:
    message = await add_message(rows)
    # Its worker died after the provider had taken it, which was noticed after the click.
    await rows(
        "update message set claimed_at = parcours.clock() - interval '8 seconds',"
        " state = 'unknown', code = 'interrupted',"
        " settled_at = parcours.clock() + interval '4 seconds' returning id"
    )
    await reader.get(path_of(urls_of(message).click(0, "https://shop.example/")))
    await all_judged(rows, 1)
    found = {(name, by) for name, by, _, _ in await events_of(rows, message)}
    assert ("Message Clicked", "human") in found


async def test_hits_of_erased_and_untracked_contacts_are_no_events(
    reader: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    untracked = await add_message(rows, '{"tracking": false}')
    erased, gone = await add_message(rows), uuid4()
    for message in (untracked, erased, gone):
        path = path_of(urls_of(message).click(0, "https://shop.example/"))
        assert (await reader.get(path)).status_code == 302

    async def kept() -> bool:
        return len(await rows("select 1 from link_hit")) == 2

    await eventually(kept, 10, what="the hits of two messages")
    ((contact,),) = await rows("select contact_id from message where id = %s", erased)
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, contact)
    await all_judged(rows, 1)
    assert await rows("select message_id from link_hit") == [(untracked,)]
    assert await rows("select 1 from event where name like 'Message %%'") == []


async def test_links_that_were_not_made_here_are_refused(
    reader: httpx.AsyncClient, rows: Rows, settings: Settings
) -> None:
    message = await add_message(rows)
    urls, foreign = urls_of(message), urls_of(message, "f" * 32)
    token = urls.click(0, TARGET).split("/l/")[1].partition("?")[0]
    evil = encode_target("https://evil.example/")
    wrong = [
        foreign.click(0, TARGET),
        foreign.open,
        f"/l/{token}",
        f"/l/{token}?u=",
        f"/l/{token}?u={evil}",
        f"/l/{token}?u=https://shop.example/",
        f"/l/{token}?u={encode_target(TARGET)}&u={evil}",
        f"/l/{token[:-1]}?u={encode_target(TARGET)}",
        f"/l/{token.swapcase()}?u={encode_target(TARGET)}",
        f"/l/{'A' * 42}?u={evil}",
        # A token of another kind, and a signed target that is no page.
        urls.open.replace("/o/", "/l/").removesuffix(".gif"),
        urls.unsubscribe.replace("/u/", "/l/"),
        urls.unsubscribe.replace("/u/", "/o/") + ".gif",
        urls.click(0, "javascript:alert(1)"),
        urls.click(0, "//evil.example/"),
        urls.click(0, "https://sh\u2100p.example/"),
        urls.click(0, ""),
        "/o/x.gif",
        "/s/abc",
        "/s/AAAAAAAAAA",
    ]
    for url in wrong:
        answer = await reader.get(path_of(url))
        assert answer.status_code == 404, url
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "evil" not in answer.text
    assert sum(path.stat().st_size for path in settings.spool.iterdir()) == 0


async def test_other_methods_are_refused(reader: httpx.AsyncClient, rows: Rows) -> None:
    path = path_of(urls_of(await add_message(rows)).click(0, TARGET))
    for method in ("POST", "PUT", "DELETE"):
        answer = await reader.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD"


async def test_gateways_may_add_parameters(reader: httpx.AsyncClient, rows: Rows) -> None:
    path = path_of(urls_of(await add_message(rows)).click(0, TARGET))
    assert (await reader.get(f"{path}&fbclid=x&data=%00")).status_code == 302


async def test_a_short_link_leads_on_and_is_counted(
    reader: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    message = await add_message(rows)
    text, targets = rewrite_sms(
        f"Hi {TARGET} .", urls_of(message), clicks=True, utm=Utm(medium="sms")
    )
    stored = {code: target.text for code, target in targets.items()}
    async with pool.connection() as conn:
        await keep_short_links(conn, message, stored)
        await keep_short_links(conn, message, stored)
    answer = await reader.get(path_of(text.split()[1]))
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("?a=1&b=2&utm_medium=sms#top")
    await all_judged(rows, 1)
    assert (await events_of(rows, message))[0] == ("Message Clicked", "human", TARGET, None)


async def test_the_log_names_no_token(
    reader: httpx.AsyncClient,
    rows: Rows,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    path = path_of(urls_of(await add_message(rows)).click(0, TARGET))
    assert (await reader.get(path)).status_code == 302
    assert (await reader.get(f"/l/{'x' * 42}")).status_code == 404
    logged = [
        record.getMessage()
        for record in caplog.records
        if record.name.partition(".")[0] not in ("httpx", "httpcore")
    ]
    text = "\n".join([*logged, *capfd.readouterr()])
    assert "/l/{token}" in text
    assert path.split("/l/")[1][:12] not in text
    assert "x" * 42 not in text


@hypothesis_settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["/l/{}", "/o/{}.gif", "/s/{}"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_no_text_is_a_link(api_url: str, path: str, token: str, target: str) -> None:
    quoted = path.format(quote(token, safe=""))
    answer = httpx.get(f"{api_url}{quoted}?u={quote(target, safe='')}")
    assert answer.status_code == 404
    assert "location" not in answer.headers
