"""Edits in the builder outlive what goes wrong: nothing is lost, and the page says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, Request, Response, Route, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from devstack.ports import free_port
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import Console, signed_in
from tests.browser.hands import card
from tests.support.api import serving
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]

GREETING: Final = """# Greets those who sign up.
journey: greeting
entry: {event: Signed Up}
steps:
  - id: hello   # the first of all
    email: {subject: Hello, text: Hello, transactional: true}
  - {id: rest, wait: 2d}
"""
PATH: Final = "/journeys/greeting/graph"
KEPT: Final = "All is kept as a draft."
BEAT: Final = 11_000
"""Milliseconds after which a page has asked again what others do, and has tried again to save."""
UNREACHABLE: Final = "The server cannot be reached. Go on"


class Desk:
    """Somebody before the builder, with an API that can be stopped and started."""

    def __init__(self, settings: Settings, pool: Pool, key: str) -> None:
        self._settings = settings
        self._pool = pool
        self.key = key
        self._port = free_port()
        self._served = ExitStack()
        self.url = f"http://127.0.0.1:{self._port}"
        self.console: Console

    def start(self) -> None:
        """Serve the API, at the same address as before."""
        self._served.enter_context(serving(self._settings, port=self._port))

    def stop(self) -> None:
        """Stop the API."""
        self._served.close()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a call of a program with an admin's key."""
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            return await http.request(method, path, headers=headers, **options)

    async def save(self, text: str) -> None:
        """Save a version of the greeting, as somebody else does."""
        answer = await self.ask(
            "PUT",
            "/v1/journeys/greeting",
            content=text.encode(),
            headers={"Content-Type": "application/yaml"},
        )
        assert answer.status_code == 200, answer.text

    async def draft(self) -> str | None:
        """The draft of the greeting; None without one."""
        answer = await self.ask("GET", "/v1/drafts/journey/greeting")
        return answer.json()["text"] if answer.status_code == 200 else None

    async def expect_draft(self, text: str | None) -> None:
        """Wait until the server has this draft."""

        async def is_kept() -> bool:
            return await self.draft() == text

        await eventually(is_kept, 15, what=f"the draft {text!r}")

    async def open(self) -> Page:
        """A tab with the greeting, and its mail chosen; its clock can be put forward."""
        page = await self.console.tab()
        await page.clock.install()
        await page.goto(f"{self.console.url}/console{PATH}")
        await card(page, "step:hello").click()
        await expect(subject(page)).to_be_visible()
        return page

    async def new_key(self, name: str) -> tuple[str, str]:
        """Another key, with its id."""
        made = await self.ask("POST", "/v1/keys", json={"scope": "operate", "name": name})
        assert made.status_code == 201, made.text
        return made.json()["key"], made.json()["id"]

    def forgive(self, *errors: str) -> None:
        """Errors that the browser notes of its own accord when a call fails."""
        noted = self.console.errors
        noted[:] = [each for each in noted if not any(error in each for error in errors)]


@pytest.fixture
async def desk(browser: Browser, settings: Settings, pool: Pool) -> AsyncIterator[Desk]:
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", "ada")
    desk = Desk(settings, pool, key)
    desk.start()
    try:
        await desk.save(GREETING)
        async with signed_in(browser, desk.url, key) as console:
            desk.console = console
            yield desk
    finally:
        desk.stop()


def subject(page: Page) -> Locator:
    """The field of the mail's subject."""
    side = page.get_by_label("Settings of what is chosen")
    return side.get_by_role("textbox", name="Subject", exact=True)


def is_save(request: Request) -> bool:
    """Whether a request saves a draft."""
    return request.method == "PUT" and "/v1/drafts/" in request.url


def is_refused_save(answer: Response) -> bool:
    """Whether an answer is to a save without a session."""
    return is_save(answer.request) and answer.status == 401


def is_presence(answer: Response) -> bool:
    """Whether it says who edits the greeting."""
    return answer.url.endswith("/greeting/presence")


def with_subject(text: str) -> str:
    """The greeting with another subject."""
    return GREETING.replace("subject: Hello", f"subject: {text}")


async def test_what_is_typed_while_the_connection_is_lost_is_saved_once_it_is_back(
    desk: Desk,
) -> None:
    page = await desk.open()
    await desk.console.context.set_offline(True)
    await subject(page).fill("Offline")
    await expect(page.get_by_role("alert").get_by_text(UNREACHABLE)).to_be_visible()
    # Once this was tried in vain as well, no more is typed: the page goes on by itself.
    async with page.expect_event("requestfailed", is_save):
        await subject(page).fill("Offline still")
    assert await desk.draft() is None
    await desk.console.context.set_offline(False)
    await desk.expect_draft(with_subject("Offline still"))
    await expect(page.get_by_text(KEPT)).to_be_visible()
    desk.forgive("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK")


async def test_a_tab_that_is_closed_without_a_connection_comes_back_with_its_edits(
    desk: Desk,
) -> None:
    page = await desk.open()
    await desk.console.context.set_offline(True)
    await subject(page).fill("Closed offline")
    await page.close()
    await desk.console.context.set_offline(False)
    assert await desk.draft() is None
    page = await desk.open()
    await expect(subject(page)).to_have_value("Closed offline")
    await desk.expect_draft(with_subject("Closed offline"))
    # It can be undone like any other edit.
    await page.get_by_role("button", name="Undo").click()
    await expect(subject(page)).to_have_value("Hello")
    await desk.expect_draft(GREETING)
    desk.forgive("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK")


async def test_a_keystroke_is_kept_when_the_tab_or_the_page_is_left_at_once(desk: Desk) -> None:
    page = await desk.open()
    await subject(page).press("!")
    await page.close()
    page = await desk.open()
    await expect(subject(page)).to_have_value("!Hello")
    await desk.expect_draft(with_subject('"!Hello"'))
    await subject(page).press("?")
    await page.get_by_role("link", name="Runs").first.click()
    await expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    await page.go_back()
    await card(page, "step:hello").click()
    await expect(subject(page)).to_have_value("?!Hello")
    await desk.expect_draft(with_subject('"?!Hello"'))
    # What was sent on leaving may have arrived first: the page finds its own text there.
    desk.forgive("412")


async def test_a_session_that_ends_is_begun_again_over_the_page_with_its_edits(
    desk: Desk, browser: Browser
) -> None:
    (revoked, key_id), (other, _) = await desk.new_key("grace"), await desk.new_key("grace again")
    async with signed_in(browser, desk.url, revoked) as console:
        ada, desk.console = desk.console, console
        page = await desk.open()
        assert (await desk.ask("DELETE", f"/v1/keys/{key_id}")).status_code == 204
        await subject(page).fill("Revoked")
        await _sign_in_again(desk, page, "Revoked", other)
        # A cookie that is gone or has expired, and a page that was just loaded again.
        await console.context.clear_cookies()
        async with page.expect_response(is_refused_save):
            await subject(page).fill("Expired")
        await _sign_in_again(desk, page, "Expired", other)
        await console.context.clear_cookies()
        await subject(page).press("!")
        await page.reload()
        await page.get_by_label("Key").fill(other)
        await page.keyboard.press("Enter")
        await card(page, "step:hello").click()
        await expect(subject(page)).to_have_value("!Expired")
        await desk.expect_draft(with_subject('"!Expired"'))
        desk.forgive("401")
        desk.console = ada


async def _sign_in_again(desk: Desk, page: Page, typed: str, key: str) -> None:
    dialog = page.get_by_role("dialog", name="Sign in")
    # The key is looked at again within five seconds; the next change or sign of life shows it.
    await expect(dialog).to_be_visible(timeout=20_000)
    await expect(dialog.get_by_text("what you have typed is kept")).to_be_visible()
    await dialog.get_by_label("Key").fill(key)
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(subject(page)).to_have_value(typed)
    await desk.expect_draft(with_subject(typed))


async def test_an_api_that_is_restarted_gets_what_was_typed_meanwhile(desk: Desk) -> None:
    page = await desk.open()
    await asyncio.to_thread(desk.stop)
    await subject(page).fill("Restarted")
    await expect(page.get_by_role("alert").get_by_text(UNREACHABLE)).to_be_visible()
    await asyncio.to_thread(desk.start)
    await page.clock.fast_forward(BEAT)
    await desk.expect_draft(with_subject("Restarted"))
    await expect(page.get_by_text(KEPT)).to_be_visible()
    desk.forgive("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")


async def test_of_two_tabs_the_later_one_sees_both_texts_and_undo_has_the_other(
    desk: Desk,
) -> None:
    first, second = await desk.open(), await desk.open()
    await expect(second.get_by_text("Also here: ada")).to_be_visible()
    await subject(second).fill("Second")
    await desk.expect_draft(with_subject("Second"))
    await subject(first).fill("First")
    await expect(first.get_by_text("ada has changed this draft since.")).to_be_visible()
    # What is typed on is not lost either, though neither text is chosen yet.
    await subject(first).fill("First still")
    await first.close()
    first = await desk.open()
    await expect(subject(first)).to_have_value("First still")
    await first.get_by_text("Their text", exact=True).click()
    await expect(first.locator("pre", has_text="Second")).to_be_visible()
    await first.get_by_role("button", name="Take their text").click()
    await expect(subject(first)).to_have_value("Second")
    assert await desk.draft() == with_subject("Second")
    await first.get_by_role("button", name="Undo").click()
    await expect(subject(first)).to_have_value("First still")
    await desk.expect_draft(with_subject("First still"))
    # A page that is left or loaded again edits no more.
    await second.goto("about:blank")
    async with first.expect_response(is_presence) as answered:
        await first.reload()
    assert len((await (await answered.value).json())["editors"]) == 1
    desk.forgive("412")


async def test_a_draft_that_became_stale_says_so_and_takes_nothing_back_unasked(
    desk: Desk,
) -> None:
    page = await desk.open()
    await subject(page).fill("Mine")
    await desk.expect_draft(with_subject("Mine"))
    theirs = GREETING.replace("wait: 2d", "wait: 5d")
    await desk.save(theirs)
    await page.clock.fast_forward(BEAT)
    stale = page.get_by_role("alert").filter(has_text="Version 2 was saved meanwhile")
    await expect(stale).to_contain_text("begun from version 1", timeout=20_000)
    await stale.get_by_role("button", name="Go on from version 2").click()
    await expect(card(page, "step:rest")).to_contain_text("5 days")
    await expect(stale).to_be_hidden()
    await page.get_by_role("button", name="Undo").click()
    await expect(subject(page)).to_have_value("Mine")
    await expect(stale).to_be_visible()
    await stale.get_by_role("button", name="Keep mine, over version 2").click()
    await expect(stale).to_be_hidden()
    await desk.expect_draft(with_subject("Mine"))
    await page.reload()
    await expect(card(page, "step:hello")).to_contain_text("Mine")
    await expect(stale).to_be_hidden()


async def test_a_page_without_edits_shows_what_somebody_else_has_saved(desk: Desk) -> None:
    page = await desk.open()
    await desk.save(GREETING.replace("wait: 2d", "wait: 5d"))
    await page.clock.fast_forward(BEAT)
    await expect(card(page, "step:rest")).to_contain_text("5 days", timeout=20_000)
    await expect(page.get_by_text("Version 2 was saved meanwhile: you see it.")).to_be_visible()
    await subject(page).fill("Mine")
    await desk.expect_draft(with_subject("Mine").replace("wait: 2d", "wait: 5d"))
    # Published or discarded by somebody else, a draft is begun again with the next edit.
    text = await desk.draft()
    assert text is not None
    await desk.save(text)
    assert await desk.draft() is None
    await subject(page).fill("Mine again")
    await desk.expect_draft(with_subject("Mine again").replace("wait: 2d", "wait: 5d"))
    await expect(page.get_by_text(KEPT)).to_be_visible()
    desk.forgive("412")


@dataclass
class SlowSaves:
    """Saves of drafts wait until they are let go."""

    go: asyncio.Event
    waiting: asyncio.Event

    async def __call__(self, route: Route) -> None:
        if route.request.method == "PUT":
            self.waiting.set()
            await self.go.wait()
        await route.continue_()


async def test_typing_on_while_a_save_is_slow_is_no_conflict_with_oneself(desk: Desk) -> None:
    page = await desk.open()
    slow = SlowSaves(asyncio.Event(), asyncio.Event())
    await page.route("**/v1/drafts/journey/greeting", slow)
    await subject(page).fill("One")
    await asyncio.wait_for(slow.waiting.wait(), 10)
    await subject(page).fill("Two")
    # Longer than the pause after which a change is saved: it must wait for the first one.
    slow.waiting.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow.waiting.wait(), 1.2)
    slow.go.set()
    await desk.expect_draft(with_subject("Two"))
    await expect(page.get_by_text(KEPT)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
