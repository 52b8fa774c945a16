"""The shop of `parcours dev --shop`, played by hand: from a click to the mails of its journeys."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.accessibility import serious_faults
from tests.browser.conftest import Visitors
from tests.support.conditions import eventually
from tests.support.stack import FREE_PORTS, dev_stack

SHOTS = os.environ.get("SCREENSHOTS")
"""A folder for pictures of the shop; none are taken by default."""
ADA = "ada@example.com"
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}


async def looks_well(page: Page, name: str) -> None:
    """Check the page at both widths, light and dark."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for device, (width, height) in WIDTHS.items():
            await page.set_viewport_size({"width": width, "height": height})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            if SHOTS:
                await page.evaluate("scrollTo(0, 0)")
                file = Path(SHOTS) / f"{name}-{scheme}-{device}.png"
                await page.screenshot(path=file, full_page=True)
        found = await serious_faults(page)
        assert found == [], found


async def mail(client: httpx.AsyncClient, subject: str) -> dict[str, Any]:
    """A mail to Ada, waited for."""

    async def found() -> dict[str, Any] | None:
        mails = (await client.get("/dev/inbox", params={"to": ADA})).json()
        return next((each for each in mails if subject in each["subject"]), None)

    async def there() -> bool:
        return await found() is not None

    await eventually(there, 40, every=0.1, what=f"the mail {subject!r}")
    arrived = await found()
    assert arrived is not None
    return arrived


@pytest.mark.long
async def test_the_shop_drives_its_two_journeys(tmp_path: Path, visitors: Visitors) -> None:
    async with dev_stack(tmp_path / "data", *FREE_PORTS, "--shop", "--speed", "3600") as stack:
        described = await stack.ready()
        api = described["api"]
        assert f"{api}/dev/shop/" in stack.text
        auth = (described["keys"]["operate"], "")
        async with httpx.AsyncClient(base_url=api, auth=auth, timeout=60) as client:
            # The policy of the page forbids axe; nothing else of it is needed.
            context = await visitors(bypass_csp=True)
            page = await context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(f"{api}/dev/shop")
            await looks_well(page, "shop")
            await _signs_up_and_confirms(page, client)
            await _leaves_a_cart(page, client)
            await looks_well(page, "shop-used")
            assert errors == []
            await _is_one_contact(client)


async def _signs_up_and_confirms(page: Page, client: httpx.AsyncClient) -> None:
    await page.get_by_label("E-mail", exact=True).fill(ADA)
    await page.get_by_label("First name").fill("Ada")
    await page.get_by_role("button", name="Sign up").dblclick()
    done = page.locator("output")
    await expect(done).to_contain_text("Your answers have arrived.", timeout=15_000)
    question = await mail(client, "Is this you?")
    assert question["text"].startswith("Hello Ada,")
    # The shop shows the mail, and its link leads to the page of the confirmation.
    link = page.locator(".inbox a", has_text=re.compile("/c/"))
    await expect(link).to_be_visible(timeout=15_000)
    confirm = await page.context.new_page()
    await confirm.goto(str(await link.get_attribute("href")))
    await confirm.get_by_role("button", name="Yes, I would like to").click()
    await expect(confirm.get_by_role("heading", level=1)).to_have_text("Thank you")
    await expect(confirm.get_by_text("Hearth & Grain").first).to_be_visible()
    await confirm.close()
    await mail(client, "Welcome, Ada")


async def _leaves_a_cart(page: Page, client: httpx.AsyncClient) -> None:
    await page.get_by_role("button", name=re.compile("beeswax candle")).click()
    await expect(page.locator("[data-said]")).to_contain_text("for €20 or more")
    await page.get_by_label("Remind me of this cart").check()
    await page.get_by_role("button", name=re.compile("oak tray")).click()
    await expect(page.locator("[data-total]")).to_have_text("€46")
    reminder = await mail(client, "you left something behind")
    lines = reminder["text"].splitlines()
    assert lines[4:6] == ["- Beeswax candle", "- Oak tray"]
    await expect(page.locator(".inbox summary").first).to_contain_text(
        "you left something behind", timeout=15_000
    )
    await page.get_by_role("button", name="Order").click()
    await expect(page.locator("[data-empty]")).to_be_visible()

    async def ended() -> bool:
        runs = (await client.get("/v1/runs?journey=abandoned-cart")).json()["items"]
        return [run["state"] for run in runs] == ["ended"]

    await eventually(ended, 20, every=0.1, what="the end of the cart's run")


async def _is_one_contact(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/contacts", params={"email": ADA})).json()["items"]
    assert len(found) == 1
    contact = found[0]["id"]
    events = (await client.get("/v1/events", params={"contact": contact})).json()["items"]
    names = [event["name"] for event in events]
    # A double click is one submission, and the visit before it belongs to her.
    assert names.count("Form Submitted") == 1
    assert {"Page Viewed", "Cart Updated", "Order Completed", "Topic Confirmed"} <= {*names}
    consents = (await client.get(f"/v1/contacts/{contact}/consents")).json()["items"]
    assert [(each["topic"], each["state"], each["source"]) for each in consents] == [
        ("news", "pending", "form"),
        ("news", "subscribed", "confirmation"),
        ("offers", "subscribed", "form"),
    ]
    assert consents[0]["text"] == (
        "Yes, Hearth & Grain may send me the newsletter. I can stop it at any time."
    )
