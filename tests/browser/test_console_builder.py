"""The console of marketers on the real API: the builder, and pages of journeys and contacts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from tests.browser.console_site import Console, look_over, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass
class Studio:
    """A marketer before the console, with an engine at work behind it."""

    console: Console
    operator: Operator

    async def graph(self, path: str, heading: str) -> Page:
        """A tab with the graph of a journey, once its entry is drawn."""
        page = await self.console.open(path, heading)
        await expect(card(page, "entry")).to_be_visible()
        return page

    async def document(self, journey: str) -> dict[str, Any]:
        """The live document of a journey, as the server has it."""
        answer = await self.operator.http.get(f"/v1/journeys/{journey}")
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()["document"]
        return document


@pytest.fixture
async def studio(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Studio]:
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Studio(console, operator)


def card(page: Page, key: str) -> Locator:
    """A card of the graph by its key."""
    return page.locator(f'[data-card="{key}"]')


async def drag(page: Page, what: Locator, below: str) -> None:
    """Drag something into the place below a card."""
    source, target = await what.bounding_box(), await card(page, below).bounding_box()
    assert source is not None
    assert target is not None
    await page.mouse.move(source["x"] + source["width"] / 2, source["y"] + source["height"] / 2)
    await page.mouse.down()
    x, y = target["x"] + target["width"] / 2, target["y"] + target["height"] + 12
    await page.mouse.move(x, y, steps=4)
    await expect(page.locator("[data-target]")).to_have_count(1)
    await page.mouse.up()


def kind(page: Page, name: str) -> Locator:
    """A kind of step in the palette."""
    return page.get_by_role("region", name="Steps").get_by_role("button", name=name, exact=True)


async def expect_order(page: Page, steps: list[str]) -> None:
    """Wait until these steps stand one below the other."""

    async def stand() -> bool:
        boxes = [await card(page, f"step:{step}").bounding_box() for step in steps]
        heights = [box["y"] for box in boxes if box is not None]
        return len(heights) == len(steps) and heights == sorted(heights)

    await eventually(stand, 10, what=f"{steps} in this order")


async def publish(page: Page, sentence: str) -> None:
    """Publish what is drawn, once the plan says this."""
    await page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text(sentence)).to_be_visible()
    await dialog.get_by_role("button", name="Publish", exact=True).click()
    await expect(dialog).to_be_hidden()


async def expect_missing_topic(page: Page, side: Locator) -> None:
    """A topic that is not there is said to be missing, with the way to make it."""
    await side.get_by_role("button", name="+ Topic").click()
    await side.get_by_label("Topic", exact=True).first.fill("news")
    await expect(side.get_by_text("There is no topic of this key yet.")).to_be_visible()
    made = side.get_by_role("link", name="Make it")
    assert (await made.get_attribute("href") or "").endswith("/topics/new?key=news")
    await side.get_by_role("button", name="Remove Topic").click()
    await expect(made).to_be_hidden()


async def send_a_test(page: Page, side: Locator) -> None:
    """Send what a step says to an address, without a template."""
    await side.get_by_role("button", name="Send a test").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox", name="To").fill("me@example.com")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(dialog.get_by_text("It was sent to me@example.com.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_a_journey_is_built_by_dragging_and_seen_live_without_a_line_of_yaml(
    studio: Studio,
) -> None:
    page = await studio.console.open("/journeys/new", "New journey")
    await page.get_by_label("Its key").fill("Thanks!")
    await expect(page.get_by_text("Its key is thanks, for good.")).to_be_visible()
    await page.get_by_role("button", name="Create").click()
    await expect(card(page, "step:first")).to_be_visible()

    side = page.get_by_label("Settings of what is chosen")
    await drag(page, kind(page, "E-mail"), "step:first")
    await expect(card(page, "step:email")).to_be_visible()
    await side.get_by_role("textbox", name="Subject", exact=True).fill("Thank you")
    body = side.get_by_role("textbox", name="Text", exact=True)
    await body.press_sequentially("You are with us.\n\nThis is {{ contact.email }} ")
    await expect(body).to_have_value("You are with us.\n\nThis is {{ contact.email }} ")
    await expect_missing_topic(page, side)
    # What is wrong stands on the card and below the settings, and is gone once it is mended.
    await expect(card(page, "step:email")).to_contain_text("1 problem")
    await expect(side.get_by_label("1 problem")).to_contain_text("whether the contact agreed")
    await side.get_by_role("button", name="More settings").first.click()
    await page.get_by_role("menuitem", name="Transactional").click()
    await expect(side.get_by_label("1 problem")).to_be_hidden()
    await send_a_test(page, side)

    # The wait that a new journey begins with is moved below the mail, put back, and deleted.
    await drag(page, card(page, "step:first"), "step:email")
    await expect_order(page, ["email", "first"])
    # Wherever the focus is, if not in a field.
    await side.get_by_role("button", name="Delete").press("Control+z")
    await expect_order(page, ["first", "email"])
    await card(page, "step:first").click()
    await page.keyboard.press("Delete")
    await expect(card(page, "step:first")).to_be_hidden()

    await drag(page, kind(page, "Branch"), "step:email")
    await expect(card(page, "step:branch")).to_be_visible()
    await drag(page, kind(page, "Update"), "step:branch/way:yes")
    await expect(card(page, "step:update")).to_be_visible()
    await side.get_by_role("textbox", name="Name", exact=True).last.fill("stage")
    await side.get_by_role("button", name="Add to Set").click()
    await side.get_by_role("textbox", name="stage", exact=True).last.fill("member")

    await publish(page, "It is new.")
    await expect(page.get_by_text("active", exact=True)).to_be_visible()
    assert await studio.document("thanks") == {
        "journey": "thanks",
        "name": "Thanks!",
        "entry": [{"event": "Signed Up"}],
        "steps": [
            {
                "id": "email",
                "email": {
                    "subject": "Thank you",
                    "text": "You are with us.\n\nThis is {{ contact.email }} ",
                    "transactional": True,
                },
            },
            {
                "id": "branch",
                "branch": [
                    {
                        "name": "yes",
                        "if": {"attribute": "country", "exists": True},
                        "then": [{"id": "update", "update": {"set": {"stage": "member"}}}],
                    },
                    {"else": []},
                ],
            },
        ],
    }
    await studio.operator.sign_up("ada")
    await expect(card(page, "step:email")).to_contain_text("1 sent", timeout=30_000)
    assert await look_over(page, "journey-graph") == []
    # Asking for a journey that has no version yet is answered by 404, which the browser notes.
    errors = studio.console.errors
    errors[:] = [each for each in errors if "404" not in each]


GREETING = """# Greets those who sign up.
journey: greeting
entry: {event: Signed Up}
steps:
  - id: hello   # the first of all
    email:
      subject: Hello
      html: "<h1 style='color: teal'>Hello</h1><script>document.title = 'run'</script>"
      text: Hello
      transactional: true
  - {id: rest, wait: 2d}
  - id: where
    branch:
      - name: france
        if: {attribute: country, is: FR}
        then: [{id: mark, update: {set: {fr: true}}}]
      - else: []
"""


async def saved(studio: Studio) -> None:
    """Put the greeting on the server, as a draft of a version."""
    answer = await studio.operator.http.put(
        "/v1/journeys/greeting",
        content=GREETING.encode(),
        headers={"Content-Type": "application/yaml"},
    )
    assert answer.status_code == 200, answer.text


async def kept_text(studio: Studio) -> str | None:
    """The draft of the greeting on the server; None without one."""
    answer = await studio.operator.http.get("/v1/drafts/journey/greeting")
    return answer.json()["text"] if answer.status_code == 200 else None


async def test_an_edit_is_one_line_of_the_file_and_is_undone_after_a_reload(studio: Studio) -> None:
    await saved(studio)
    page = await studio.graph("/journeys/greeting", "greeting")
    await card(page, "step:rest").click()
    side = page.get_by_label("Settings of what is chosen")
    await side.get_by_role("textbox", name="Wait", exact=True).fill("3d")
    await expect(card(page, "step:rest")).to_contain_text("3 days")
    changed = GREETING.replace("wait: 2d", "wait: 3d")

    async def is_kept() -> bool:
        return await kept_text(studio) == changed

    await eventually(is_kept, 10, what="the draft with one changed line")
    await page.reload()
    await expect(card(page, "step:rest")).to_contain_text("3 days")
    await page.get_by_role("button", name="Undo").click()
    await expect(card(page, "step:rest")).to_contain_text("2 days")

    async def is_as_before() -> bool:
        return await kept_text(studio) == GREETING

    await eventually(is_as_before, 10, what="the draft as it was")


async def test_two_who_edit_a_journey_see_each_other_and_lose_nothing(
    studio: Studio, browser: Browser
) -> None:
    await saved(studio)
    made = await studio.operator.http.post("/v1/keys", json={"scope": "operate", "name": "grace"})
    first = await studio.graph("/journeys/greeting", "greeting")
    async with signed_in(browser, studio.console.url, made.json()["key"]) as other:
        second = await other.open("/journeys/greeting", "greeting")
        await card(second, "step:rest").click()
        await second.keyboard.press("Delete")
        await expect(second.get_by_text("All is kept as a draft.")).to_be_visible()
        await card(first, "step:hello").click()
        side = first.get_by_label("Settings of what is chosen")
        await side.get_by_role("textbox", name="Subject").fill("Good day")
        await expect(first.get_by_text("grace has changed this draft since.")).to_be_visible()
        await expect(card(first, "step:hello")).to_contain_text("Good day")
        await first.get_by_text("Their text", exact=True).click()
        await expect(first.locator("pre", has_text="journey: greeting")).not_to_contain_text("2d")
        await first.get_by_role("button", name="Keep mine, over theirs").click()

        async def is_mine() -> bool:
            text = await kept_text(studio)
            return text is not None and "Good day" in text and "wait: 2d" in text

        await eventually(is_mine, 10, what="the first one's text")
    # That the draft was another one is an answer of 412, which the browser notes.
    errors = studio.console.errors
    errors[:] = [each for each in errors if "412" not in each]


async def test_a_journey_is_tried_and_its_mail_runs_nothing(studio: Studio) -> None:
    await saved(studio)
    page = await studio.graph("/journeys/greeting", "greeting")
    await page.get_by_text("Try it", exact=True).click()
    trial = page.get_by_role("region", name="Try it")
    # Its path is brought into view, wherever one was.
    await card(page, "step:mark").hover()
    await page.mouse.wheel(0, 3000)
    await expect(card(page, "step:mark")).to_have_count(0)
    await trial.get_by_role("button", name="Play").click()
    lines = trial.get_by_role("list", name="What happened").get_by_role("listitem")
    await expect(lines.filter(has_text="mark")).to_be_visible(timeout=90_000)
    await expect(card(page, "entry")).to_have_attribute("data-path", "true")
    await lines.filter(has_text="Hello").get_by_role("button", name="Open").click()
    frame = page.frame_locator("iframe")
    heading = frame.get_by_role("heading", name="Hello")
    await expect(heading).to_have_css("color", "rgb(0, 128, 128)")
    assert await page.title() != "run"
    errors = studio.console.errors
    errors[:] = [each for each in errors if "sandboxed" not in each]


async def test_each_page_of_journeys_and_contacts_opens_and_is_sound(studio: Studio) -> None:
    await saved(studio)
    made = await studio.operator.http.post("/v1/journeys/greeting/activate")
    assert made.status_code == 200, made.text
    made = await studio.operator.http.put(
        "/v1/segments/french",
        json={"segment": "french", "if": {"attribute": "country", "is": "FR"}},
    )
    assert made.status_code == 200, made.text
    await studio.operator.sign_up("ada", country="FR")

    async def settled() -> bool:
        return bool(await studio.operator.items("/v1/runs", journey="greeting", step="rest"))

    await eventually(settled, 60)
    pages = [
        ("/", "Today"),
        ("/journeys", "Journeys"),
        ("/journeys/new", "New journey"),
        *((f"/journeys/greeting/{tab}", "greeting") for tab in JOURNEY_TABS),
        ("/segments", "Segments"),
        *((f"/segments/french/{tab}", "french") for tab in SEGMENT_TABS),
        ("/contacts", "Contacts"),
        *((f"/contacts/ada/{tab}", "ada@example.com") for tab in CONTACT_TABS),
        ("/contacts/ada/why?journey=greeting", "ada@example.com"),
    ]
    found = await studio.console.faults_of(
        (path, heading, path.strip("/").replace("/", "-").partition("?")[0])
        for path, heading in pages
    )
    assert found == [], "\n".join(found)


JOURNEY_TABS = ("results", "people", "messages", "versions", "text")
SEGMENT_TABS = ("condition", "members", "changes")
CONTACT_TABS = ("timeline", "journeys", "messages", "consents", "profile")
