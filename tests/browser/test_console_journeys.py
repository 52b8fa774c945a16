"""Two journeys from nothing to live, by pointer and by keyboard, without a line of YAML."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from playwright.async_api import Browser, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from tests.browser.console_site import Console, signed_in
from tests.browser.hands import Hands, Keyboard, Pointer, card
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

WELCOME: Final = """
journey: welcome
entry: [{event: Topic Subscribed, where: {topic: news}}]
exit: [{event: Topic Unsubscribed, where: {topic: news}}]
steps:
  - {id: ask, email: {template: confirm, topic: news, transactional: true}}
  - {id: confirmed, wait: {event: Topic Confirmed, where: {topic: news}, up_to: 30d}}
  - id: answer
    branch:
      - name: confirmed
        if: {step: confirmed, is: happened}
        then:
          - {id: hello, email: {template: hello, topic: news}}
          - {id: pause, wait: 2d}
          - {id: tips, email: {subject: Three tips, text: Here they are, topic: news}}
      - else: []
"""
CART: Final = """
journey: cart
entry: [{event: Cart Updated, where: {total: {gte: 20}}, key: cart_id}]
exit: [{event: Order Completed, where: {cart_id: {entry: cart_id}}}]
goal: {event: Order Completed, within: 7d}
steps:
  - {id: quiet, wait: 1h}
  - id: test
    split:
      - name: plain
        weight: 50
        then:
          - {id: remind, email: {template: remind, topic: offers}}
      - name: coupon
        weight: 50
        then:
          - {id: code, coupon: {pool: cart10}}
          - id: offer
            branch:
              - name: drawn
                if: {step: code, is: drawn}
                then:
                  - {id: ten, email: {template: ten, topic: offers}}
              - else:
                  - {id: last, email: {template: remind, topic: offers}}
"""
NEEDED: Final = """
topic: news
name: News
default: double
---
topic: offers
name: Offers
default: opt_out
---
template: confirm
subject: Please confirm
text: "Click here: {{ confirm_url }}"
---
template: hello
subject: Welcome
text: Good that you are here.
---
template: remind
subject: Your cart is waiting
text: It is still here.
---
template: ten
subject: Ten percent for you
text: "Your code: {{ steps.code.code }}"
"""
HOUR_IN_SECONDS: Final = 3600
"""What waits are divided by: an hour is a second."""
SHOPPERS: Final = tuple(f"shopper-{number}" for number in range(8))


@dataclass
class Shop:
    """A marketer before an empty console, with an engine at work behind it."""

    console: Console
    operator: Operator
    smtp: SmtpSink
    ingest: httpx.AsyncClient
    """What the shop's site has: a key that records events, and nothing else."""

    async def track(self, contact: str, event: str, **properties: Any) -> None:
        """Record an event, as the shop's site does."""
        answer = await self.ingest.post(
            "/v1/track", json={"userId": contact, "event": event, "properties": properties}
        )
        assert answer.status_code == 200, answer.text

    async def identify(self, contact: str) -> None:
        """Make a contact known by its address."""
        answer = await self.ingest.post(
            "/v1/identify",
            json={"userId": contact, "traits": {"email": f"{contact}@example.com"}},
        )
        assert answer.status_code == 200, answer.text

    async def source(self, journey: str) -> str:
        """The text of a journey as it is live."""
        answer = await self.operator.http.get(f"/v1/journeys/{journey}")
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["source"]
        return text


@pytest.fixture
async def shop(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Shop]:
    fast = settings.model_copy(update={"speed": float(HOUR_IN_SECONDS)})
    async with operating(fast, pool, temporal_client, smtp_sink, tmp_path) as operator:
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        needed = [{"filename": "needed.yaml", "source": NEEDED}]
        applied = await operator.http.post("/v1/apply", json={"documents": needed})
        assert applied.status_code == 200, applied.text
        codes = "code\n" + "".join(f"TEN-{number}\n" for number in range(100))
        added = await operator.http.post(
            "/v1/coupons/cart10", content=codes, headers={"Content-Type": "text/csv"}
        )
        assert added.status_code == 200, added.text
        made = await operator.http.post("/v1/keys", json={"scope": "ingest", "name": "site"})
        async with (
            httpx.AsyncClient(
                base_url=stack["api"],
                headers={"Authorization": f"Bearer {made.json()['key']}"},
                trust_env=False,
                timeout=30,
            ) as ingest,
            signed_in(browser, stack["api"], stack["keys"]["admin"]) as console,
        ):
            yield Shop(console, operator, smtp_sink, ingest)


class Maker:
    """Somebody who fills in the settings of what is chosen."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.page = hands.page
        self.side = self.page.get_by_role("region", name="Settings of what is chosen")

    def box(self, label: str) -> Locator:
        """A field in which a text is written."""
        return self.side.get_by_role("textbox", name=label, exact=True).or_(
            self.side.get_by_role("combobox", name=label, exact=True)
        )

    async def begin(self, journey: str) -> None:
        """From the first page to an empty journey."""
        press = self.hands.press
        await press(self.page.get_by_role("link", name="Journeys", exact=True))
        await press(self.page.get_by_role("link", name="New journey"))
        await self.hands.write(self.page.get_by_label("Its key"), journey)
        await press(self.page.get_by_role("button", name="Create"))
        await expect(card(self.page, "entry")).to_be_visible()

    async def add(self, setting: str) -> None:
        """Add one of the settings that are offered first."""
        await self.hands.press(self.side.get_by_role("button", name=f"+ {setting}", exact=True))

    async def more(self, setting: str, place: int = 0) -> None:
        """Add one of the further settings."""
        await self.hands.press(self.side.get_by_role("button", name="More settings").nth(place))
        await self.hands.press(self.page.get_by_role("menuitem", name=setting, exact=True))

    async def call(self, step: str, name: str) -> None:
        """Give a step another name."""
        await self.hands.choose(f"step:{step}")
        await self.hands.write(self.box("Name of the step"), name)
        await self.page.keyboard.press("Enter")
        await expect(card(self.page, f"step:{name}")).to_be_visible()

    async def email(self, below: str, name: str, template: str, topic: str) -> None:
        """Insert a mail of a template below a card."""
        await self.hands.insert("E-mail", below)
        await self.call("email", name)
        for written in ("Subject", "Text"):
            await self.hands.press(self.side.get_by_role("button", name=f"Remove {written}"))
        await self.add("Template")
        await self.hands.write(self.box("Template"), template)
        await self.add("Topic")
        await self.hands.write(self.box("Topic"), topic)

    async def where(self, name: str) -> None:
        """Ask for a property of the event."""
        await self.add("Where")
        await self.hands.write(self.side.get_by_role("textbox", name="Name", exact=True), name)
        await self.hands.press(self.side.get_by_role("button", name="Add to Where"))

    async def step_ended(self, way: str, step: str, outcome: str) -> None:
        """Let a way be taken if a step ended so."""
        await self.hands.choose(way)
        sentence = self.side.get_by_role("button", name="Change: country has any value")
        remove = self.side.get_by_role("button", name="Remove: country has any value")
        await self.hands.press(sentence)
        _ = remove, step, outcome
        raise NotImplementedError


async def build_welcome(maker: Maker, journey: str) -> None:
    """A question, and three mails once the answer is yes."""
    hands, side = maker.hands, maker.side
    await maker.begin(journey)
    await hands.choose("entry")
    await hands.write(maker.box("Event"), "Topic Subscribed")
    await maker.where("topic")
    await hands.write(maker.box("topic"), "news")
    await maker.email("entry", "ask", "confirm", "news")
    await maker.more("Transactional: consent and quiet hours do not hold")
    await maker.call("first", "confirmed")
    await hands.pick(side.get_by_role("combobox", name="Form of Wait"), "Event")
    await hands.write(maker.box("Event"), "Topic Confirmed")
    await maker.where("topic")
    await hands.write(maker.box("topic"), "news")
    await maker.add("But no longer than")
    await hands.write(maker.box("But no longer than"), "30d")
    await hands.insert("Branch", "step:confirmed")
    await maker.call("branch", "answer")


def values(text: str) -> Any:
    """The values of a document, by a parser that the console does not use."""
    return yaml.safe_load(text)


def expected(text: str, journey: str) -> Any:
    """The values of a hand-written journey under another key."""
    return {**values(text), "journey": journey}


_ = (re, eventually, Pointer, Keyboard, Page, WELCOME, CART, SHOPPERS)
