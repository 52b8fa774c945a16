"""Topics, places, coupons and the like: made in the console, and used by journeys."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import SCREENSHOTS, Console, look_over, pictured, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

WALK = """\
journey: walk
name: A walk
entry: {near: {places: shops, km: 2}}
steps:
  - {id: code, coupon: {pool: spring}}
  - {id: join, group: {add: [walkers]}}
  - {id: mail, email: {subject: "{{ contact.first_name }}", text: Come in, topic: offers}}
  - {id: rest, wait: 30d}
"""
SHOPS = """\
topic: offers
default: opt_out
---
places: shops
list: [{name: Lille, lat: 50.6, lon: 3.1}]
"""
OTHERS = """\
holdout: no-walks
share: 10%
journeys: [walk]
---
test_recipients: team
emails: [ada@example.com]
---
channel: sms
quiet_hours: {from: "21:00", to: "08:00"}
---
brand: house
name: The shop
from: The shop <hello@shop.example>
---
form: question
title: Ask us
button: Send
fields: [{name: email, type: email, label: Your e-mail address, required: true}]
"""
PICTURED = (
    ("/brands", "Brands"),
    ("/brands/house/edit", "house"),
    ("/forms", "Forms"),
    ("/places", "Places"),
    ("/holdouts", "Holdouts"),
    ("/topics/offers/edit", "offers"),
    ("/topics/offers/uses", "offers"),
    ("/channels/sms/edit", "SMS"),
    ("/coupons/spring/draws", "spring"),
    ("/groups/walkers/members", "walkers"),
    ("/test-recipients/team/edit", "team"),
    ("/templates/new", "New template"),
)
"""Pages of kinds that others test, of which there is a picture here."""


@dataclass
class Shop:
    """A marketer before the console, with an engine at work behind it."""

    console: Console
    operator: Operator
    pool: Pool
    api: str

    async def apply(self, source: str) -> None:
        """Make documents live."""
        body = {"documents": [{"filename": "all.yaml", "source": source}]}
        answer = await self.operator.http.post("/v1/apply", json=body)
        assert answer.status_code == 200, answer.text

    def forgive(self, status: int) -> None:
        """Leave out what the browser notes of answers that the page asks for and expects."""
        errors = self.console.errors
        errors[:] = [each for each in errors if str(status) not in each]


@pytest.fixture
async def shop(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Shop]:
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Shop(console, operator, pool, stack["api"])


async def test_a_topic_a_place_and_a_pool_are_made_by_pointer_and_used_by_a_journey(
    shop: Shop,
) -> None:
    page = await shop.console.open("/topics", "Topics")
    await expect(page.get_by_text("{topic: offers, name: Offers, default: opt_in}")).to_be_visible()
    await page.get_by_role("link", name="New topic").click()
    await page.get_by_label("Begin with").first.click()
    await page.get_by_role("option", name="Subscribed until they unsubscribe").click()
    await begin(page, "offers")
    await save(page, "topic offers")
    await make_places(page)
    await make_pool(page)
    await shop.apply(WALK)
    faults = await walk_in(shop, page)
    assert faults == [], "\n".join(faults)
    # That there is no document of a key yet is an answer of 404.
    shop.forgive(404)


async def begin(page: Page, key: str) -> None:
    await page.get_by_label("Its key").fill(key)
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name=key, level=1)).to_be_visible()


async def save(page: Page, what: str) -> None:
    await page.get_by_role("button", name="Save…").click()
    dialog = page.get_by_role("dialog", name=f"Save the {what}")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("version 1", exact=False).first).to_be_visible()


async def choose_file(page: Page, label: str, name: str, content: bytes) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_label(label).click()
    file: FilePayload = {"name": name, "mimeType": "text/csv", "buffer": content}
    await (await chooser.value).set_files(file)


async def make_places(page: Page) -> None:
    """A list of two places: one typed, one of a file with two bad lines."""
    await page.get_by_role("link", name="Places", exact=True).click()
    await page.get_by_role("link", name="New list of places").click()
    await begin(page, "shops")
    await page.get_by_label("Name of place 1").fill("Lille")
    await page.get_by_label("Latitude of place 1").fill("95")
    await expect(page.get_by_text("Between -90 and 90 degrees")).to_be_visible()
    await page.get_by_label("Latitude of place 1").fill("50.6292")
    await page.get_by_label("Longitude of place 1").fill("3.0573")
    file = b'name;lat;lon\n"Lens";50,4289;2,8318\n;1;2\nNowhere;91;0\nLille;50.63;3.06\n'
    await choose_file(page, "File of places", "shops.csv", file)
    await expect(page.get_by_text("1 place would be added.")).to_be_visible()
    await expect(page.get_by_text("1 place of the same name gets new coordinates.")).to_be_visible()
    await expect(page.get_by_text("the latitude is no number between -90 and 90")).to_be_visible()
    await page.get_by_role("button", name="Take 2 places").click()
    await expect(page.get_by_label("Longitude of place 1")).to_have_value("3.06")
    await expect(page.get_by_label("Name of place 2")).to_have_value("Lens")
    await expect(page.get_by_role("img", name="2 places, north at the top")).to_be_visible()
    await save(page, "list of places shops")


async def make_pool(page: Page) -> None:
    """A pool of the good codes of a file; a second file is only looked at."""
    await page.get_by_role("link", name="Coupons").click()
    await page.get_by_role("link", name="New pool").click()
    await page.get_by_label("Its name").fill("spring")
    file = b"code\nS-1\n \nS-2\nS-1\n" + b"x" * 201 + b"\nS-3\n"
    await choose_file(page, "File of codes", "codes.csv", file)
    await expect(page.get_by_text("3 codes would be added.")).to_be_visible()
    await expect(page.get_by_text("1 code is there already")).to_be_visible()
    refused = page.get_by_role("region", name="Lines that are left out")
    await expect(refused.locator("tbody tr")).to_have_count(2)
    await expect(refused).to_contain_text("the code has 201 characters")
    await page.get_by_role("button", name="Add 3 codes").click()
    await expect(page.get_by_role("heading", name="spring", level=1)).to_be_visible()
    await expect(page.locator("dl").get_by_text("3", exact=True).first).to_be_visible()
    await choose_file(page, "File of codes", "codes.csv", file)
    await expect(page.get_by_text("0 codes would be added.")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("^Add "))).to_have_count(0)


async def walk_in(shop: Shop, page: Page) -> list[str]:
    """A contact comes near a place and draws a code, as all pages then show; what axe finds."""
    http = shop.operator.http
    traits = {"email": "ada@example.com", "first_name": "Ada", "plan": "pro"}
    assert (await http.post("/v1/identify", json={"userId": "ada", "traits": traits})).is_success
    where = {"lat": 50.62, "lon": 3.05}
    came = {"userId": "ada", "event": "Location Updated", "properties": where}
    assert (await http.post("/v1/track", json=came)).is_success

    async def rests() -> bool:
        return bool(await shop.operator.items("/v1/runs", journey="walk", step="rest"))

    await eventually(rests, 60)
    found: list[str] = []
    await page.get_by_role("link", name="Draws").click()
    row = page.locator("main tbody tr")
    await expect(row).to_contain_text("S-1")
    await expect(row.get_by_role("link", name="ada")).to_be_visible()
    await page.get_by_label("Find a code").fill("S-2")
    await expect(page.get_by_text("This code was not drawn from the pool.")).to_be_visible()
    await expect(page).to_have_url(re.compile("code=S-2"))
    await page.get_by_role("link", name="Used in").click()
    await expect(row).to_contain_text("code")
    await row.get_by_role("link", name="A walk").click()
    await expect(page.get_by_role("heading", name="walk", level=1)).to_be_visible()

    await page.keyboard.press("Control+K")
    await page.keyboard.type("sho")
    await expect(page.get_by_role("option", name="shops")).to_be_visible()
    await pictured(page, "search")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="shops", level=1)).to_be_visible()
    await expect(page.get_by_text("journeys ask for 2 km")).to_be_visible()
    await expect(page.get_by_label("Distance around each place, in km")).to_have_value("2")
    found += await look_over(page, "places-shops")
    await page.set_viewport_size({"width": 1440, "height": 900})

    for path, heading, used in (
        ("/topics", "Topics", "offers"),
        ("/attributes", "Attributes", "first_name"),
        ("/coupons", "Coupons", "spring"),
        ("/groups", "Groups", "walkers"),
    ):
        await page.goto(f"{shop.console.url}/console{path}")
        await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        line = page.locator("main tbody tr").filter(has_text=used)
        await expect(line).to_contain_text("1 journey")
        if SCREENSHOTS or path in ("/topics", "/attributes"):
            found += await look_over(page, path.strip("/"))
    return found


async def test_each_of_the_other_pages_opens_and_offers_what_the_key_may(
    shop: Shop, browser: Browser
) -> None:
    await shop.apply(f"{SHOPS}---\n{WALK}---\n{OTHERS}")
    body = {"email": "ada@example.com", "attributes": {"plan": "pro"}}
    assert (await shop.operator.http.put("/v1/contacts/ada", json=body)).is_success
    csv = {"Content-Type": "text/csv"}
    added = await shop.operator.http.post("/v1/coupons/spring", content="code\nA\n", headers=csv)
    assert added.is_success, added.text
    found: list[str] = []
    for path, heading, text in (
        ("/coupons/spring/codes", "spring", "File of codes"),
        ("/topics/offers/contacts", "offers", "Contacts without a record count as subscribed."),
        ("/channels", "Channels", "quiet hours"),
        ("/holdouts/no-walks/results", "no-walks", "nothing to compare yet"),
        ("/attributes/plan/seen", "plan", '{attribute: plan, is: "pro"}'),
        ("/test-recipients", "Test recipients", "team"),
        ("/files", "Files", "attachments: [{file: terms.pdf}]"),
    ):
        page = await shop.console.open(path, heading)
        await expect(page.get_by_text(text).first).to_be_visible()
        if SCREENSHOTS or path in ("/coupons/spring/codes", "/channels", "/files"):
            found += await look_over(page, path.strip("/").replace("/", "-"))
        await page.close()
    if SCREENSHOTS:
        for path, heading in PICTURED:
            page = await shop.console.open(path, heading)
            await expect(page.locator("[data-loading]")).to_have_count(0)
            await pictured(page, path.strip("/").replace("/", "-"))
            await page.close()
    assert found == [], "\n".join(found)

    page = await shop.console.open("/files", "Files")
    await choose_file(page, "New file", "our terms.txt", b"Terms")
    await page.get_by_role("button", name="Upload our-terms.txt").click()
    await page.get_by_role("link", name="our-terms.txt").click()
    await expect(page.get_by_text("5 bytes")).to_be_visible()
    await pictured(page, "files-about")
    await page.get_by_role("button", name="Remove…").click()
    dialog = page.get_by_role("dialog", name="Remove our-terms.txt")
    await dialog.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_role("heading", name="Files", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="our-terms.txt")).to_have_count(0)
    await page.get_by_role("link", name="Channels").click()
    await page.get_by_role("link", name="E-mail").click()
    await page.get_by_role("button", name="Set up E-mail").click()
    await expect(page.get_by_role("heading", name="E-mail", level=1)).to_be_visible()
    await expect(page.get_by_text("A draft: nothing counts before it is saved.")).to_be_visible()
    async with shop.pool.connection() as conn:
        key = await create_key(conn, "read", name="reader")
    async with signed_in(browser, shop.api, key) as reader:
        seen = await reader.open("/coupons/spring", "spring")
        await expect(seen.get_by_text("adding codes needs the scope operate")).to_be_visible()
        seen = await reader.open("/topics", "Topics")
        await expect(seen.locator("main tbody tr")).to_have_count(1)
        await expect(seen.get_by_role("link", name="New topic")).to_have_count(0)
        seen = await reader.open("/places/shops/edit", "shops")
        await expect(seen.get_by_label("Name of place 1")).not_to_be_editable()
        await expect(seen.get_by_role("button", name="Save…")).to_have_count(0)
    shop.forgive(404)
