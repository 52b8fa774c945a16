"""Conditions as sentences, in segments and in the builder, by pointer and by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import Console, look_over, signed_in
from tests.support.api import serving
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass
class Site:
    """A marketer before the console; ada and edsger have ordered twice."""

    console: Console
    http: httpx.AsyncClient

    async def text(self, path: str) -> str:
        """The text of a document as it was written."""
        answer = await self.http.get(path, headers={"Accept": "application/yaml"})
        assert answer.status_code == 200, answer.text
        return answer.text


ORDERS = (("ada", "FR", 2), ("grace", "DE", 1), ("edsger", "NL", 2))


@pytest.fixture
async def site(browser: Browser, settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", "ada")
    with serving(settings) as url:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
            for contact, country, orders in ORDERS:
                await _call(http, "identify", contact, traits={"country": country})
                for _ in range(orders):
                    order = {"total": 60, "code": "75001"}
                    await _call(http, "track", contact, event="Order Completed", properties=order)
            answer = await http.put("/v1/topics/news", json={"topic": "news", "default": "opt_in"})
            assert answer.status_code == 200, answer.text
            async with signed_in(browser, url, key) as console:
                yield Site(console, http)


async def _call(http: httpx.AsyncClient, call: str, contact: str, **body: Any) -> None:
    answer = await http.post(f"/v1/{call}", json={"userId": contact, **body})
    assert answer.status_code == 200, answer.text


BUYERS = """segment: buyers
if:
  all:
    - {attribute: country, in: [FR, DE]}
    - {event: Order Completed, where: {total: {gte: 50}}, count: {gte: 2}, within: 30d}
"""


async def choose(field: Locator, text: str) -> None:
    """Type a part of a name, and take the one of this name from the list."""
    await field.fill(text[:4])
    await field.page.get_by_role("option", name=text, exact=True).click()


async def test_a_segment_is_built_of_sentences_by_pointer_and_counted(site: Site) -> None:
    page = await site.console.open("/segments/new", "New segment")
    await page.get_by_label("Its key").fill("buyers")
    await page.get_by_role("button", name="Change: country has any value").click()
    country = page.get_by_role("group", name="Changing: country")
    await country.get_by_label("Comparison").select_option("is one of")
    values = country.get_by_label("Values", exact=True)
    await values.fill("FR")
    await values.press("Enter")
    await values.fill("DE")
    await values.press("Enter")
    await values.press("Escape")
    await country.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("2 contacts match now.")).to_be_visible()

    await page.get_by_role("button", name="Add a condition").click()
    await page.get_by_role("menuitem", name="Event").click()
    event = page.get_by_role("group", name="Changing: has")
    await choose(event.get_by_label("Event", exact=True), "Order Completed")
    await event.get_by_label("How often").select_option("at least")
    await event.get_by_role("button", name="+ in the last").click()
    await event.get_by_role("button", name="+ where").click()
    await choose(event.get_by_label("Property", exact=True), "total")
    await event.get_by_label("Comparison").select_option("is at least")
    await event.get_by_label("Value", exact=True).fill("50")
    assert await look_over(page, "segment-fields") == []
    await event.get_by_role("button", name="Done").click()
    said = "has Order Completed at least 2 times in the last 30 days where total is at least 50"
    await expect(page.get_by_role("button", name=f"Change: {said}")).to_be_focused()
    await expect(page.get_by_text("1 contact matches now.")).to_be_visible()
    await page.get_by_text("Some of them").click()
    await expect(page.get_by_role("link", name="ada")).to_be_visible()
    assert await look_over(page, "segment-condition") == []
    await page.get_by_role("button", name="Save…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("1 contact matches now")).to_be_visible()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="buyers", level=1)).to_be_visible()
    assert await site.text("/v1/segments/buyers") == BUYERS


JOURNEY = """# Sorts those who sign up.
journey: sorting
entry: {event: Order Completed}
steps:
  - id: branch  # the first
    branch:
      - name: keen
        if: {attribute: country, exists: true}   # for now
        then: [{id: mark, update: {set: {keen: true}}}]
      - else: []
"""
SORTED = JOURNEY.replace(
    "if: {attribute: country, exists: true}   # for now",
    "if: {all: [{attribute: country, is_not: FR}, {any: [{entry: total, gte: 50},"
    " {topic: news, is: subscribed}]}]}   # for now",
)


async def press(page: Page, keys: Sequence[str]) -> None:
    """Press keys, one after the other; a text of several letters is typed."""
    for key in keys:
        if key.startswith("type "):
            await page.keyboard.type(key.removeprefix("type "))
        else:
            await page.keyboard.press(key)


async def add(page: Page, button: Locator, kind: str) -> None:
    """Open the kinds of conditions by keyboard, and take one of them."""
    await button.focus()
    await page.keyboard.press("Enter")
    menu = page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem").first).to_be_visible()
    wanted = menu.get_by_role("menuitem", name=kind)
    await expect(page.locator("[role=menu]:focus-within")).to_have_count(1)

    for _ in range(await menu.get_by_role("menuitem").count()):
        if await wanted.evaluate("each => each === document.activeElement"):
            break
        await page.keyboard.press("ArrowDown")
    await expect(wanted).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(menu).to_be_hidden()


async def test_a_branch_gets_a_compound_condition_by_keyboard_alone(site: Site) -> None:
    answer = await site.http.put(
        "/v1/journeys/sorting",
        content=JOURNEY.encode(),
        headers={"Content-Type": "application/yaml"},
    )
    assert answer.status_code == 200, answer.text
    page = await site.console.open("/journeys/sorting", "sorting")
    way = page.locator('[data-card="step:branch/way:keen"]')
    await expect(way).to_be_visible()
    await way.focus()
    await press(page, ["Space", "Enter"])
    line = page.get_by_role("button", name="Change: country has any value")
    await line.focus()
    await press(page, ["Enter", "Tab"])
    await expect(page.get_by_label("Comparison")).to_be_focused()
    await press(page, ["type is not", "Tab", "type FR", "Escape", "Escape"])
    await expect(page.get_by_role("button", name="Change: country is not FR")).to_be_focused()

    await add(page, page.get_by_role("button", name="Add a condition"), "Group of conditions")
    inner = page.get_by_role("group", name="any of these")
    await expect(inner.get_by_label("Attribute", exact=True)).to_be_focused()
    # The condition that a group begins with is removed.
    await press(page, ["Escape", "Escape", "Tab", "Enter"])
    more = inner.get_by_role("button", name="Add a condition")
    await add(page, more, "Property of the entry")
    await expect(inner.get_by_label("Property", exact=True)).to_be_focused()
    await press(page, ["type total", "Tab", "type is at least", "Tab", "type 50"])
    await press(page, ["Escape", "Escape"])
    await inner.get_by_role("button", name="Add a condition").focus()
    await press(
        page, ["Enter", *["ArrowDown"] * 4, "Enter", "Tab", "type news", "Escape", "Escape"]
    )
    await expect(
        page.get_by_text("It cannot be counted: it depends on how each contact entered.")
    ).to_be_visible()
    assert await look_over(page, "branch-condition") == []

    kept = ""

    async def is_kept() -> bool:
        nonlocal kept
        kept = (await site.http.get("/v1/drafts/journey/sorting")).json()["text"]
        return "topic: news" in kept

    await eventually(is_kept, 10, what="the draft with the last condition")
    assert kept == SORTED


TIMED = """# Greets on Mondays.
journey: mondays
timezone: Europe/Paris
entry: {event: Signed Up}   # for now
steps:
  - {id: quiet, wait: 1h}
"""


async def test_an_entry_is_another_kind_and_its_times_are_said(site: Site) -> None:
    answer = await site.http.put(
        "/v1/journeys/mondays",
        content=TIMED.encode(),
        headers={"Content-Type": "application/yaml"},
    )
    assert answer.status_code == 200, answer.text
    page = await site.console.open("/journeys/mondays", "mondays")
    await page.locator('[data-card="entry"]').click()
    side = page.get_by_label("Settings of what is chosen")
    await side.get_by_role("button", name="Begin it by something else").click()
    kinds = side.get_by_role("list", name="How do contacts enter?")
    await expect(kinds.get_by_text("For example: within 1 km of shops")).to_be_visible()
    assert await look_over(page, "entry-kinds") == []
    await kinds.get_by_role("button", name="A schedule").click()
    await side.get_by_text("Thu", exact=True).click()
    await side.get_by_label("Time of day").fill("10:30")
    await expect(side.get_by_text("Next: Mon,").or_(side.get_by_text("Next: Thu,"))).to_be_visible()
    await expect(side.get_by_text("10:30 (Europe/Paris)")).to_be_visible()
    assert await look_over(page, "entry-schedule") == []
    await page.locator('[data-card="step:quiet"]').click()
    await side.get_by_role("textbox", name="Wait", exact=True).fill("1h30m")
    await expect(side.get_by_text("1 hour 30 minutes")).to_be_visible()
    await expect(page.get_by_text("All is kept as a draft.")).to_be_visible()
    expected = TIMED.replace(
        "entry: {event: Signed Up}", 'entry: {schedule: {cron: "30 10 * * mon,thu"}}'
    ).replace("wait: 1h", "wait: 1h30m")
    kept = ""

    async def is_kept() -> bool:
        nonlocal kept
        kept = (await site.http.get("/v1/drafts/journey/mondays")).json()["text"]
        return "1h30m" in kept

    await eventually(is_kept, 10, what="the draft with the last change")
    assert kept == expected
