"""Segment's client for browsers, unmodified but for the host, on a page of a shop."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.browser.conftest import Visitors
from tests.browser.shops import Pool, Shop, opened_shop
from tests.support.conditions import eventually
from tests.support.site import File

CLIENT = Path(__file__).parents[2] / ".venv/clients/node/node_modules/@segment/analytics-next"
LOAD = """
const analytics = AnalyticsNext.AnalyticsBrowser.load(
  {writeKey: KEY, cdnURL: API},
  {integrations: {'Segment.io': {deliveryStrategy: STRATEGY}}},
);
analytics.page('Home');
"""


@pytest.fixture
async def shop(settings: Settings, pool: Pool) -> AsyncIterator[Shop]:
    assert CLIENT.exists(), "install the clients first: tests/e2e/clients/setup"
    async with opened_shop(settings, pool) as shop:
        for file in (CLIENT / "dist" / "umd").glob("*.js"):
            shop.site.files[f"/umd/{file.name}"] = File(file.read_bytes(), "text/javascript")
        yield shop


@pytest.mark.parametrize(
    "strategy",
    [{"strategy": "standard"}, {"strategy": "batching", "config": {"size": 3, "timeout": 500}}],
    ids=["standard", "batching"],
)
async def test_each_call_of_segments_client_is_there_once(
    shop: Shop, visitors: Visitors, strategy: dict[str, object]
) -> None:
    manifest = json.loads((CLIENT / "package.json").read_text())
    assert manifest["version"] == "1.84.3"
    load = (
        LOAD.replace("KEY", json.dumps(shop.key))
        .replace("API", json.dumps(shop.api))
        .replace("STRATEGY", json.dumps(strategy))
    )
    shop.site.script("/load.js", load)
    head = '<script src="/umd/index.js"></script><script src="/load.js"></script>'
    url = shop.site.page(
        "/shop",
        head,
        Content_Security_Policy=f"default-src 'none'; img-src data:; script-src 'self';"
        f" connect-src {shop.api}",
    )
    context = await visitors()
    page = await shop.open(context, url)
    await page.evaluate("analytics.identify('ada', {email: 'ada@example.com'})")
    await page.evaluate("analytics.track('Clicked', {n: 0})")
    await page.evaluate("analytics.group('vip')")
    await page.evaluate("for (let n = 1; n < 6; n++) analytics.track('Clicked', {n})")
    await eventually(lambda: _all_there(shop, list(range(6))), 20, what="all calls")
    # The network is cut, and comes back: the client sends again what it has kept.
    await context.set_offline(True)
    await page.evaluate("for (let n = 6; n < 9; n++) analytics.track('Clicked', {n})")
    await context.set_offline(False)
    await eventually(lambda: _all_there(shop, list(range(9))), 30, what="what waited")
    assert await shop.rows("select external_id, email from contact") == [("ada", "ada@example.com")]
    assert await shop.rows("select group_key from group_member") == [("vip",)]
    assert await shop.rows(
        "select properties->>'name', properties->>'path' from event where name = 'Page Viewed'"
    ) == [("Home", "/shop")]


async def _all_there(shop: Shop, numbers: list[int]) -> bool:
    return sorted(await shop.numbers()) == numbers
