"""Two journeys from nothing to live, by pointer and by keyboard, without a line of YAML."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.client import Client

from devstack.inbox import Inbox
from devstack.ports import free_port
from devstack.smtp_sink import start_sink
from infra.settings import Settings
from tests.browser.conftest import Visitors
from tests.browser.console_site import Console, signed_in
from tests.browser.hands import Hands, Keyboard, Pointer, card
from tests.browser.marketer import Maker
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating

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
OBJECTS: Final = {
    "welcome": """
topic: news
name: News
default: double
---
template: confirm
subject: Please confirm
html: '<p><a href="{{ confirm_url }}">Yes, send it to me</a></p>'
---
template: hello
subject: Welcome
html: <p>Good that you are here.</p>
""",
    "cart": """
topic: offers
name: Offers
default: opt_out
---
template: remind
subject: Your cart is waiting
html: <p>It is still here.</p>
---
template: ten
subject: Ten percent for you
html: '<p>Your code: {{ steps.code.code }}</p>'
""",
}
"""What each journey needs, as a hand would write it: the pages of the console make the same."""
CODES: Final = b"code\n" + b"".join(b"TEN-%d\n" % number for number in range(100))
HOUR_IN_SECONDS: Final = 3600
"""What waits are divided by: an hour is a second."""
REST: Final = "{journey: rest, entry: {event: Go}, steps: [{id: rest, wait: 1h}]}"
SOMEBODY: Final = {"person": {"userId": "ada"}, "events": [{"at": "+0m", "event": "Go"}]}
MOST_KEYS: Final = 12
"""That lead from one field of the builder's settings to any other one."""
MEAN_KEYS: Final = 3
SHOPPERS: Final = tuple(f"shopper-{number}" for number in range(8))


@dataclass
class Shop:
    """A marketer before an empty console, with an engine at work behind it."""

    console: Console
    operator: Operator
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

    async def source(self, kind: str, key: str) -> str:
        """The text of a document as it is live."""
        answer = await self.operator.http.get(f"/v1/{kind}/{key}")
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["source"]
        return text

    async def mail_to(self, contact: str) -> dict[str, Any]:
        """The first mail to a contact that is in the inbox, waited for."""
        mails: list[dict[str, Any]] = []

        async def arrived() -> bool:
            found = await self.ingest.get("/dev/inbox", params={"to": f"{contact}@example.com"})
            mails[:] = found.json()
            return bool(mails)

        await eventually(arrived, 30, every=0.1, what=f"mail to {contact}")
        return mails[0]


@pytest.fixture
async def shop(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    tmp_path: Path,
) -> AsyncIterator[Shop]:
    inbox = tmp_path / "inbox.jsonl"
    mail = await start_sink(Inbox(inbox), 0)
    address = f"smtp://127.0.0.1:{mail.sockets[0].getsockname()[1]}"
    fast = settings.model_copy(update={"speed": float(HOUR_IN_SECONDS), "dev_inbox": inbox})
    async with (
        mail,
        operating(fast, pool, temporal_client, address, tmp_path, port=free_port()) as operator,
    ):
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        made = await operator.http.post("/v1/keys", json={"scope": "ingest", "name": "site"})
        async with (
            httpx.AsyncClient(
                base_url=stack["api"],
                headers={"Authorization": f"Bearer {made.json()['key']}"},
                trust_env=False,
                timeout=30,
            ) as ingest,
            signed_in(browser, stack["api"], stack["keys"]["admin"]) as console,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(warmed_up(operator))
            yield Shop(console, operator, ingest)


async def warmed_up(operator: Operator) -> None:
    """Let the API begin what plays trials, which takes some seconds, while a journey is built."""
    body = {"journey": "rest", "files": [{"filename": "rest.yaml", "source": REST}], **SOMEBODY}
    answer = await operator.http.post("/v1/simulate", json=body, timeout=120)
    assert answer.status_code == 200, answer.text


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


async def confirm(page: Page, hands: Hands, mail: dict[str, Any]) -> None:
    """Open a mail as its reader does, follow its link, and press the button of the page."""
    await page.set_content(mail["html"])
    await hands.press(page.get_by_role("link", name="Yes, send it to me"))
    await hands.press(page.get_by_role("button", name="Yes, I would like to"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


async def make_welcome(shop: Shop, hands: Hands, reader: Page, of_reader: Hands) -> None:
    """The welcome from nothing to live, with one reader who has said yes."""
    maker = Maker(hands)
    await maker.make_objects(OBJECTS["welcome"])
    await maker.begin("welcome")
    await build_welcome(maker)
    happening = "+0m Topic Subscribed; topic: news\n+1h Topic Confirmed; topic: news"
    await try_it(maker, happening, "tips")
    await publish(maker)
    await expect_as_written(shop, "welcome", WELCOME)
    await shop.identify("ada")
    await shop.track("ada", "Topic Subscribed", topic="news")
    await expect_live(maker, "step:ask", "1 sent")
    await confirm(reader, of_reader, await shop.mail_to("ada"))
    await expect_live(maker, "step:hello", "1 sent")


async def make_cart(shop: Shop, hands: Hands) -> None:
    """The cart from nothing to live, with shoppers on both ways."""
    maker = Maker(hands)
    await maker.make_objects(OBJECTS["cart"])
    await maker.make_pool("cart10", CODES)
    await maker.begin("cart")
    await build_cart(maker)
    await try_it(maker, "+0m Cart Updated; total: 50; cart_id: c-1", "test")
    await publish(maker)
    await expect_as_written(shop, "cart", CART)
    for contact in SHOPPERS:
        await shop.identify(contact)
        await shop.track(contact, "Cart Updated", total=50, cart_id=f"of-{contact}")
    await expect_live(maker, "step:remind", "sent")
    await expect_live(maker, "step:ten", "sent")
    runs = await shop.operator.items("/v1/runs", journey="cart")
    assert len(runs) == len(SHOPPERS)
    drawn = {each["code"] for each in await shop.operator.items("/v1/coupons/cart10/draws")}
    assert drawn
    assert drawn < {code.decode() for code in CODES.split()}


async def expect_as_written(shop: Shop, journey: str, written: str) -> None:
    """Check that a journey and its objects are what a hand would write, and found valid."""
    text = await shop.source("journeys", journey)
    assert values(text) == values(written), text
    for each in YAML(typ="safe").load_all(OBJECTS[journey]):
        kind = "topic" if "topic" in each else "template"
        text = await shop.source(f"{kind}s", each[kind])
        assert values(text) == each, text


async def validated(shop: Shop, folder: Path) -> None:
    """Whether the command line finds the files valid, as it would those of a hand."""
    for journey, objects in OBJECTS.items():
        file = folder / f"{journey}.yaml"
        source = await shop.source("journeys", journey)
        file.write_text(f"{source}\n---\n{objects}", encoding="utf-8")
        said = await shop.operator.command(f"parcours journey validate {file}")
        assert "no errors" in said, said


async def test_journeys_are_built_by_pointer_and_seen_live(
    shop: Shop, visitors: Visitors, tmp_path: Path
) -> None:
    reader = await (await visitors()).new_page()
    hands = Pointer(await shop.console.open("/", "Today"))
    await make_welcome(shop, hands, reader, Pointer(reader))
    await make_cart(shop, hands)
    await validated(shop, tmp_path)
    forgive(shop.console)


async def test_journeys_are_built_by_keyboard_alone_and_seen_live(
    shop: Shop, visitors: Visitors, tmp_path: Path
) -> None:
    reader = await (await visitors()).new_page()
    hands = await Keyboard.at(await shop.console.open("/", "Today"))
    await make_welcome(shop, hands, reader, await Keyboard.at(reader))
    await make_cart(shop, hands)
    assert await hands.pointers() == 0
    check_ways(hands.presses)
    await validated(shop, tmp_path)
    forgive(shop.console)


def check_ways(presses: list[tuple[int, str]]) -> None:
    """Each field is a few keys away, and most of them are next to where one is."""
    assert len(presses) > 50, presses
    far = [each for each in presses if each[0] > MOST_KEYS]
    assert far == []
    assert sum(keys for keys, _ in presses) <= MEAN_KEYS * len(presses), presses


def forgive(console: Console) -> None:
    """Leave out what the browser notes of answers that the pages ask for and expect.

    Asking for a document that has no version yet is answered by 404, and a preview of a template
    that is half written by 422.
    """
    expected = ("404", "422")
    console.errors[:] = [
        each for each in console.errors if not any(status in each for status in expected)
    ]
