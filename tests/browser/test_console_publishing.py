"""Publishing in the console: runs in flight led to other steps, figures that change as one looks,
experiments, and views of lists that the server keeps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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

OFFERS: Final = """journey: offers
entry: {event: Signed Up}
goal: {event: Ordered}
steps:
  - id: ask
    split:
      - {name: a, weight: 50, then: []}
      - {name: b, weight: 50, then: []}
  - id: where
    branch:
      - name: france
        if: {attribute: country, is: FR}
        then: [{id: rest, wait: 30d}]
      - else: [{id: pause, wait: 30d}]
  - {id: thanks, email: {subject: Thank you, text: Thanks, transactional: true}}
"""
"""Those from France wait at one step, and all others at another one."""
CONTACTS: Final = {"ada": "FR", "grace": "FR", "edsger": "FR", "alan": "GB", "donald": "US"}
RESTING: Final = 3
PAUSING: Final = 2


@dataclass
class Desk:
    """A marketer before a console, with an engine at work behind it."""

    console: Console
    operator: Operator

    async def publish(self, text: str) -> None:
        """Make a text live by the API."""
        answer = await self.operator.http.post(
            "/v1/apply", json={"documents": [{"filename": "offers.yaml", "source": text}]}
        )
        assert answer.status_code == 200, answer.text

    async def standing(self) -> dict[str | None, int]:
        """How many active runs stand at each step."""
        found: dict[str | None, int] = {}
        for run in await self.operator.items("/v1/runs", journey="offers", state="active"):
            found[run["step"]] = found.get(run["step"], 0) + 1
        return found


@pytest.fixture
async def desk(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Desk]:
    """Five contacts who wait in two ways of a branch."""
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            desk = Desk(console, operator)
            await desk.publish(OFFERS)
            for contact, country in CONTACTS.items():
                await operator.sign_up(contact, country=country)

            async def waiting() -> bool:
                return await desk.standing() == {"rest": RESTING, "pause": PAUSING}

            await eventually(waiting, 60)
            yield desk


def card(page: Page, key: str) -> Locator:
    """A card of the graph by its key."""
    return page.locator(f'[data-card="{key}"]')


async def rename(page: Page, step: str, name: str) -> None:
    """Give a step of the graph another name."""
    await page.get_by_role("combobox", name="Find a step").fill(step)
    await page.get_by_role("option", name=f"Wait · {step}").click()
    side = page.get_by_label("Settings of what is chosen")
    await side.get_by_label("Name of the step").fill(name)
    await page.keyboard.press("Enter")
    await expect(card(page, f"step:{name}")).to_have_count(1)


async def drag(page: Page, what: Locator, onto: Locator) -> None:
    """Drag one thing onto another by the pointer."""
    source, target = await what.bounding_box(), await onto.bounding_box()
    assert source is not None
    assert target is not None
    await page.mouse.move(source["x"] + 24, source["y"] + source["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(target["x"] + 24, target["y"] + target["height"] / 2, steps=5)
    await expect(onto).to_have_attribute("data-over", "true")
    await page.mouse.up()


def times(count: int, thing: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


async def test_runs_are_led_to_renamed_steps_by_pointer_and_by_keyboard_and_figures_follow(
    desk: Desk,
) -> None:
    page = await desk.console.open("/journeys/offers", "offers")
    await expect(card(page, "step:rest")).to_contain_text(f"{RESTING} waiting")
    await rename(page, "rest", "quiet")
    await rename(page, "pause", "calm")

    await page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_text("go on where I choose").click()
    left = dialog.locator("[data-left-step]")
    await expect(left).to_have_count(2)
    await expect(dialog.get_by_label("Where runs go")).to_contain_text(
        f"rest{times(RESTING, 'run')} here"
    )
    # What is not mapped is said, and so is that no message goes out.
    gone = "stay, because the step is gone"
    await expect(dialog.get_by_text(f"{RESTING} at rest: {gone}")).to_be_visible()
    await expect(dialog.get_by_text("No one is sent a message at once.")).to_be_visible()

    await drag(
        page,
        dialog.locator('[data-left-step="rest"]'),
        dialog.locator('[data-target-step="quiet"]'),
    )
    await expect(dialog.get_by_text(f"{RESTING} at rest: go on at quiet")).to_be_visible()
    assert await look_over(page, "publish-map") == []
    await page.set_viewport_size({"width": 1440, "height": 900})

    # The other one is led to the last step, a message, by keyboard alone: then it says who gets it.
    choice = dialog.get_by_label("Where the runs at pause go")
    await choice.focus()
    await page.keyboard.type("thanks")
    await page.keyboard.press("Tab")
    await expect(dialog.get_by_text(f"{PAUSING} at pause: go on at thanks")).to_be_visible()
    await expect(
        dialog.get_by_text(f"{times(PAUSING, 'contact')} may be sent a message at once")
    ).to_be_visible()
    await expect(dialog.get_by_text(gone)).to_have_count(0)
    waiting_there = await desk.operator.items("/v1/runs", journey="offers", step="pause")
    for run in waiting_there:
        await expect(dialog.get_by_role("link", name=run["contact"], exact=True)).to_be_visible()

    await dialog.get_by_role("button", name="Publish", exact=True).press("Enter")
    await expect(dialog.get_by_text("Runs move to it now")).to_be_visible()
    await expect(dialog.get_by_text(f"{len(CONTACTS)} of {len(CONTACTS)}")).to_be_visible(
        timeout=30_000
    )
    await dialog.get_by_role("button", name="Close", exact=True).last.press("Enter")
    await expect(dialog).to_be_hidden()

    # The figures come by themselves.
    await expect(card(page, "step:quiet")).to_contain_text(f"{RESTING} waiting", timeout=30_000)
    await expect(card(page, "step:thanks")).to_contain_text(f"{PAUSING} sent", timeout=30_000)
    assert await desk.standing() == {"quiet": RESTING}
    # Each leads to its people.
    await card(page, "step:thanks").get_by_role("link", name=str(PAUSING)).first.click()
    await expect(page.locator("main tbody tr")).to_have_count(PAUSING)
    await make_live_again(desk, page, 1)
    # The draft is gone by then, as its text is live; the browser notes that.
    errors = desk.console.errors
    errors[:] = [each for each in errors if "404" not in each and "412" not in each]


async def make_live_again(desk: Desk, page: Page, version: int) -> None:
    """Make an earlier version the live one: it says for whom what changes, and asks once."""
    await page.get_by_role("link", name="Versions").click()
    await page.get_by_role("button", name=f"Make version {version} live").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text(f"goes through version {version}")).to_be_visible()
    await expect(dialog.get_by_text("What is different from version 2")).to_be_visible()
    stay = f"{RESTING} at quiet: finish the version they are in"
    await expect(dialog.get_by_text(stay)).to_be_visible()
    await dialog.get_by_role("button", name=f"Make version {version} live").click()
    await expect(page.get_by_text(f"{version} · live now")).to_be_visible()
    journey = (await desk.operator.http.get("/v1/journeys/offers")).json()
    assert journey["active_version"] == version
    assert await desk.standing() == {"quiet": RESTING}


async def test_figures_change_as_one_looks_stand_still_when_paused_and_say_when_they_are_lost(
    desk: Desk,
) -> None:
    asked: list[str] = []
    page = await desk.console.open("/journeys/offers", "offers")
    page.on("request", lambda request: asked.append(request.url))
    split, total = card(page, "step:ask"), len(CONTACTS)
    await expect(split).to_contain_text(f"{total} reached")
    place = await split.bounding_box()
    await desk.operator.sign_up("kurt")
    await expect(split).to_contain_text(f"{total + 1} reached", timeout=20_000)
    arms = [card(page, f"step:ask/way:{arm}") for arm in ("a", "b")]
    took = [int((await arm.inner_text()).split(" took it")[0].split()[-1]) for arm in arms]
    assert sum(took) == total + 1
    assert await split.bounding_box() == place

    await page.get_by_role("button", name="Pause the figures").click()
    await expect(page.get_by_text("The figures stand still.")).to_be_visible()
    await desk.operator.sign_up("edith")

    async def entered() -> bool:
        stats = (await desk.operator.http.get("/v1/journeys/offers/stats")).json()
        return bool(stats["entered"] == total + 2)

    await eventually(entered, 20)
    await expect(split).to_contain_text(f"{total + 1} reached")
    await page.get_by_role("button", name="Let the figures go on").click()
    await expect(split).to_contain_text(f"{total + 2} reached", timeout=20_000)

    await desk.console.context.set_offline(True)
    await expect(page.get_by_text("The connection is lost")).to_be_visible()
    await desk.console.context.set_offline(False)
    await expect(page.get_by_text("The connection is lost")).to_be_hidden(timeout=20_000)
    await desk.operator.sign_up("alonzo")
    await expect(split).to_contain_text(f"{total + 3} reached", timeout=20_000)
    # No figure was asked for again and again: there were the streams, one after the other.
    assert len([url for url in asked if url.endswith("/v1/journeys/offers/stats")]) <= 2
    desk.console.errors.clear()


async def test_results_say_what_experiments_show_and_lists_are_kept_as_views(desk: Desk) -> None:
    holdout = {"holdout": "quiet", "share": "10%"}
    saved = await desk.operator.http.put("/v1/holdouts/quiet", json=holdout)
    assert saved.status_code == 200, saved.text
    await desk.operator.sign_up("ada", event="Ordered")
    page = await desk.console.open("/journeys/offers/results", "offers")
    experiment = page.get_by_role("region", name="Split ask", exact=True)
    await expect(experiment.get_by_text("Too early", exact=False).first).to_be_visible()
    await expect(experiment.get_by_role("table")).to_contain_text("what others are compared with")
    await expect(page.get_by_role("heading", name="quiet, 10% held out")).to_be_visible()
    await page.get_by_label("Compared by").select_option("value")
    await expect(page).to_have_url(
        f"{desk.console.url}/console/journeys/offers/results?metric=value"
    )
    await page.get_by_role("button", name="Show", exact=True).press("Enter")
    await expect(page.get_by_role("region", name="no currency")).to_contain_text("Conversions")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download ask as CSV").press("Enter")
    text = (await (await download.value).path()).read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in text.splitlines()] == ["Arm", "a", "b"]
    assert await look_over(page, "results") == []

    # A list with its filters is kept on the server; what this browser kept before comes along.
    kept = json.dumps([{"name": "Old", "search": "state=ended"}])
    await page.evaluate(
        "kept => localStorage.setItem('parcours.views.journeys/offers/people', kept)", kept
    )
    await page.goto(f"{desk.console.url}/console/journeys/offers/people?state=active&step=rest")
    await expect(page.get_by_role("link", name="Old", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Save this view").press("Enter")
    await page.get_by_label("Name of the view").fill("At rest")
    await page.get_by_label("For all who use the console").press("Space")
    await page.get_by_role("dialog").get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_role("link", name="At rest")).to_be_visible()
    views = (await desk.operator.http.get("/v1/views")).json()["items"]
    assert [(view["name"], view["page"], view["shared"]) for view in views if view["shared"]] == [
        ("At rest", "/journeys/offers/people", True)
    ]
    here = "localStorage.getItem('parcours.views.journeys/offers/people')"
    assert await page.evaluate(here) is None


async def test_ways_are_edited_where_they_stand_and_a_sample_says_how_many_take_each(
    desk: Desk,
) -> None:
    page = await desk.console.open("/journeys/offers/graph?side=try", "offers")
    await page.get_by_role("combobox", name="Find a step").fill("b: 50")
    await page.get_by_role("option", name="b: 50%").click()
    await expect(card(page, "step:ask/way:b")).to_be_focused()
    await page.keyboard.press("F2")
    await page.get_by_label("Name of the way").fill("bold")
    await page.keyboard.press("Tab")
    await page.keyboard.type("150")
    await page.keyboard.press("Enter")
    await expect(card(page, "step:ask/way:bold")).to_contain_text("bold · 75%")
    await expect(card(page, "step:ask/way:a")).to_contain_text("a · 25%")

    trial = page.get_by_role("region", name="Try it")
    await trial.get_by_text("A sample").click()
    await trial.get_by_label("How many contacts").fill(str(len(CONTACTS)))
    await trial.get_by_role("button", name="Play").press("Enter")
    france, others = card(page, "step:where/way:france"), card(page, "step:where/else")
    await expect(france).to_contain_text(f"{RESTING} (60%) take it", timeout=60_000)
    await expect(others).to_contain_text(f"{PAUSING} (40%) take it")
    assert await look_over(page, "sample-on-graph") == []
    await page.set_viewport_size({"width": 1440, "height": 900})
    await trial.get_by_role("button", name="Clear the trial").press("Enter")
    await expect(france).to_contain_text(f"{RESTING} took it")
