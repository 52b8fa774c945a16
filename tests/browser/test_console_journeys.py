"""Two journeys from nothing to live, by pointer and by keyboard, without a line of YAML."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.client import Client

from infra.settings import Settings
from tests.browser.console_site import Console, signed_in
from tests.browser.hands import Hands, Keyboard, Pointer, card
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

WELCOME: Final = """
journey: welcome
entry: {event: Topic Subscribed, where: {topic: news}}
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
entry: {event: Cart Updated, where: {total: {gte: 20}}, key: cart_id}
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
        offer = self.side.get_by_role("button", name=f"+ {setting}", exact=True)
        await self.hands.press(offer.last)

    async def more(self, setting: str, place: int = 0) -> None:
        """Add one of the further settings."""
        await self.hands.press(self.side.get_by_role("button", name="More settings").nth(place))
        await self.hands.take(self.page.get_by_role("menuitem", name=setting, exact=True))

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
        await self.add("Template")
        await self.hands.write(self.box("Template"), template)
        await self.add("Topic")
        await self.hands.write(self.box("Topic"), topic)

    async def length(self, label: str, count: int, unit: str) -> None:
        """Write how long something takes."""
        await self.hands.write(self.box(label), str(count))
        await self.hands.pick(self.side.get_by_label(f"{label}: unit"), unit)

    async def where(self, name: str, comparison: str, value: str) -> None:
        """Ask for a property of the event."""
        await self.add("Where")
        line = self.side.get_by_role("group", name="Changing: where")
        await self.hands.write(line.get_by_label("Property", exact=True), name)
        await self.hands.pick(line.get_by_label("Comparison"), comparison)
        await self.hands.write(line.get_by_label("Value", exact=True), value)
        await self.hands.press(line.get_by_role("button", name="Done"))

    async def where_same(self, name: str) -> None:
        """Ask for a property of the event that is the one of the entry."""
        await self.add("Where")
        line = self.side.get_by_role("group", name="Changing: where")
        await self.hands.write(line.get_by_label("Property", exact=True), name)
        await self.hands.press(line.get_by_role("button", name="Compared with"))
        compared = line.get_by_role("combobox", name="Compared with")
        await self.hands.pick(compared, "a property of the entry")
        await self.hands.write(line.get_by_label("Property", exact=True).last, name)
        await self.hands.press(line.get_by_role("button", name="Done"))

    async def if_step(self, way: str, name: str, step: str, outcome: str) -> None:
        """Let a way be taken if a step ended so."""
        await self.hands.choose(way)
        await self.hands.write(self.box("Name"), name)
        renamed = way.rpartition(":")[0] + f":{name}"
        await expect(card(self.page, renamed)).to_be_visible()
        await self.hands.press(self.side.get_by_role("button", name="Ask something else"))
        await self.hands.take(self.page.get_by_role("menuitem", name="Step of this journey"))
        line = self.side.get_by_role("group", name="Changing: step")
        await self.hands.write(line.get_by_label("Step", exact=True), step)
        await self.hands.write(line.get_by_label("Value", exact=True), outcome)
        await self.hands.press(line.get_by_role("button", name="Done"))


async def build_welcome(maker: Maker) -> None:
    """A question, and mails once the answer is yes."""
    hands, side = maker.hands, maker.side
    await hands.choose("entry")
    await hands.write(maker.box("Event"), "Topic Subscribed")
    await maker.where("topic", "is", "news")
    await maker.email("entry", "ask", "confirm", "news")
    await maker.more("Transactional: consent and quiet hours do not hold")
    await maker.call("first", "confirmed")
    await hands.pick(side.get_by_role("combobox", name="Form of Wait"), "an event")
    await hands.write(maker.box("Event"), "Topic Confirmed")
    await maker.where("topic", "is", "news")
    await maker.add("But no longer than")
    await maker.length("But no longer than", 30, "days")
    await hands.insert("Branch", "step:confirmed")
    await maker.call("branch", "answer")
    await maker.if_step("step:answer/way:yes", "confirmed", "confirmed", "happened")
    await maker.email("step:answer/way:confirmed", "hello", "hello", "news")
    await hands.insert("Wait", "step:hello")
    await maker.call("wait", "pause")
    await maker.length("Wait", 2, "days")
    await hands.insert("E-mail", "step:pause")
    await maker.call("email", "tips")
    await hands.write(maker.box("Subject"), "Three tips")
    await hands.write(maker.box("Text"), "Here they are")
    await maker.add("Topic")
    await hands.write(maker.box("Topic"), "news")
    await hands.leave()
    await hands.press(side.get_by_role("button", name="Add an exit"))
    await hands.write(maker.box("Event"), "Topic Unsubscribed")
    await maker.where("topic", "is", "news")


async def build_cart(maker: Maker) -> None:
    """A reminder for one half; for the other a coupon, or a reminder once there are none left."""
    hands, side = maker.hands, maker.side
    await hands.choose("entry")
    await hands.write(maker.box("Event"), "Cart Updated")
    await maker.where("total", "is at least", "20")
    await maker.add("One run for each")
    await hands.write(maker.box("One run for each"), "cart_id")
    await maker.call("first", "quiet")
    await maker.length("Wait", 1, "hours")
    await hands.insert("Split", "step:quiet")
    await maker.call("split", "test")
    for way, name in (("a", "plain"), ("b", "coupon")):
        await hands.choose(f"step:test/way:{way}")
        await hands.write(maker.box("Name"), name)
    await maker.email("step:test/way:plain", "remind", "remind", "offers")
    await hands.insert("Coupon", "step:test/way:coupon")
    await maker.call("coupon", "code")
    await hands.write(maker.box("Pool of codes"), "cart10")
    await hands.insert("Branch", "step:code")
    await maker.call("branch", "offer")
    await maker.if_step("step:offer/way:yes", "drawn", "code", "drawn")
    await maker.email("step:offer/way:drawn", "ten", "ten", "offers")
    await maker.email("step:offer/else", "last", "remind", "offers")
    await hands.leave()
    await hands.press(side.get_by_role("button", name="Set a goal"))
    await hands.write(maker.box("Event"), "Order Completed")
    await maker.add("Within")
    await maker.length("Within", 7, "days")
    await hands.press(side.get_by_role("button", name="Add an exit"))
    await hands.write(maker.box("Event").last, "Order Completed")
    await maker.where_same("cart_id")


def values(text: str) -> Any:
    """The values of a document, by a parser that the console does not use."""
    return YAML(typ="safe").load(text)


async def try_it(maker: Maker, happening: str, step: str) -> None:
    """Play what is drawn for an invented contact: it passes a step, and its path is lit."""
    page, hands = maker.page, maker.hands
    await hands.switch(page.get_by_role("radio", name="Try it"))
    trial = page.get_by_role("region", name="Try it")
    await hands.write(trial.get_by_label("What it does"), happening)
    await hands.press(trial.get_by_role("button", name="Play"))
    lines = trial.get_by_role("list", name="What happened").get_by_role("listitem")
    await expect(lines.filter(has_text=f"· {step} ·").first).to_be_visible(timeout=120_000)
    await expect(page.locator("[data-card][data-path]").first).to_be_visible()
    await hands.switch(page.get_by_role("radio", name="Settings"))


async def publish(maker: Maker) -> None:
    """Make what is drawn live."""
    page, hands = maker.page, maker.hands
    await hands.press(page.get_by_role("button", name="Publish…"))
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("It is new.")).to_be_visible(timeout=20_000)
    await hands.press(dialog.get_by_role("button", name="Publish", exact=True))
    await expect(dialog).to_be_hidden(timeout=20_000)
    await expect(page.get_by_text("active", exact=True)).to_be_visible(timeout=20_000)


async def expect_live(maker: Maker, key: str, figure: str) -> None:
    """Go to a card, and wait until it says this figure."""
    await maker.hands.choose(key)
    await expect(card(maker.page, key)).to_contain_text(figure, timeout=60_000)


async def make_welcome(shop: Shop, hands: Hands) -> Page:
    """The welcome from nothing to live, with one reader who has said yes."""
    maker = Maker(hands)
    await maker.begin("welcome")
    await build_welcome(maker)
    happening = "+0m Topic Subscribed; topic: news\n+1h Topic Confirmed; topic: news"
    await try_it(maker, happening, "tips")
    await publish(maker)
    text = await shop.source("welcome")
    assert values(text) == values(WELCOME), text
    await shop.identify("ada")
    await shop.track("ada", "Topic Subscribed", topic="news")
    await expect_live(maker, "step:ask", "1 sent")
    # A reader confirms by the link; its page records this for her.
    confirmed = {"userId": "ada", "event": "Topic Confirmed", "properties": {"topic": "news"}}
    answer = await shop.operator.http.post("/v1/track", json=confirmed)
    assert answer.status_code == 200, answer.text
    await expect_live(maker, "step:hello", "1 sent")
    return maker.page


async def make_cart(shop: Shop, hands: Hands) -> Page:
    """The cart from nothing to live, with shoppers on both ways."""
    maker = Maker(hands)
    await maker.begin("cart")
    await build_cart(maker)
    await try_it(maker, "+0m Cart Updated; total: 50; cart_id: c-1", "test")
    await publish(maker)
    text = await shop.source("cart")
    assert values(text) == values(CART), text
    for contact in SHOPPERS:
        await shop.identify(contact)
        await shop.track(contact, "Cart Updated", total=50, cart_id=f"of-{contact}")
    await expect_live(maker, "step:remind", "sent")
    await expect_live(maker, "step:ten", "sent")
    runs = await shop.operator.items("/v1/runs", journey="cart")
    assert len(runs) == len(SHOPPERS)
    return maker.page


async def validated(shop: Shop, folder: Path) -> None:
    """Whether the command line finds the files valid, as it would those of a hand."""
    for journey in ("welcome", "cart"):
        file = folder / f"{journey}.yaml"
        file.write_text(f"{await shop.source(journey)}\n---\n{NEEDED}", encoding="utf-8")
        said = await shop.operator.command(f"parcours journey validate {file}")
        assert "no errors" in said, said


async def test_journeys_are_built_by_pointer_and_seen_live(shop: Shop, tmp_path: Path) -> None:
    await make_welcome(shop, Pointer(await shop.console.open("/", "Today")))
    await make_cart(shop, Pointer(await shop.console.open("/", "Today")))
    await validated(shop, tmp_path)
    forgive(shop.console)


async def test_journeys_are_built_by_keyboard_alone_and_seen_live(
    shop: Shop, tmp_path: Path
) -> None:
    for make in (make_welcome, make_cart):
        hands = await Keyboard.at(await shop.console.open("/", "Today"))
        await make(shop, hands)
        assert await hands.pointers() == 0
    await validated(shop, tmp_path)
    forgive(shop.console)


def forgive(console: Console) -> None:
    """Asking for a journey that has no version yet is answered by 404, which the browser notes."""
    console.errors[:] = [each for each in console.errors if "404" not in each]
