"""From an anonymous visit to a known contact to a clicked mail in another browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Page
from temporalio.client import Client

from infra.settings import Settings
from tests.browser.conftest import Visitors
from tests.support.conditions import eventually
from tests.support.messages import Pool
from tests.support.operating import operating_with_inbox
from tests.support.site import Site, serving_site

JOURNEY = """
journey: welcome
entry: {event: Signed Up}
defaults: {transactional: true}
steps:
  - id: hello
    email:
      subject: Hello
      track: {clicks: true}
      html: '<p><a href="SITE/sale?size=42#top">See the sale</a></p>'
"""


@dataclass
class World:
    """An engine and an API, and a shop whose pages use their script."""

    client: httpx.AsyncClient
    site: Site

    async def timeline(self, contact: str) -> list[tuple[str, str]]:
        """What happened to a contact, the oldest first: (type, what)."""
        answer = await self.client.get(f"/v1/contacts/{contact}/timeline", params={"limit": 200})
        assert answer.is_success, answer.text
        return [(each["type"], _shown(each)) for each in reversed(answer.json()["items"])]

    async def of_the_visitor(self) -> list[str]:
        """What the only contact there is did, the oldest first; empty before there is one."""
        items = (await self.client.get("/v1/contacts")).json()["items"]
        events = [await self.timeline(each["id"]) for each in items]
        return [what for each in events for kind, what in each if kind == "event"]

    async def mail(self) -> str:
        """The HTML of the only mail to Ada."""

        async def there() -> list[Any]:
            answer = await self.client.get("/dev/inbox", params={"to": "ada@example.com"})
            found: list[Any] = answer.json()
            return found

        [mail] = await eventually(there, 30, every=0.1, what="a mail to Ada")
        return str(mail["html"])

    async def contacts(self) -> list[tuple[str | None, str | None]]:
        """All contacts, as (external id, e-mail), in the order of these."""
        answer = await self.client.get("/v1/contacts")
        items = [(each["external_id"], each["email"]) for each in answer.json()["items"]]
        return sorted(items, key=str)


def _shown(item: dict[str, Any]) -> str:
    properties = item["details"].get("properties") or {}
    if "path" in properties:
        return f"viewed {properties['path']}"
    return str(item["sentence"])


@pytest.fixture
async def world(
    settings: Settings, pool: Pool, temporal_client: Client, tmp_path: Path
) -> AsyncIterator[World]:
    with serving_site() as site:
        live = settings.model_copy(update={"sites": (site.host,)})
        async with operating_with_inbox(live, pool, temporal_client, tmp_path) as operator:
            client = operator.http
            made = await client.post("/v1/keys", json={"scope": "ingest", "name": "site"})
            assert made.is_success, made.text
            for path in ("/", "/shoes", "/sale", "/kids"):
                script = f'{client.base_url}/parcours.js" data-key="{made.json()["key"]}'
                site.page(path, f'<script src="{script}"></script>')
            source = JOURNEY.replace("SITE", site.url)
            documents = [{"filename": "welcome.yaml", "source": source}]
            applied = await client.post("/v1/apply", json={"documents": documents})
            assert applied.is_success, applied.text
            yield World(client, site)


async def _open(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    return page


async def _follow(context: BrowserContext, mail: str, world: World) -> Page:
    """Click the link of a mail; the page of the shop that it leads to."""
    page = await context.new_page()
    await page.set_content(mail)
    await page.get_by_role("link", name="See the sale").click()
    await page.wait_for_url(f"{world.site.url}/sale**")
    # The token is out of the address bar before the page is counted, and all else stays.
    await page.wait_for_function("location.search === '?size=42'")
    assert page.url == f"{world.site.url}/sale?size=42#top"
    return page


@pytest.mark.long
async def test_an_anonymous_visit_a_login_and_a_clicked_mail_are_one_timeline(
    world: World, visitors: Visitors
) -> None:
    # Ada looks around on her laptop, and signs up.
    laptop = await visitors()
    page = await _open(laptop, f"{world.site.url}/")
    await page.goto(f"{world.site.url}/shoes")
    # When something happened is said by how long its request was on the way, too: what comes next
    # is sure to be later once the server has what was before.
    await eventually(lambda: _is(world.of_the_visitor, ["viewed /", "viewed /shoes"]), 20)
    await page.evaluate("parcours.identify('ada', {email: 'ada@example.com'})")
    await page.evaluate("parcours.track('Signed Up')")
    mail = await world.mail()
    known = ["viewed /", "viewed /shoes", "Signed Up"]

    async def begun() -> list[str]:
        """What she did, in the order in which she did it."""
        return [what for kind, what in await world.timeline("ada") if kind == "event"]

    assert await begun() == known
    # On her phone she was here before, and it is not known that it was she.
    phone = await visitors()
    await _open(phone, f"{world.site.url}/kids")

    async def two() -> bool:
        return len(await world.contacts()) == 2

    await eventually(two, 20, what="the anonymous visitor")
    sale = await _follow(phone, mail, world)
    known.append("viewed /sale")
    await eventually(lambda: _is(begun, known), 20, what="the view of the sale")
    await sale.goto(f"{world.site.url}/shoes")
    known.append("viewed /shoes")
    await eventually(lambda: _is(begun, known), 20, what="the view of the shoes")
    # The visit to /kids is not hers by a link, which could have been passed on …
    assert await world.contacts() == [("ada", "ada@example.com"), (None, None)]
    # … until she logs in.
    await sale.evaluate("parcours.identify('ada')")

    async def one() -> bool:
        return await world.contacts() == [("ada", "ada@example.com")]

    await eventually(one, 20, what="one contact")
    # By when it happened: what she did on her phone before the mail comes in between.
    known.insert(3, "viewed /kids")
    assert [what for what in await begun() if "click" not in what] == known
    changes = [what for kind, what in await world.timeline("ada") if kind == "change"]
    assert "email was set to ada@example.com" in changes

    # She forwards the mail to Bob, who clicks, and says who he is.
    bob = await visitors()
    forwarded = await _follow(bob, mail, world)
    for call in (
        "parcours.track('Topic Unsubscribed', {topic: 'news'})",
        "parcours.track('Channel Unsubscribed', {channel: 'email'})",
        "parcours.group('friends')",
        "parcours.identify(null, {email: 'bob@example.com', first_name: 'Bob'})",
    ):
        await forwarded.evaluate(call)

    async def both() -> bool:
        return await world.contacts() == [("ada", "ada@example.com"), (None, "bob@example.com")]

    await eventually(both, 20, what="Bob beside Ada")
    # From here on his visits are his own: by the link only the first page was Ada's.
    await forwarded.goto(f"{world.site.url}/kids")
    found = await world.client.get("/v1/contacts", params={"email": "bob@example.com"})
    own = found.json()["items"][0]["id"]

    async def his() -> bool:
        return ("event", "viewed /kids") in await world.timeline(own)

    await eventually(his, 20, what="Bob's own visit")
    known.append("viewed /sale")
    assert [what for what in await begun() if "click" not in what] == known
    ada = (await world.client.get("/v1/contacts/ada")).json()
    assert (ada["email"], ada["attributes"]) == ("ada@example.com", {})
    consents = (await world.client.get("/v1/contacts/ada/consents")).json()
    assert consents["items"] == []
    assert (await world.client.get("/v1/contacts/ada/groups")).json()["items"] == []


async def _is(read: Any, expected: Any) -> bool:
    return bool(await read() == expected)
