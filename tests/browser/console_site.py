"""The console in a browser, signed in, before an engine and an API at work."""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import serious_faults
from tests.browser.conftest import agent_of

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
        await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        return page


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


async def look_over(page: Page, name: str) -> list[str]:
    """What is wrong with a page, light on a desktop and dark on a phone.

    Either axe-core finds it serious, or it juts out to the right.
    """
    found: list[str] = []
    for (width, height), judged in ((DESKTOP, "light"), (PHONE, "dark")):
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark") if SCREENSHOTS else (judged,):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            await page.wait_for_selector(f"html[data-mantine-color-scheme={scheme}]")
            await _picture(page, f"{name}-{width}-{scheme}")
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


async def _picture(page: Page, name: str) -> None:
    """A picture of the whole page, at half its size: small enough to be kept with the text."""
    if not SCREENSHOTS:
        return
    size = await page.evaluate(
        "({width: document.documentElement.clientWidth,"
        " height: Math.min(document.documentElement.scrollHeight, 2400)})"
    )
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
