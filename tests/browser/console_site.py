"""The console in a browser, signed in, before an engine and an API at work."""

from __future__ import annotations

import asyncio
import os
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Request

from tests.browser.accessibility import serious_faults
from tests.browser.conftest import agent_of
from tests.support.conditions import eventually

DESKTOP = (1440, 900)
PHONE = (390, 844)
SCREENSHOTS = os.environ.get("CONSOLE_SCREENSHOTS")
"""A folder for pictures of the pages that the tests open; none are made without it."""


@dataclass
class Console:
    """A person's browser with the console, and what it complained about."""

    context: BrowserContext
    url: str
    errors: list[str] = field(default_factory=list)
    """Errors of scripts, of the page's policy and of the network."""

    async def tab(self) -> Page:
        """An empty tab whose errors are noted."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: (
                self.errors.append(f"{page.url}: {said.text}") if said.type == "error" else None
            ),
        )
        return page

    async def open(self, path: str, heading: str) -> Page:
        """A tab with a page of the console, once its heading is there."""
        page = await self.tab()
        await page.goto(f"{self.url}/console{path}")
        await page.get_by_role("heading", name=heading, level=1).wait_for()
        return page

    async def faults_of(self, pages: Iterable[tuple[str, str, str]]) -> list[str]:
        """What is wrong with pages, each an address, a heading and a name, one after the other.

        The first is loaded. The others are gone to as a link of the console leads there, since
        the server answers their addresses with the same document: which is looked at, too.
        """
        found: list[str] = []
        page, document = None, ""
        for path, heading, name in pages:
            if page is None:
                page = await self.tab()
                asked = _requests_of(page)
                await page.goto(f"{self.url}/console{path}")
                document = await self._document(path)
            else:
                await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
                assert await self._document(path) == document, path
                await page.evaluate("path => history.pushState(null, '', path)", f"/console{path}")
            await page.get_by_role("heading", name=heading, level=1).wait_for()
            await _settled(page, asked)
            found += await look_over(page, name)
        return found

    async def _document(self, path: str) -> str:
        """What the server answers for the address of a page, without the nonce of the answer."""
        answer = await self.context.request.get(f"{self.url}/console{path}")
        assert answer.ok, path
        nonce = re.search("'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert nonce is not None
        return (await answer.text()).replace(nonce[1], "")


def _requests_of(page: Page) -> set[Request]:
    """The requests of a page that are under way, now and later; not what is followed for good."""
    asked: set[Request] = set()
    page.on("request", lambda each: None if "/stream" in each.url else asked.add(each))
    page.on("requestfinished", lambda each: asked.discard(each))
    page.on("requestfailed", lambda each: asked.discard(each))
    return asked


async def _settled(page: Page, asked: set[Request]) -> None:
    """Return once a page shows all that it asks for: at two looks, as one answer leads on."""
    quiet = 0

    async def look() -> bool:
        nonlocal quiet
        shown = await page.evaluate(_IS_SHOWN)
        quiet = quiet + 1 if shown and not asked else 0
        return quiet == 2

    await eventually(look, 30, every=0.02, what=f"{page.url} complete; {asked}")


_IS_SHOWN = """() => new Promise(shown => requestAnimationFrame(() => requestAnimationFrame(
  () => shown(document.querySelector('[data-loading]') === null))))"""


@asynccontextmanager
async def signed_in(browser: Browser, url: str, key: str, **options: Any) -> AsyncIterator[Console]:
    """A browser whose session was begun with this key."""
    width, height = DESKTOP
    context = await browser.new_context(
        user_agent=agent_of(browser),
        locale="en-GB",
        timezone_id="Europe/London",
        viewport={"width": width, "height": height},
        **options,
    )
    try:
        answer = await context.request.post(
            f"{url}/v1/session", data={"key": key}, headers={"Origin": url}
        )
        assert answer.ok, await answer.text()
        console = Console(context, url)
        yield console
        assert console.errors == [], "\n".join(console.errors)
    finally:
        await context.close()


async def pictured(page: Page, name: str) -> None:
    """Look a page over if pictures are made, and leave it as wide as it was."""
    if SCREENSHOTS:
        faults = await look_over(page, name)
        assert faults == [], "\n".join(faults)
        await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        await page.emulate_media(color_scheme="light", reduced_motion="no-preference")


async def look_over(page: Page, name: str, *, kept: bool = True) -> list[str]:
    """What is wrong with a page, light on a desktop and dark on a phone.

    Either axe-core finds it serious, or it juts out to the right. `kept`: whether it is among the
    pictures.
    """
    found: list[str] = []
    for (width, height), judged in ((DESKTOP, "light"), (PHONE, "dark")):
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark") if SCREENSHOTS else (judged,):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            await page.wait_for_selector(f"html[data-mantine-color-scheme={scheme}]")
            if kept:
                await _picture(page, f"{name or 'today'}-{width}-{scheme}")
            faults = await serious_faults(page)
            found += [f"{name} at {width} px, {scheme}: {fault}" for fault in faults]
        out = await page.evaluate(_JUTS_OUT)
        found += [f"{name} at {width} px juts out: {each}" for each in out]
    return found


_JUTS_OUT = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  return [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > root.clientWidth + 1)
    .map(each => each.outerHTML.slice(0, 120)).slice(0, 5);
}"""


# What stands fast is drawn once, at the top. What covers the page covers what is in view alone.
_WHOLE = """() => {
  scrollTo(0, 0);
  const root = document.documentElement;
  const whole = document.querySelector('[role=dialog]') ? innerHeight : root.scrollHeight;
  return {width: root.clientWidth, height: Math.min(whole, 2400)};
}"""


async def _picture(page: Page, name: str) -> None:
    """A picture of the whole page, at half its size: small enough to be kept with the text."""
    if not SCREENSHOTS:
        return
    size = await page.evaluate(_WHOLE)
    session = await page.context.new_cdp_session(page)
    taken = await session.send(
        "Page.captureScreenshot",
        {
            "format": "webp",
            "quality": 55,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "scale": 0.5 if size["width"] > PHONE[0] else 0.75, **size},
        },
    )
    await session.detach()
    picture = b64decode(taken["data"])
    await asyncio.to_thread(Path(SCREENSHOTS, f"{name}.webp").write_bytes, picture)
