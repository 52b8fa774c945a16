"""Tabs come and go, the network is cut and answers are lost: each call is there once."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from playwright.async_api import BrowserContext, Page

from infra.settings import Settings
from tests.browser.conftest import Visitors
from tests.browser.shops import Pool, Shop, opened_shop, queue_is_empty, track
from tests.support.conditions import eventually

ACTIONS = int(os.environ.get("STORM_ACTIONS", "50"))
SEED = int(os.environ.get("STORM_SEED", "1"))
CUT_SECONDS = float(os.environ.get("CUT_SECONDS", "1"))
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})"
MOST_TABS = 3


@pytest.fixture
async def shop(settings: Settings, pool: Pool) -> AsyncIterator[Shop]:
    async with opened_shop(settings, pool) as shop:
        yield shop


class Visitor:
    """A person with several tabs, who cannot rely on the network."""

    def __init__(self, shop: Shop, context: BrowserContext, url: str, chance: random.Random):
        self._shop = shop
        self._context = context
        self._url = url
        self._chance = chance
        self._tabs: list[Page] = []
        self._offline = False
        self.done = 0

    async def open(self) -> Page:
        """Open a tab; where there is no network, the browser has the page, but no script."""
        await self.online()
        page = await self._shop.open(self._context, self._url)
        self._tabs.append(page)
        return page

    async def online(self) -> None:
        """Have a network again."""
        self._shop.cable.mend()
        await self._context.set_offline(False)

    async def act(self) -> None:
        """Do something."""
        chance = self._chance
        tab = chance.choice(self._tabs) if self._tabs else await self.open()
        match chance.choices(
            ("click", "open", "close", "reload", "offline", "cut", "deaf", "mend"),
            (12, 1, 1.5, 1, 1, 1, 1.5, 2),
        )[0]:
            case "click":
                for _ in range(chance.randint(1, 4)):
                    await track(tab, self.done)
                    self.done += 1
            case "open" if len(self._tabs) < MOST_TABS:
                await self.open()
            case "close":
                self._tabs.remove(tab)
                async with tab.expect_event("close"):
                    await tab.close(run_before_unload=chance.random() < 0.5)
            case "reload":
                await self.online()
                await tab.reload()
            case "offline":
                await self._context.set_offline(True)
            case "cut":
                self._shop.cable.cut()
            case "deaf":
                self._shop.cable.lose_answers()
            case "mend":
                await self.online()


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "lease"])
async def test_each_call_of_a_storm_is_there_once(
    shop: Shop, visitors: Visitors, locks: bool
) -> None:
    context = await visitors()
    if not locks:
        await context.add_init_script(NO_LOCKS)
    url = shop.page("/storm", attributes='data-pages="off"')
    visitor = Visitor(shop, context, url, random.Random(SEED))
    for _ in range(ACTIONS):
        await visitor.act()
    tab = await visitor.open()
    await track(tab, visitor.done)
    await eventually(lambda: _is_there(shop, visitor.done), 60, what="the last call")
    await queue_is_empty(tab)
    assert sorted(await shop.numbers()) == list(range(visitor.done + 1))
    assert await shop.rows("select count(*) from contact") == [(1,)]


async def test_what_was_queued_while_the_network_was_away_for_long_is_there_once(
    shop: Shop, visitors: Visitors
) -> None:
    context = await visitors()
    tab = await shop.open(context, shop.page("/tunnel", attributes='data-pages="off"'))
    await context.set_offline(True)
    began = monotonic()
    for number in range(50):
        await track(tab, number)
    await eventually(lambda: monotonic() - began > CUT_SECONDS, CUT_SECONDS + 10)
    await context.set_offline(False)
    await shop.received(list(range(50)))
    await queue_is_empty(tab)


async def _is_there(shop: Shop, number: int) -> bool:
    return number in await shop.numbers()
