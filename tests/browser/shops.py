"""A shop on this machine, whose pages load the script from an API on another origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, Page
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import KeyOptions, create_key
from tests.support.api import serving
from tests.support.cables import Cable, cable
from tests.support.conditions import eventually
from tests.support.messages import rows
from tests.support.site import Site, serving_site

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass
class Shop:
    """The site, the API behind a cable, and the database of the API."""

    site: Site
    api: str
    """The address of the API, through the cable."""
    key: str
    cable: Cable
    pool: Pool
    errors: list[str] = field(default_factory=list)
    """Errors of scripts, in any tab that `open` has opened."""

    async def open(self, context: BrowserContext, url: str) -> Page:
        """A tab with this page."""
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(url)
        return page

    def page(
        self, path: str, *, attributes: str = "", before: str = "", body: str = "", **headers: str
    ) -> str:
        """Add a page with the script; its address."""
        tag = f'<script src="{self.api}/parcours.js" data-key="{self.key}" {attributes}></script>'
        return self.site.page(path, before + tag, body, **headers)

    async def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What a statement returns."""
        return await rows(self.pool, statement, *arguments)

    async def views(self) -> list[str]:
        """The paths of the page views, in order."""
        found = await self.rows(
            "select properties->>'path' from event where name = 'Page Viewed' order by id"
        )
        return [path for (path,) in found]

    async def numbers(self, name: str = "Clicked") -> list[int]:
        """The numbers that events of a name carry, in order."""
        found = await self.rows(
            "select (properties->>'n')::int from event where name = %s order by id", name
        )
        return [number for (number,) in found]

    async def received(self, numbers: list[int], name: str = "Clicked", within: float = 20) -> None:
        """Wait until events with these numbers are there, in this order, each once."""

        async def there() -> bool:
            return await self.numbers(name) == numbers

        await eventually(there, within, what=f"{name} {numbers}")

    async def viewed(self, paths: list[str], within: float = 20) -> None:
        """Wait until these pages were viewed, in this order, each once."""

        async def there() -> bool:
            return await self.views() == paths

        await eventually(there, within, what=f"views of {paths}")


@asynccontextmanager
async def opened_shop(settings: Settings, pool: Pool) -> AsyncIterator[Shop]:
    """A shop without pages, until the context ends. Its key is for its own pages."""
    with serving_site() as site:
        async with pool.connection() as conn:
            options = KeyOptions(origins=(site.url,), user_hash_secret="s" * 16)
            key = await create_key(conn, "ingest", None, options)
        sites = (site.host,)
        with serving(settings.model_copy(update={"sites": sites})) as url:
            async with cable(url.partition("://")[2]) as laid:
                shop = Shop(site, f"http://{laid.address}", key, laid, pool)
                yield shop
                assert shop.errors == []


async def track(page: Page, number: int, name: str = "Clicked") -> None:
    """Let the page track an event with a number."""
    await page.evaluate("([name, n]) => parcours.track(name, {n})", [name, number])


async def stored(page: Page) -> dict[str, str]:
    """What the script has stored in the browser."""
    found: dict[str, str] = await page.evaluate(
        "() => Object.fromEntries(Object.entries(localStorage)"
        ".filter(([name]) => name.startsWith('parcours.')))"
    )
    return found


async def queue_is_empty(page: Page) -> None:
    """Wait until the server has answered to all that was queued."""

    async def empty() -> bool:
        return not [name for name in await stored(page) if name.startswith("parcours.q.")]

    await eventually(empty, 20, what="an empty queue")
