"""The console in a browser: its policy, and signing in by a key and by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import ConsoleMessage, Page, Request, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.conftest import Visitors
from tests.browser.console_site import pictured
from tests.support.api import serving


class Watched:
    """A page, with what it complains of and what it asks for elsewhere."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self._url = url
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # The browser notes each answer that refuses; the page asks whether there is a session.
        if message.type in ("error", "warning") and "status of 401" not in message.text:
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture
async def admin_key(pool: AsyncConnectionPool[AsyncConnection[object]]) -> str:
    """A key of scope `admin`."""
    async with pool.connection() as conn:
        return await create_key(conn, "admin", "ada")


@pytest.fixture
async def console_url(settings: Settings) -> AsyncIterator[str]:
    """The address of an API."""
    with serving(settings) as url:
        yield url


async def test_a_person_signs_in_and_no_other_address_is_asked(
    console_url: str, admin_key: str, visitors: Visitors
) -> None:
    page = await (await visitors()).new_page()
    watched = Watched(page, console_url)
    await page.goto(f"{console_url}/console/journeys")
    await expect(page.get_by_label("Key")).to_be_visible()
    await pictured(page, "sign-in")
    await page.get_by_label("Key").fill("pk_admin_wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("there is no such key")).to_be_visible()
    await page.get_by_label("Key").fill(admin_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Journeys")).to_be_visible()
    assert page.url == f"{console_url}/console/journeys"
    # No script of a page can read the session.
    assert await page.evaluate("document.cookie") == ""
    await page.reload()
    await expect(page.get_by_role("heading", name="Journeys")).to_be_visible()
    assert (watched.complaints, watched.elsewhere) == ([], [])


async def test_the_development_stack_signs_in_by_itself(
    settings: Settings, admin_key: str, visitors: Visitors
) -> None:
    given = {"dev_console_key": SecretStr(admin_key)}
    with serving(settings.model_copy(update=given)) as url:
        page = await (await visitors()).new_page()
        watched = Watched(page, url)
        await page.goto(f"{url}/console/journeys")
        await expect(page.get_by_role("heading", name="Journeys")).to_be_visible()
        assert (watched.complaints, watched.elsewhere) == ([], [])


async def test_what_is_written_into_the_page_does_not_run(
    console_url: str, visitors: Visitors
) -> None:
    page = await (await visitors()).new_page()
    await page.goto(f"{console_url}/console")
    await expect(page.get_by_label("Key")).to_be_visible()
    ran = await page.evaluate(
        """() => {
            const holder = document.createElement("div");
            holder.innerHTML = "<img src=x onerror='window.ran = 1'>";
            document.body.append(holder);
            const script = document.createElement("script");
            script.textContent = "window.ran = 2";
            document.body.append(script);
            return new Promise((done) => setTimeout(() => done(window.ran ?? 0), 200));
        }"""
    )
    assert ran == 0


async def test_a_message_is_shown_as_it_looks_and_runs_nothing(
    console_url: str, admin_key: str, visitors: Visitors
) -> None:
    page = await (await visitors()).new_page()
    failed: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    await page.goto(f"{console_url}/console/journeys")
    await page.get_by_label("Key").fill(admin_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Journeys")).to_be_visible()
    message = (
        "<style>p {color: rgb(1, 2, 3)}</style><p style='margin-left: 7px'>Your cart</p>"
        "<img src='http://127.0.0.1:9/open.gif' onerror='top.ran = 1'>"
        "<script>top.ran = 2; document.querySelector('p').textContent = 'taken'</script>"
    )
    await page.evaluate(
        """(html) => {
            const frame = document.createElement("iframe");
            Object.assign(frame, { name: "preview", title: "Preview" });
            frame.setAttribute("sandbox", "");
            const form = document.createElement("form");
            Object.assign(form, { method: "post", action: "/console/preview", target: "preview" });
            const field = document.createElement("textarea");
            Object.assign(field, { name: "html", value: html, hidden: true });
            form.append(field);
            document.body.append(frame, form);
            form.submit();
        }""",
        message,
    )
    shown = page.frame_locator("iframe[name=preview]").locator("p")
    await expect(shown).to_have_text("Your cart")
    await expect(shown).to_have_css("color", "rgb(1, 2, 3)")
    await expect(shown).to_have_css("margin-left", "7px")
    assert await page.evaluate("window.ran") is None
    # The policy has refused the picture, so no server was asked for it.
    assert ("http://127.0.0.1:9/open.gif", "csp") in failed
