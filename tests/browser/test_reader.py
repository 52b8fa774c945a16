"""The reader of a library journey's mail in a browser: confirms, chooses, leaves, comes back."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, expect
from temporalio.client import Client

from infra.settings import Settings
from journeys.library import source
from tests.browser.conftest import DESKTOP, PHONE
from tests.support.conditions import eventually
from tests.support.messages import Pool
from tests.support.operating import operating_with_inbox

ADDRESS = "ada@example.com"
BRAND = """
brand: default
name: Acme Shoes
colour: "#0b6e4f"
address: Acme Shoes Ltd, 1 High Street, London
from: Acme Shoes <letters@acme.test>
---
topic: offers
name: Weekly offers
default: opt_out
"""
LETTERS = "https://www.example.com/letters"
SHOTS = os.environ.get("SCREENSHOTS")
"""A folder for pictures of every page at both widths; none are taken by default."""


@dataclass
class Visitor:
    """Ada, her mailbox and her browser."""

    client: httpx.AsyncClient
    page: Page

    async def mails(self) -> list[dict[str, Any]]:
        answer = await self.client.get("/dev/inbox", params={"to": ADDRESS})
        mails: list[dict[str, Any]] = answer.json()
        return mails

    async def mail(self, number: int) -> dict[str, Any]:
        """The mail of a number, waited for."""

        async def there() -> bool:
            return len(await self.mails()) >= number

        await eventually(there, 30, every=0.1, what=f"mail {number}")
        return (await self.mails())[number - 1]

    async def open(self, mail: dict[str, Any]) -> None:
        """Show a mail as a mail program on the web does."""
        await self.page.goto("about:blank")
        await self.page.set_content(mail["html"])

    async def follow(self, words: str, title: str) -> None:
        """Click a link, and look at the page that it leads to."""
        await self.page.get_by_role("link", name=words).click()
        await self.sees(title)

    async def press(self, words: str, title: str) -> None:
        """Press a button, and look at the page that answers."""
        await self.page.get_by_role("button", name=words).click()
        await self.sees(title)

    async def sees(self, title: str) -> None:
        """Check what every page promises, at both widths."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        for name, (width, height) in (("phone", PHONE), ("desktop", DESKTOP)):
            await self.page.set_viewport_size({"width": width, "height": height})
            wide = await self.page.locator("main").bounding_box()
            assert wide is not None
            # Nothing has to be scrolled sideways.
            assert wide["x"] >= 0
            assert wide["x"] + wide["width"] <= width
            if SHOTS:
                file = re.sub("[^a-z]+", "-", title.lower())
                await self.page.screenshot(path=Path(SHOTS) / f"{file}-{name}.png", full_page=True)
        for button in await self.page.get_by_role("button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 44

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.is_success, answer.text
        return answer.json()

    async def statistics(self) -> dict[str, Any]:
        """The counts of the journey's steps."""
        found = await self.get("/v1/journeys/welcome/stats")
        return {step["id"]: step for step in found["steps"]}

    async def consents(self) -> list[tuple[Any, ...]]:
        """What the record says, of the e-mail address."""
        found = await self.get("/v1/contacts/ada/consents")
        return [
            (each["topic"], each["state"], each["source"])
            for each in found["items"]
            if each["channel"] == "email"
        ]


@pytest.mark.long
async def test_a_reader_confirms_chooses_leaves_and_comes_back(
    settings: Settings, pool: Pool, temporal_client: Client, tmp_path: Path, reader: BrowserContext
) -> None:
    async with operating_with_inbox(settings, pool, temporal_client, tmp_path) as operator:
        ada = Visitor(operator.http, await reader.new_page())
        await _signs_up(operator.http)
        await _confirms(ada)
        await _clicks(ada)
        await _chooses(ada)
        await _leaves(ada)
        await _is_recorded(ada)


async def _signs_up(client: httpx.AsyncClient) -> None:
    documents = [
        {"filename": "brand.yaml", "source": BRAND},
        {"filename": "welcome.yaml", "source": source("welcome")},
    ]
    applied = await client.post("/v1/apply", json={"documents": documents})
    assert applied.is_success, applied.text
    form = {"topic": "news", "source": "form", "text": "Send me the newsletter"}
    batch = [
        {"type": "identify", "userId": "ada", "traits": {"first_name": "Ada", "email": ADDRESS}},
        {"type": "track", "userId": "ada", "event": "Topic Subscribed", "properties": form},
    ]
    answer = await client.post("/v1/batch", json={"batch": batch})
    assert answer.json()["rejected"] == []


async def _confirms(ada: Visitor) -> None:
    question = await ada.mail(1)
    assert question["from"] == "letters@acme.test"
    # A question that a transaction needs is no mailing: it offers no way to leave.
    assert "List-Unsubscribe" not in question["headers"]
    await ada.open(question)
    await ada.follow("Yes, send it to me", "Confirm your subscription")
    assert await ada.consents() == [("news", "pending", "form")]
    await ada.press("Yes, I would like to", "Thank you")
    assert (await ada.consents())[-1] == ("news", "subscribed", "confirmation")


async def _clicks(ada: Visitor) -> None:
    hello = await ada.mail(2)
    await ada.open(hello)
    received = datetime.fromisoformat(hello["received_at"])
    # Only a machine follows a link as soon as the mail is there.
    await eventually(lambda: datetime.now(UTC) - received > timedelta(seconds=5))
    # The browser is led on to a host that it cannot reach.
    async with ada.page.expect_request(LETTERS):
        await ada.page.get_by_role("link", name="our readers' favourites").click()

    async def counted() -> bool:
        return bool((await ada.statistics())["hello"]["clicked"] == 1)

    await eventually(counted, 30, every=0.2, what="a click that a person made")


async def _chooses(ada: Visitor) -> None:
    await ada.open(await ada.mail(2))
    await ada.follow("Choose what you receive", "Your preferences")
    # A label is a part of what can be clicked, and the keyboard reaches each box.
    offers = ada.page.get_by_role("checkbox", name="Weekly offers")
    await expect(offers).to_be_checked()
    await ada.page.get_by_text("Weekly offers").click()
    await expect(offers).not_to_be_checked()
    await ada.press("Save", "Your preferences")
    await expect(ada.page.get_by_role("status")).to_have_text("Your preferences are saved.")
    await expect(offers).not_to_be_checked()
    await expect(ada.page.get_by_role("checkbox", name="Newsletter")).to_be_checked()
    assert (await ada.consents())[-1] == ("offers", "unsubscribed", "page")


async def _leaves(ada: Visitor) -> None:
    hello = await ada.mail(2)
    await ada.open(hello)
    await ada.follow("Unsubscribe", "Unsubscribe")
    await ada.press("Stop “Newsletter”", "You are unsubscribed")
    await ada.press("Undo", "You are subscribed again")
    assert hello["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = re.search("<(https?://[^>]+)>", hello["headers"]["List-Unsubscribe"])
    assert address is not None
    async with httpx.AsyncClient(timeout=60) as mail_program:
        form = {"List-Unsubscribe": "One-Click"}
        answer = await mail_program.post(address[1], data=form)
    assert (answer.status_code, answer.history) == (200, [])
    # She opens the same page later, by keyboard alone.
    await ada.open(hello)
    await ada.follow("Unsubscribe", "You are unsubscribed")
    await ada.page.keyboard.press("Tab")
    await expect(ada.page.get_by_role("button", name="Undo")).to_be_focused()
    await ada.page.keyboard.press("Enter")
    await ada.sees("You are subscribed again")
    await ada.page.go_back()
    await ada.page.goto(address[1])
    await ada.press("Stop all e-mail from Acme Shoes", "You are unsubscribed")
    await expect(ada.page.get_by_text("You will no longer receive e-mail")).to_be_visible()


async def _is_recorded(ada: Visitor) -> None:
    assert await ada.consents() == [
        ("news", "pending", "form"),
        ("news", "subscribed", "confirmation"),
        ("offers", "unsubscribed", "page"),
        ("news", "unsubscribed", "page"),
        ("news", "subscribed", "page"),
        ("news", "unsubscribed", "one_click"),
        ("news", "subscribed", "page"),
        (None, "unsubscribed", "page"),
    ]
    [run] = (await ada.get("/v1/runs"))["items"]
    visits = (await ada.get(f"/v1/runs/{run['id']}"))["visits"]
    assert [(visit["step"], visit["outcome"]) for visit in visits] == [
        ("confirm", "sent"),
        ("confirmed", "happened"),
        ("remind", "skipped"),
        ("late", "skipped"),
        ("gone", "skipped"),
        ("hello", "sent"),
    ]
    stats = await ada.statistics()
    assert {
        step: (each["sent"], each["clicked"], each["unsubscribed"]) for step, each in stats.items()
    } == {
        "confirm": (1, 0, 0),
        "confirmed": (0, 0, 0),
        "remind": (0, 0, 0),
        "late": (0, 0, 0),
        "gone": (0, 0, 0),
        "hello": (1, 1, 1),
    }
    assert len(await ada.mails()) == 2
