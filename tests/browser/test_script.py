"""The script of sites in a browser: what a page did is in the database, each call once."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from time import monotonic

import httpx
import pytest
from playwright.async_api import Page
from pydantic import SecretStr

from api.public.script.assembly import LARGEST, read_script
from api.public.script.snippet import Snippet
from infra.settings import Settings
from tests.browser.conftest import Visitors
from tests.browser.shops import Pool, Shop, opened_shop, queue_is_empty, stored, track
from tests.support.conditions import eventually

NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})"
# What pages of a person meet who blocks cookies. A Chromium without windows has no such setting.
NO_STORAGE = """
const refused = () => new DOMException('Access is denied for this document.', 'SecurityError');
Object.defineProperty(window, 'localStorage', {get() { throw refused(); }});
LockManager.prototype.request = () => Promise.reject(refused());
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr("n" * 32),),
            "spool": tmp_path / "spool",
        }
    )


@pytest.fixture
async def shop(settings: Settings, pool: Pool) -> AsyncIterator[Shop]:
    async with opened_shop(settings, pool) as shop:
        yield shop


def test_the_script_is_small() -> None:
    script = read_script()
    assert len(script.packed) <= LARGEST
    assert gzip.decompress(script.packed) == script.text
    for word in (b"eval(", b"new Function", b"innerHTML", b".style", b"document.write"):
        assert word not in script.text


async def test_a_browser_keeps_the_script_and_asks_whether_it_changed(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.api) as client:
        packed = await client.get("/parcours.js")
        plain = await client.get("/parcours.js", headers={"Accept-Encoding": "identity"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert packed.text == plain.text
        assert packed.headers["Content-Type"].startswith("text/javascript")
        assert "max-age=" in packed.headers["Cache-Control"]
        assert packed.headers["ETag"] != plain.headers["ETag"]
        for answer in (packed, plain):
            known = {"If-None-Match": answer.headers["ETag"]}
            again = await client.get("/parcours.js", headers=known)
            assert (again.status_code, again.content) == (304, b"")
        assert (await client.head("/parcours.js")).status_code == 200


async def test_a_page_with_a_strict_policy_counts_views_and_calls(
    shop: Shop, visitors: Visitors
) -> None:
    # Calls of the site wait in a list until the script is there.
    early = shop.site.script(
        "/early.js",
        "(window.parcours = window.parcours || []).push(['track', 'Clicked', {n: 1}]);"
        "parcours.push(['ready', (parcours) => parcours.track('Clicked', {n: 2})]);",
    )
    url = shop.page(
        "/strict",
        before=f'<script src="{early}"></script>',
        Content_Security_Policy=f"default-src 'none'; img-src data:; script-src 'self' {shop.api};"
        f" connect-src {shop.api}; require-trusted-types-for 'script'",
    )
    asked_first = await _preflights(shop)
    context = await visitors()
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(f"{url}?color=red#top")
    await shop.received([1, 2])
    await page.evaluate("parcours.identify('ada', {email: 'ada@example.com', plan: 'pro'})")
    await page.evaluate("parcours.group('vip')")
    await track(page, 3)
    await shop.received([1, 2, 3])
    assert said == []
    # The site is another origin than the API, and its browser does not have to ask first.
    assert await _preflights(shop) == asked_first
    assert await shop.rows(
        "select external_id, email, attributes, timezone, locale from contact"
    ) == [("ada", "ada@example.com", {"plan": "pro"}, "Europe/London", "en-GB")]
    assert await shop.rows("select group_key from group_member") == [("vip",)]
    [(view,)] = await shop.rows("select properties from event where name = 'Page Viewed'")
    assert view == {
        "url": f"{url}?color=red",
        "path": "/strict",
        "search": "?color=red",
        "title": "/strict",
        "referrer": "",
    }


async def test_the_snippet_takes_calls_from_its_own_line_on(shop: Shop, visitors: Visitors) -> None:
    snippet = Snippet(shop.api, shop.key)
    url = shop.site.page(
        "/pasted",
        snippet.html + "<script nonce=x>parcours.identify('ada'); parcours.track('Clicked', {n: 1})"
        "</script>",
        Content_Security_Policy=snippet.policy.replace("; ", " 'nonce-x'; "),
    )
    page = await shop.open(await visitors(), url)
    await shop.received([1])
    await shop.viewed(["/pasted"])
    assert await shop.rows("select external_id from contact") == [("ada",)]
    await queue_is_empty(page)


async def test_a_page_that_changes_its_address_is_viewed_once_each_time(
    shop: Shop, visitors: Visitors
) -> None:
    shop.page("/list")
    page = await shop.open(await visitors(), shop.site.url + "/list")
    seen = ["/list"]

    async def sees(path: str) -> None:
        """Wait until another page was viewed."""
        seen.append(path)
        await shop.viewed(seen)

    await shop.viewed(seen)
    # Several changes at once are one page, and its title comes after the address.
    await page.evaluate(
        "() => { history.pushState({}, '', '/draft'); history.replaceState({}, '', '/shoe');"
        " document.title = 'A shoe' }"
    )
    await sees("/shoe")
    await page.evaluate("history.pushState({}, '', '/shoe?size=42')")
    await sees("/shoe")
    await page.evaluate("history.replaceState({}, '', '/shoe?size=43')")
    await sees("/shoe")
    # The same address, and a place on the same page, are no other page.
    await page.evaluate("history.replaceState({scroll: 7}, '', location.href)")
    await page.evaluate("location.hash = 'sizes'")
    await page.evaluate("location.hash = '#/deep'")
    await sees("/shoe")
    await page.go_back()
    await sees("/shoe")
    await page.go_back()
    await page.go_back()
    await sees("/shoe")
    await page.go_back()
    await sees("/list")
    # The browser shows the page again from its memory.
    shown = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    await page.evaluate(shown)
    await sees("/list")
    await track(page, 1)
    await shop.received([1])
    found = await shop.rows(
        "select properties->>'url', properties->>'title', properties->>'referrer' from event"
        " where name = 'Page Viewed' order by id"
    )
    site = shop.site.url
    assert found == [
        (f"{site}/list", "/list", ""),
        (f"{site}/shoe", "A shoe", f"{site}/list"),
        (f"{site}/shoe?size=42", "A shoe", f"{site}/shoe"),
        (f"{site}/shoe?size=43", "A shoe", f"{site}/shoe?size=42"),
        (f"{site}/shoe?size=43#/deep", "A shoe", f"{site}/shoe?size=43"),
        (f"{site}/shoe?size=43", "A shoe", f"{site}/shoe?size=43#/deep"),
        (f"{site}/shoe", "A shoe", f"{site}/shoe?size=43"),
        (f"{site}/list", "A shoe", f"{site}/shoe"),
        (f"{site}/list", "A shoe", f"{site}/list"),
    ]


async def test_views_are_left_to_the_page_where_it_says_so(shop: Shop, visitors: Visitors) -> None:
    url = shop.page("/quiet", attributes='data-pages="off"')
    page = await shop.open(await visitors(), url)
    await page.evaluate("history.pushState({}, '', '/other')")
    await page.evaluate("parcours.page('Checkout', {step: 2})")
    await track(page, 1)
    await shop.received([1])
    assert await shop.rows(
        "select properties->>'name', properties->'step' from event where name = 'Page Viewed'"
    ) == [("Checkout", 2)]


async def test_nothing_is_lost_or_doubled_while_the_network_is_away(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    shop.page("/second", attributes='data-pages="off"')
    page = await shop.open(context, shop.page("/first"))
    await track(page, 1)
    await shop.received([1])
    await context.set_offline(True)
    for number in (2, 3, 4):
        await track(page, number)
    # What is queued outlives the page: it lies in the browser.
    await eventually(lambda: _waiting(page, 3), 10, what="3 queued calls")
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    await context.set_offline(False)
    await shop.received([1, 2, 3, 4])
    await queue_is_empty(page)
    # The server gets a batch, and its answer is lost: the same calls come again, and count once.
    shop.cable.lose_answers()
    await track(page, 5)
    await shop.received([1, 2, 3, 4, 5])
    assert await _waiting(page, 1)
    await track(page, 6)
    shop.cable.cut()
    await page.goto("about:blank")
    shop.cable.mend()
    later = await shop.open(context, shop.site.url + "/second")
    await shop.received([1, 2, 3, 4, 5, 6])
    await queue_is_empty(later)
    times = await shop.rows(
        "select bool_and(original_at is not null and client_at <= received_at), count(*)"
        " from (select original_at, client_at, clock_timestamp() as received_at from event"
        " where name = 'Clicked') e"
    )
    assert times == [(True, 6)]
    assert await shop.numbers() == [1, 2, 3, 4, 5, 6]


async def test_a_tab_that_is_closed_at_once_has_sent_what_it_did(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    url = shop.page("/basket", attributes='data-pages="off"')
    for number in range(5):
        page = await shop.open(context, url)
        await track(page, number)
        await page.close(run_before_unload=number % 2 == 1)
    other = await shop.open(context, url)
    await queue_is_empty(other)
    assert sorted(await shop.numbers()) == [0, 1, 2, 3, 4]


async def test_a_browser_whose_requests_end_with_the_page_sends_a_beacon(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    await context.add_init_script("delete Request.prototype.keepalive")
    page = await shop.open(context, shop.page("/beacon", attributes='data-pages="off"'))
    await track(page, 1)
    await page.close(run_before_unload=True)
    await shop.received([1])


async def test_a_request_without_an_answer_is_given_up_and_made_again(
    shop: Shop, visitors: Visitors
) -> None:
    page = await (await visitors()).new_page()
    await page.clock.install()
    await page.goto(shop.page("/silent", attributes='data-pages="off"'))
    shop.cable.hold()
    async with page.expect_request("**/v1/batch"):
        await track(page, 1)
        await page.clock.run_for(1_000)
    async with page.expect_event("requestfailed"):
        await page.clock.run_for(30_000)
    shop.cable.mend()
    await page.clock.run_for(2_000)
    await shop.received([1])


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "lease"])
async def test_two_tabs_are_one_browser_and_share_what_is_queued(
    shop: Shop, visitors: Visitors, locks: bool
) -> None:
    context = await visitors()
    if not locks:
        await context.add_init_script(NO_LOCKS)
    url = shop.page("/tab")
    if locks:
        # Both at once, in a browser that was never here.
        first, second = await asyncio.gather(shop.open(context, url), shop.open(context, url))
    else:
        first, second = await shop.open(context, url), await shop.open(context, url)
    await context.set_offline(True)
    for number in range(0, 40, 2):
        await track(first, number)
        await track(second, number + 1)
    await first.close()
    await context.set_offline(False)
    await eventually(lambda: _numbers_are(shop, list(range(40))), 30, what="40 events")
    await queue_is_empty(second)
    # Each tab waits for its turn to write: the calls of one keep their order, those of two may not.
    numbers = await shop.numbers()
    for tab in (0, 1):
        own = [number for number in numbers if number % 2 == tab]
        assert own == sorted(own)
    assert await shop.rows("select count(*) from contact") == [(1,)]
    assert await shop.views() == ["/tab", "/tab"]


async def test_a_browser_that_keeps_nothing_is_tracked_from_memory(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    await context.add_init_script(NO_STORAGE)
    page = await shop.open(context, shop.page("/blocked"))
    await track(page, 1)
    await shop.received([1])
    await context.set_offline(True)
    await track(page, 2)
    await context.set_offline(False)
    await shop.received([1, 2])
    # The page is gone for a second before the server has its last call: a request that does not
    # outlive its page is broken off by then.
    shop.cable.hold()
    await track(page, 3)
    async with page.expect_event("close"):
        await page.close(run_before_unload=True)
    closed = monotonic()
    await eventually(lambda: monotonic() - closed > 1, 5)
    shop.cable.mend()
    await shop.received([1, 2, 3])
    assert await shop.rows("select count(*) from contact") == [(1,)]


@pytest.mark.parametrize(
    ("refusal", "attributes"),
    [
        ("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})", ""),
        ("Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", ""),
        ("", 'data-consent="required"'),
    ],
    ids=["gpc", "dnt", "required"],
)
async def test_nothing_is_stored_or_sent_until_the_visitor_agrees(
    shop: Shop, visitors: Visitors, refusal: str, attributes: str
) -> None:
    context = await visitors()
    await context.add_init_script(refusal or "0")
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    url = shop.page("/private", attributes=attributes)
    page = await shop.open(context, url)
    await track(page, 1)
    await page.evaluate("parcours.flush()")
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert not [each for each in asked if "/v1/" in each]
    assert await stored(page) == {}
    # A page without a decision is forgotten.
    await page.reload()
    await track(page, 2)
    await page.evaluate("parcours.consent(true)")
    await shop.received([2])
    assert await shop.views() == ["/private"]
    # The decision holds on other pages, until it is taken back: then all is forgotten.
    await page.reload()
    await track(page, 3)
    await shop.received([2, 3])
    assert await shop.rows("select count(*) from contact") == [(1,)]
    await context.set_offline(True)
    await track(page, 4)
    await page.evaluate("parcours.consent(false)")
    assert await stored(page) == {"parcours.consent": "no"}
    await context.set_offline(False)
    asked.clear()
    await page.reload()
    await track(page, 5)
    await page.evaluate("parcours.flush()")
    assert not [each for each in asked if "/v1/" in each]
    assert await stored(page) == {"parcours.consent": "no"}
    assert await shop.numbers() == [2, 3]


async def forgotten(page: Page) -> bool:
    """Whether a tab knows no visitor."""
    return "parcours.identity" not in await stored(page)


async def test_reset_forgets_the_visitor_and_sends_what_was_queued(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    url = shop.page("/account", attributes='data-pages="off"')
    page = await shop.open(context, url)
    other = await shop.open(context, url)
    await page.evaluate("parcours.identify('ada')")
    await track(page, 1)
    await shop.received([1])
    await context.set_offline(True)
    await track(page, 2)
    before = json.loads((await stored(page))["parcours.identity"])
    await page.evaluate("parcours.reset()")
    assert "parcours.identity" not in await stored(page)
    # The other tab knows it as well, soon: it is another process.
    await eventually(partial(forgotten, other))
    await track(other, 3)
    after = json.loads((await stored(other))["parcours.identity"])
    assert set(after) == {"anonymous"}
    assert after["anonymous"] != before["anonymous"]
    await context.set_offline(False)
    await shop.received([1, 2, 3])
    assert await shop.rows(
        "select c.external_id from event e join contact c on c.id = e.contact_id"
        " where e.name = 'Clicked' order by e.id"
    ) == [("ada",), ("ada",), (None,)]


async def test_a_page_that_is_made_ready_ahead_is_viewed_when_it_is_shown(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    # The headless browser makes no pages ready, so it says so as a browser that does.
    await context.add_init_script(
        "window.ahead = true;"
        " Object.defineProperty(document, 'prerendering', {get: () => window.ahead})"
    )
    page = await shop.open(context, shop.page("/ahead"))
    await track(page, 1)
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    await page.evaluate("parcours.flush()")
    assert await stored(page) == {}
    await page.evaluate(
        "() => { window.ahead = false; document.dispatchEvent(new Event('prerenderingchange')) }"
    )
    await shop.viewed(["/ahead"])
    await shop.received([1])


async def test_a_call_that_has_waited_for_two_weeks_is_dropped(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    page = await shop.open(context, shop.page("/old", attributes='data-pages="off"'))
    await context.set_offline(True)
    await track(page, 1)
    await track(page, 2)
    await page.evaluate(
        """() => {
            const name = Object.keys(localStorage).filter((name) => name.includes('.q.')).sort()[0];
            const made = (Date.now() - 15 * 864e5).toString(36);
            localStorage.setItem('parcours.q.' + made + name.slice(19), localStorage[name]);
            localStorage.removeItem(name);
        }"""
    )
    await context.set_offline(False)
    await shop.received([2])
    await queue_is_empty(page)
    assert await shop.numbers() == [2]


async def test_the_oldest_calls_make_room_for_new_ones(shop: Shop, visitors: Visitors) -> None:
    context = await visitors()
    page = await shop.open(context, shop.page("/full", attributes='data-pages="off"'))
    await context.set_offline(True)
    await page.evaluate("for (let n = 0; n < 520; n++) parcours.track('Clicked', {n})")
    assert len([name for name in await stored(page) if ".q." in name]) == 500
    await page.evaluate("parcours.track('Huge', {text: 'x'.repeat(33000)})")
    assert len([name for name in await stored(page) if ".q." in name]) == 500
    await context.set_offline(False)
    await shop.received(list(range(20, 520)), within=30)
    await queue_is_empty(page)


async def test_calls_beyond_a_budget_come_later(
    settings: Settings, shop: Shop, visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.rows("update api_key set address_events_per_minute = 2")
    monkeypatch.setattr("api.tracking.calls.seconds_left", lambda: 1.0)
    minutes = [100.0]
    monkeypatch.setattr("api.tracking.address_budgets._now", lambda: minutes[0])
    page = await shop.open(await visitors(), shop.page("/many", attributes='data-pages="off"'))
    await page.evaluate("for (let n = 0; n < 5; n++) parcours.track('Clicked', {n})")
    await shop.received([0, 1])
    minutes[0] = 200.0
    await shop.received([0, 1, 2, 3])
    minutes[0] = 300.0
    await shop.received([0, 1, 2, 3, 4])
    await queue_is_empty(page)


async def test_a_page_of_another_origin_cannot_use_the_key(shop: Shop, visitors: Visitors) -> None:
    await shop.rows("update api_key set origins = '{https://shop.example}'")
    page = await (await visitors()).new_page()
    async with page.expect_response("**/v1/batch") as answered:
        await page.goto(shop.page("/stolen"))
    assert (await answered.value).status == 403
    # It is not asked for again on this page, and nothing was lost if the key is set right.
    assert len([name for name in await stored(page) if ".q." in name]) == 1
    assert await shop.views() == []


async def _waiting(page: Page, count: int) -> bool:
    return len([name for name in await stored(page) if ".q." in name]) == count


async def _numbers_are(shop: Shop, numbers: list[int]) -> bool:
    return sorted(await shop.numbers()) == numbers


async def _preflights(shop: Shop) -> float:
    """How often browsers have asked whether they may call the API."""
    async with httpx.AsyncClient(base_url=shop.api) as client:
        text = (await client.get("/metrics")).text
    lines = [line for line in text.splitlines() if 'requests_total{method="OPTIONS"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
