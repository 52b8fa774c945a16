"""The pages of the console for operators, on the real API: seen, and steered by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from devstack.ports import free_port
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import Console, look_over, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DOCUMENTS: Final = """
journey: crm
entry: {event: Signed Up}
steps:
  - {id: tell, webhook: {url: "http://127.0.0.1:PORT/people"}}
  - {id: settle, wait: 30d}
---
journey: mornings
entry: {event: Signed Up}
steps:
  - {id: night, wait: {until: "09:00"}}
  - {id: hello, email: {subject: Good morning, text: Hello, topic: news}}
---
journey: offers
entry: {event: Signed Up}
steps:
  - {id: offer, email: {subject: An offer, text: For you, topic: news}}
  - {id: settle, wait: 30d}
  - {id: later, wait: 30d}
---
topic: news
name: News
default: opt_out
"""
CONTACTS: Final = ("ada", "grace", "edsger")


@dataclass
class Office:
    """An operator before a console, with runs in several troubles."""

    console: Console
    operator: Operator
    pool: Pool
    api: str


@pytest.fixture
async def office(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Office]:
    """Three contacts in three journeys: one retries a call, two wait."""
    careful = settings.model_copy(update={"approval_above": 2})
    async with operating(careful, pool, temporal_client, smtp_sink, tmp_path) as operator:
        documents = DOCUMENTS.replace("PORT", str(free_port()))
        applied = await operator.http.post(
            "/v1/apply", json={"documents": [{"filename": "all.yaml", "source": documents}]}
        )
        assert applied.status_code == 200, applied.text
        for contact in CONTACTS:
            await operator.sign_up(contact)

        async def retrying() -> bool:
            retried = await operator.items("/v1/runs", held="retry")
            settled = await operator.items("/v1/runs", journey="offers", step="settle")
            return len(retried) == len(settled) == len(CONTACTS)

        await eventually(retrying, 60)
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Office(console, operator, pool, stack["api"])


PAGES: Final = (
    ("/", "Today"),
    ("/suppressions", "Suppressions"),
    ("/runs", "Runs"),
    ("/runs?held=retry&columns=run%2Cjourney%2Cversion%2Cended", "Runs"),
    ("/runs?state=stuck", "Runs"),
    ("/log", "Log"),
    ("/log/rejected", "Log"),
    ("/log/dead", "Log"),
    ("/attention", "Attention"),
    ("/jobs", "Jobs"),
    ("/imports", "Import and export"),
    ("/imports?kind=export", "Import and export"),
    ("/imports/new?what=topics", "Import a file"),
    ("/imports/enter", "Enter many into a journey"),
    ("/imports/export", "Export"),
    ("/erasures", "Erasures"),
    ("/upcoming", "Upcoming"),
    ("/audit", "Audit"),
    ("/keys", "Keys"),
    ("/health", "Health"),
    ("/health/freezes", "Health"),
    ("/health/faults", "Health"),
    ("/health/retention", "Health"),
)


async def test_each_page_of_operators_opens_and_is_sound(office: Office) -> None:
    operator = office.operator
    run = (await operator.items("/v1/runs", journey="offers", contact="ada"))[0]["id"]
    frozen = await operator.http.post("/v1/freeze", json={"channel": "sms", "reason": "prices"})
    assert frozen.status_code == 201, frozen.text
    order = {"action": "retry", "journey": "crm", "contacts": ["ada"], "reason": "it is up again"}
    repair = (await operator.http.post("/v1/runs/bulk", json=order)).json()["id"]
    later = (f"/runs/{run}", "offers · ada"), (f"/jobs/{repair}", "Retry sends: retry of crm")
    found = await office.console.faults_of(
        (path, heading, _name_of(path)) for path, heading in (*PAGES, *later)
    )
    assert found == [], "\n".join(found)


def _name_of(path: str) -> str:
    place, _, query = path.strip("/").partition("?")
    first, _, rest = place.partition("/")
    if len(rest) > 30:
        rest = "one"
    return "-".join(part for part in (first, rest, query and "filtered") if part)


async def test_runs_are_found_and_repaired_in_bulk_by_keyboard_once_another_key_agrees(
    office: Office, browser: Browser
) -> None:
    await _find_runs(office.console)
    page = await office.console.open("/runs?journey=offers", "Runs")
    await page.get_by_label("Tick all rows that are shown").focus()
    await page.keyboard.press("Space")
    bar = page.get_by_role("region", name="Repair the ticked runs")
    await expect(bar.get_by_role("status")).to_have_text("3 runs ticked")
    await bar.get_by_role("button", name="All that match").press("Enter")
    await expect(bar.get_by_role("status")).to_have_text("All active runs that match the filters")
    await bar.get_by_role("button", name="Skip").press("Enter")
    dialog = page.get_by_role("dialog", name="Skip the step")
    words = dialog.get_by_text("3 runs of offers skip the step")
    await expect(words).to_contain_text("Another key must approve it")
    await expect(dialog.get_by_label("Reason")).to_be_focused()
    faults = await look_over(page, "runs-repair")
    assert faults == [], "\n".join(faults)
    await page.keyboard.type("the wait was set by mistake")
    await dialog.get_by_role("button", name="Skip for 3 runs").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("It waits for the approval of another key")).to_be_visible()
    job = page.url.partition("job=")[2].partition("&")[0]
    assert "ticked=" not in page.url
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    async with office.pool.connection() as conn:
        key = await create_key(conn, "operate", name="second")
    async with signed_in(browser, office.api, key) as second:
        other = await second.open(f"/jobs/{job}", "Repair runs: skip of offers")
        await other.get_by_role("button", name="Approve").press("Enter")
        await other.get_by_role("dialog").get_by_role("button", name="Approve").press("Enter")
        await expect(other.get_by_text("3 of 3")).to_be_visible(timeout=30_000)

    await expect(page.get_by_text("3 of 3")).to_be_visible(timeout=30_000)
    await expect(page.locator("td", has_text="later")).to_have_count(3, timeout=30_000)
    await page.get_by_role("button", name="Undo").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Undo").press("Enter")
    await expect(page.get_by_text("undo of skip of offers")).to_be_visible()
    undo = page.url.partition("job=")[2].partition("&")[0]
    assert undo != job
    done = (await office.operator.items("/v1/audit", action="run.repair"))[0]
    assert (done["reason"], done["via"]) == ("the wait was set by mistake", "console")


async def _find_runs(console: Console) -> None:
    """Filters, columns and views stand in the address, and places are found by their names."""
    page = await console.open("/runs", "Runs")
    rows = page.locator("main tbody tr")
    await expect(rows).to_have_count(9)
    await page.get_by_label("Deferred").select_option("retry")
    await expect(rows).to_have_count(3)
    await page.get_by_label("Reason").fill("unreachable")
    await expect(page).to_have_url(re.compile("held=retry&code=unreachable"))
    await expect(rows).to_have_count(3)
    await page.get_by_role("button", name="Columns").press("Enter")
    await page.get_by_role("menuitemcheckbox", name="Version").press("Enter")
    await page.get_by_role("menuitemcheckbox", name="Outcome").press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("columnheader", name="Version")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="Outcome")).to_have_count(0)
    await page.get_by_role("button", name="Save this view").press("Enter")
    await page.get_by_label("Name of the view").fill("unreachable")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="All", exact=True).press("Enter")
    await expect(rows).to_have_count(9)
    await page.get_by_role("link", name="unreachable", exact=True).press("Enter")
    await expect(page).to_have_url(re.compile("code=unreachable&columns=.*version.*&held=retry$"))
    await page.reload()
    await expect(rows).to_have_count(3)
    await expect(page.get_by_role("columnheader", name="Version")).to_be_visible()
    await page.keyboard.press("Control+K")
    await page.keyboard.type("upcom")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Upcoming", level=1)).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download CSV").press("Enter")
    text = (await (await download.value).path()).read_text(encoding="utf-8")
    assert text.splitlines()[0] == "Hour,Journey,Step,Channel,Set by,Sends,exact"
    assert re.search(r"T09:00:00Z,mornings,hello,email,wait,3,true", text)


async def test_what_an_operator_changes_is_done_and_audited(
    office: Office, browser: Browser
) -> None:
    await _make_a_key(office, browser)
    run = (await office.operator.items("/v1/runs", journey="offers", contact="grace"))[0]["id"]
    page = await office.console.open(f"/runs/{run}", "offers · grace")
    await page.get_by_role("button", name="Go to…").press("Enter")
    dialog = dialog_of(page)
    await dialog.get_by_label("Reason").fill("she asked for it")
    await dialog.get_by_label("To the step").fill("latr")
    await dialog.get_by_role("button", name="Go to the step").press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("did you mean later?")
    assert all("422" in error for error in office.console.errors)
    office.console.errors.clear()
    await dialog.get_by_label("To the step").fill("later")
    await dialog.get_by_role("button", name="Go to the step").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("Sent to later")).to_be_visible()
    await expect(page.locator("li[aria-current=step]")).to_contain_text("later", timeout=20_000)

    page = await office.console.open("/health/freezes", "Health")
    await page.get_by_role("button", name="Freeze…").press("Enter")
    await dialog_of(page).get_by_label("Channel").select_option("webhook")
    await expect(dialog_of(page)).to_contain_text("Nothing goes out by webhook")
    await dialog_of(page).get_by_label("Reason").fill("the partner asked us to")
    await dialog_of(page).get_by_role("button", name="Freeze").press("Enter")
    row = page.locator("main tbody tr").filter(has_text="webhook")
    await expect(row).to_contain_text("holds")
    await row.get_by_role("button", name="Unfreeze…").press("Enter")
    await dialog_of(page).get_by_label("Reason").fill("they are ready")
    await dialog_of(page).get_by_role("button", name="Unfreeze").press("Enter")
    await expect(row).to_contain_text("is over")

    page = await office.console.open("/audit?action=channel", "Audit")
    row = page.locator("main tbody tr").filter(has_text="the partner asked us to")
    await expect(row).to_contain_text("console")
    await row.get_by_role("button", name="Before and after").press("Enter")
    changed = page.get_by_role("region", name="What was there before and after")
    await expect(changed.locator("ins")).to_contain_text(["everything"])
    await expect(page).to_have_url(re.compile("open="))


async def _make_a_key(office: Office, browser: Browser) -> None:
    """A key is shown once, may do what its scope includes, and nothing once it is revoked."""
    page = await office.console.open("/keys", "Keys")
    await page.get_by_role("button", name="Make a key").press("Enter")
    dialog = dialog_of(page)
    await dialog.get_by_label("Name").fill("night watch")
    await dialog.get_by_role("button", name="Make a key").press("Enter")
    key = await page.get_by_role("dialog", name="The key night watch").locator("code").inner_text()
    await page.get_by_role("button", name="I have it").press("Enter")
    await expect(page.get_by_text(key)).to_have_count(0)
    async with signed_in(browser, office.api, key) as reader:
        # It may read, so that nothing else is offered.
        seen = await reader.open("/runs", "Runs")
        await expect(seen.locator("main tbody tr").first).to_be_visible()
        await expect(seen.get_by_role("checkbox")).to_have_count(0)
        await expect(seen.get_by_role("link", name="Keys")).to_have_count(0)
    row = page.locator("main tbody tr").filter(has_text="night watch")
    await row.get_by_role("button", name="Revoke").press("Enter")
    await dialog_of(page).get_by_role("button", name="Revoke").press("Enter")
    await expect(row).to_contain_text("revoked")
    answer = await office.console.context.request.get(
        f"{office.api}/v1/runs", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status == 401


async def test_the_log_is_followed_paused_and_filtered_and_what_was_refused_is_replayed(
    office: Office,
) -> None:
    await _follow_the_log(office)
    http = office.operator.http
    assert (await http.post("/v1/journeys/mornings/pause")).status_code == 200
    for contact in ("alan", "barbara"):
        await office.operator.sign_up(contact)

    async def refused() -> bool:
        return len(await office.operator.items("/v1/events/rejected", code="paused")) == 2

    await eventually(refused, 30)
    page = await office.console.open("/attention", "Attention")
    paused = page.get_by_role("region", name="Journeys that are paused").first
    await paused.get_by_role("button", name="Resume…").press("Enter")
    await dialog_of(page).get_by_role("button", name="Resume the journey").press("Enter")
    await expect(paused).to_be_hidden(timeout=20_000)

    page = await office.console.open("/log/rejected?code=paused", "Log")
    row = page.locator("main tbody tr").filter(has_text="alan")
    await row.get_by_role("button", name="Replay…").press("Enter")
    await dialog_of(page).get_by_role("button", name="Replay").press("Enter")
    await expect(page.get_by_text("A run began:")).to_be_visible()
    row = page.locator("main tbody tr").filter(has_text="barbara")
    await row.get_by_role("button", name="All like it…").press("Enter")
    await expect(dialog_of(page)).to_contain_text("1 entry of mornings would be tried again")
    await dialog_of(page).get_by_label("Reason").fill("it was paused by mistake")
    await dialog_of(page).get_by_role("button", name="Try them again").press("Enter")
    await expect(page.get_by_text("1 began a run")).to_be_visible()
    await _today_leads_on_and_says_that_it_is_old(office)


async def _today_leads_on_and_says_that_it_is_old(office: Office) -> None:
    page = await office.console.open("/", "Today")
    said = page.get_by_role("link", name=re.compile(r"crm tell: \d sends tried again\."))
    await expect(said).to_be_visible()
    lost = page.get_by_role("alert").filter(has_text="What is shown is of")
    await office.console.context.set_offline(True)
    await expect(lost).to_be_visible()
    await office.console.context.set_offline(False)
    await expect(lost).to_be_hidden()
    errors = office.console.errors
    errors[:] = [each for each in errors if "ERR_INTERNET_DISCONNECTED" not in each]
    await said.press("Enter")
    await expect(page.locator("main tbody tr").filter(has_text="ada")).to_have_count(1)


async def _follow_the_log(office: Office) -> None:
    """Items come by themselves; paused, they wait; others than those asked for do not come."""
    page = await office.console.open("/log?types=event,send&contact=ada", "Log")
    await expect(page.get_by_role("status").get_by_text("live")).to_be_visible(timeout=20_000)
    rows = page.locator("main tbody tr")
    await expect(rows.filter(has_text="Signed Up")).to_have_count(1)
    track = {"userId": "ada", "event": "Looked"}
    assert (await office.operator.http.post("/v1/track", json=track)).status_code == 200
    await expect(rows.first).to_contain_text("Looked", timeout=20_000)
    await page.get_by_role("button", name="Pause").press("Enter")
    await office.operator.http.post("/v1/track", json={**track, "event": "Left"})
    await office.operator.http.post("/v1/track", json={**track, "userId": "grace"})
    await expect(page.get_by_text("Paused: 1 new item")).to_be_visible(timeout=20_000)
    await expect(rows.first).to_contain_text("Looked")
    await page.get_by_role("button", name="Go on").press("Enter")
    await expect(rows.first).to_contain_text("Left")
    await expect(rows.filter(has_text="grace")).to_have_count(0)


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog")
