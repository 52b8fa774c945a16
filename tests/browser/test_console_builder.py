"""The builder of the console on the real API: a journey is built by hand and seen live."""

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


async def test_a_journey_is_built_by_dragging_and_seen_live_without_a_line_of_yaml(
    studio: Studio,
) -> None:
    page = await studio.console.open("/journeys/new", "New journey")
    await page.get_by_label("Its key").fill("thanks")
    await page.get_by_role("button", name="Create").click()
    await expect(card(page, "step:first")).to_be_visible()

    side = page.get_by_label("Settings of what is chosen")
    await drag(page, kind(page, "E-mail"), "step:first")
    await expect(card(page, "step:email")).to_be_visible()
    await side.get_by_role("textbox", name="Subject", exact=True).fill("Thank you")
    await side.get_by_role("textbox", name="Text", exact=True).fill(
        "You are with us: {{ contact.email }}"
    )
    await side.get_by_role("button", name="More settings").first.click()
    await page.get_by_role("menuitem", name="Transactional").click()

    # The wait that a new journey begins with is moved below the mail, put back, and deleted.
    await drag(page, card(page, "step:first"), "step:email")
    await expect_order(page, ["email", "first"])
    await card(page, "step:first").focus()
    await page.keyboard.press("Control+z")
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
        "entry": [{"event": "Signed Up"}],
        "steps": [
            {
                "id": "email",
                "email": {
                    "subject": "Thank you",
                    "text": "You are with us: {{ contact.email }}",
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
