"""A headless Chromium for the process: the system's, else that of `tests/browser/setup`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
BUNDLED = Path(sys.prefix) / "browser"
OPTIONS = [
    # Containers run as root, have little shared memory and no graphics.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Nothing is fetched but what a test opens on this machine.
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    # A page does not live long enough for its scripts to be worth more compiling.
    "--js-flags=--no-opt",
]
EXPECTED_WITHIN = 15_000
"""Milliseconds until a page shows what is expected of it, on a machine that does much else."""
DESKTOP = (1280, 800)
PHONE = (320, 640)

expect.set_options(timeout=EXPECTED_WITHIN)


def find_browser() -> tuple[str, dict[str, str]]:
    """The browser's executable, and the environment that it runs in."""
    wanted = os.environ.get("BROWSER_TESTED")
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is not None and wanted != "bundled":
        return found, dict(os.environ)
    bundled = BUNDLED / "chromium"
    # A browser that is missing is a failure: what it shows would go untested.
    assert bundled.exists(), f"there is no {' or '.join(NAMES)}; run tests/browser/setup"
    environment = {"LD_LIBRARY_PATH": str(BUNDLED / "lib"), "FONTCONFIG_PATH": str(BUNDLED)}
    return str(bundled), {**os.environ, **environment}


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser, started once for the process."""
    executable, environment = find_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=OPTIONS, env={**environment}
        )
        try:
            yield browser
        finally:
            await browser.close()


Visitors = Callable[..., Awaitable[BrowserContext]]


def agent_of(browser: Browser) -> str:
    """What a person's browser says that it is; headless, it would say so."""
    return (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{browser.version} Safari/537.36"
    )


@pytest.fixture
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    """`await visitors()`: another person's browser, with scripts; closed after the test."""
    async with AsyncExitStack() as stack:

        async def visitor(**options: Any) -> BrowserContext:
            given = {"locale": "en-GB", "timezone_id": "Europe/London", **options}
            context = await browser.new_context(user_agent=agent_of(browser), **given)
            stack.push_async_callback(context.close)
            return context

        yield visitor


@pytest.fixture
async def reader(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A person's browser, without scripts: the pages do not need them."""
    width, height = DESKTOP
    context = await browser.new_context(
        java_script_enabled=False,
        viewport={"width": width, "height": height},
        locale="en-GB",
        user_agent=agent_of(browser),
    )
    try:
        yield context
    finally:
        await context.close()
