"""Where the keyboard stands in the builder: on what is new, beside what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, CDPSession, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import signed_in
from tests.browser.hands import card
from tests.support.api import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]

NUMBERS: Final = ("one", "two", "three", "four", "five")
STEPS: Final = [{"id": f"rest-{name}", "wait": "2d"} for name in NUMBERS]
MAIL: Final = {"transactional": True, "subject": "Hello", "text": "Hello"}
LETTER: Final = {"id": "letter", "email": MAIL}
JOURNEY: Final = {"journey": "greeting", "entry": {"event": "Go"}, "steps": [LETTER, *STEPS]}
SLOWER: Final = 6
"""How many times slower than this one the machine is on which somebody types fast."""


@pytest.fixture
async def page(browser: Browser, settings: Settings, pool: Pool) -> AsyncIterator[Page]:
    """The greeting in the builder."""
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", "ada")
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            headers = {"Authorization": f"Bearer {key}"}
            made = await http.put("/v1/journeys/greeting", json=JOURNEY, headers=headers)
            assert made.status_code == 200, made.text
        async with signed_in(browser, url, key) as console:
            page = await console.open("/journeys/greeting/graph", "greeting")
            await expect(card(page, "step:letter")).to_be_visible()
            yield page


def side(page: Page) -> Locator:
    """What stands beside the graph."""
    return page.get_by_role("region", name="Settings of what is chosen")


def field(page: Page, name: str) -> Locator:
    """A field of the settings."""
    texts = side(page).get_by_role("textbox", name=name, exact=True)
    return texts.or_(side(page).get_by_role("combobox", name=name, exact=True))


async def settings_of_letter(page: Page) -> None:
    """Choose the mail, and go to its settings as the keyboard does."""
    await card(page, "step:letter").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(field(page, "Name of the step")).to_be_focused()


async def test_the_focus_goes_to_what_is_added_and_beside_what_is_gone(page: Page) -> None:
    keys = page.keyboard
    await settings_of_letter(page)
    # What is offered is one stop: arrows lead on in it.
    await side(page).get_by_role("button", name="+ Template").focus()
    await keys.press("ArrowRight")
    await expect(side(page).get_by_role("button", name="+ Topic")).to_be_focused()
    await keys.press("Enter")
    await expect(field(page, "Topic")).to_be_focused()
    await side(page).get_by_role("button", name="More settings").first.focus()
    await keys.press("Enter")
    await page.get_by_role("menuitem", name="Answers go to").focus()
    await keys.press("Enter")
    await expect(field(page, "Answers go to")).to_be_focused()
    # The neighbour of what is removed, first the one after it, at the end the one before.
    for removed, neighbour in (("Topic", "Answers go to"), ("Answers go to", "Text")):
        await side(page).get_by_role("button", name=f"Remove {removed}", exact=True).focus()
        await keys.press("Enter")
        await expect(field(page, removed)).to_have_count(0)
        await expect(field(page, neighbour)).to_be_focused()
    # A step that gets a name keeps the field of its name.
    await field(page, "Name of the step").focus()
    await keys.press("Control+a")
    await keys.insert_text("first")
    await keys.press("Enter")
    await expect(card(page, "step:first")).to_be_visible()
    await expect(field(page, "Name of the step")).to_be_focused()
    # A step that is inserted is chosen; once it is deleted, the one beside it.
    await keys.press("F6")
    await expect(card(page, "step:first")).to_be_focused()
    await keys.press("+")
    offered = page.get_by_role("dialog").get_by_role("toolbar").get_by_role("button")
    await expect(offered.first).to_be_focused()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(card(page, "step:sms")).to_be_focused()
    await keys.press("Delete")
    await expect(card(page, "step:sms")).to_have_count(0)
    await expect(page.locator("[data-card][data-selected]")).to_be_focused()
    await keys.press("Escape")
    await side(page).get_by_role("button", name="Add an exit").focus()
    await keys.press("Enter")
    await expect(field(page, "Form of Exit")).to_be_focused()


async def test_keys_lead_from_part_to_part_and_are_listed(page: Page) -> None:
    keys = page.keyboard
    # At the start of the page, links lead past the menu.
    for links, words in (
        (1, "Skip to the content"),
        (2, "Skip to the graph"),
        (3, "Skip to the settings"),
    ):
        await page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
        await page.get_by_role("link", name="Skip to the content").focus()
        for _ in range(links - 1):
            await keys.press("Tab")
        await expect(page.get_by_role("link", name=words)).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.press("Enter")
    await expect(card(page, "entry")).to_be_focused()
    await card(page, "step:letter").focus()
    await keys.press("Space")
    # Choosing shows the settings, and leaves the focus where it is.
    await expect(field(page, "Name of the step")).to_be_visible()
    await expect(card(page, "step:letter")).to_be_focused()
    await keys.press("F6")
    await expect(field(page, "Name of the step")).to_be_focused()
    await keys.press("Shift+F6")
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused()
    await keys.press("F6")
    await expect(card(page, "step:letter")).to_be_focused()
    await keys.press("F6")
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused()
    await keys.press("Shift+F6")
    await expect(field(page, "Name of the step")).to_be_focused()
    await keys.press("F6")
    await expect(card(page, "step:letter")).to_be_focused()
    await keys.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    await expect(listed.get_by_role("row", name="F6").first).to_contain_text("the graph")
    await keys.press("Escape")
    await expect(listed).to_be_hidden()
    await expect(card(page, "step:letter")).to_be_focused()
    # The palette, and the buttons above the graph, are one stop each.
    palette = page.get_by_role("toolbar", name="Steps")
    await palette.get_by_role("button", name="E-mail").focus()
    await keys.press("End")
    await keys.press("ArrowUp")
    await keys.press("Home")
    await keys.press("ArrowDown")
    await expect(palette.get_by_role("button", name="SMS", exact=True)).to_be_focused()
    await keys.press("Tab")
    await expect(palette.locator(":focus")).to_have_count(0)
    await keys.press("Shift+Tab")
    await expect(palette.get_by_role("button", name="SMS", exact=True)).to_be_focused()
    # So is the list of steps behind the graph, however long it is.
    await card(page, "step:letter").focus()
    await keys.press("Tab")
    await expect(
        page.get_by_role("list", name="The journey as a list").locator(":focus")
    ).to_have_count(1)
    await keys.press("Tab")
    await expect(page.locator("#builder-side").locator(":focus")).to_have_count(1)


async def test_what_is_typed_fast_into_the_search_of_the_graph_is_found(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    for name in NUMBERS:
        await press_at_once(session, FIND, *f"rest-{name}", ENTER)
        await expect(card(page, f"step:rest-{name}")).to_be_focused()
        await expect(card(page, f"step:rest-{name}")).to_have_attribute("data-selected", "true")
    # An arrow leads on to the next line that is found.
    for place, name in enumerate(NUMBERS):
        await press_at_once(session, FIND, *"rest-", *[DOWN] * place, ENTER)
        await expect(card(page, f"step:rest-{name}")).to_be_focused()


FIND: Final = "Control+KeyF"
DOWN: Final = "ArrowDown"
ENTER: Final = "Enter"
CODES: Final = {"KeyF": 70, DOWN: 40, ENTER: 13}


async def press_at_once(session: CDPSession, *keys: str) -> None:
    """Press keys, each before the page has answered to the last: as it is when it is busy."""
    async with asyncio.TaskGroup() as group:
        for key in keys:
            for kind in ("keyDown", "keyUp"):
                event = {"type": kind, **_described(key)}
                group.create_task(session.send("Input.dispatchKeyEvent", event))


def _described(key: str) -> dict[str, Any]:
    """A key as the browser's protocol names it."""
    held, _, name = key.rpartition("+")
    if name not in CODES:
        return {"key": key, "text": key}
    described = {"key": "f" if held else name, "code": name, "modifiers": 2 if held else 0}
    return {**described, "windowsVirtualKeyCode": CODES[name]}
