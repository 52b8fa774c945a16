"""People in the console on the real API: imported, begun, watched on the graph, and erased."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.browser.console_site import Console, look_over, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DOCUMENTS: Final = """
journey: welcome
name: Welcome
entry: {api: true}
steps:
  - {id: hello, email: {subject: "Hello {{ contact.first_name }}",
     html: "<h1>Hello {{ contact.first_name }}</h1><script>top.stolen = 1</script>", topic: news}}
  - id: kind
    branch:
      - {name: gold, if: {attribute: plan, is: gold}, then: [{id: thanks, wait: 30d}]}
      - else: [{id: offer, wait: 40d}]
  - {id: bye, wait: 1d}
---
topic: news
name: News
default: opt_out
"""
PEOPLE: Final = (
    "Kundennr;Adresse;Vorname;Tarif;Punkte;Notiz\r\n"
    'k-1;ada@example.com;Ada;gold;12;"mag; Semikolons"\r\n'
    "k-2;grace@example.com;Grace;silver;7;\r\n"
    "k-3;no address;Edsger;gold;many;\r\n"
    ";stray@example.com;Fremd;gold;1;\r\n"
).encode("cp1252")
"""A file of a German spreadsheet: two good lines, one with bad values, one without an id."""


@dataclass
class Office:
    """An operator before the console, with an engine at work behind it."""

    console: Console
    operator: Operator
    pool: Pool


@pytest.fixture
async def office(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Office]:
    """A journey that waits for starts."""
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        applied = await operator.http.post(
            "/v1/apply", json={"documents": [{"filename": "all.yaml", "source": DOCUMENTS}]}
        )
        assert applied.status_code == 200, applied.text
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Office(console, operator, pool)


async def test_a_person_is_imported_begun_seen_on_the_graph_exported_and_erased(
    office: Office,
) -> None:
    await _import(office)
    page = await office.console.open("/contacts/k-1", "ada@example.com")
    await _start(office, page)
    await _stands(page)
    await _message(page)
    # That the script of the message was not run is noted by the browser.
    errors = office.console.errors
    errors[:] = [each for each in errors if "sandboxed" not in each]
    await _freeze(office, page)
    await _export(page)
    await _erase(office, page)


async def _import(office: Office) -> None:
    page = await office.console.open("/imports/new", "Import a file")
    file = FilePayload(name="kunden.csv", mimeType="text/csv", buffer=PEOPLE)
    await page.locator("input[type=file]").set_input_files(file)
    await expect(page.get_by_text("Read as csv in utf-8, cells with “;” between.")).to_be_visible()
    # No column is called as an id is: the page says what is missing, and offers no dry run.
    await expect(page.get_by_role("alert")).to_contain_text("no column is the external_id")
    await expect(page.get_by_role("button", name="Dry run")).to_be_disabled()
    await page.get_by_label("Where Kundennr goes").select_option("external_id")
    await page.get_by_label("Where Adresse goes").select_option("email")
    await page.get_by_label("Name for Vorname").fill("first_name")
    await page.get_by_label("Name for Tarif").fill("plan")
    await page.get_by_label("Where Punkte goes").select_option("score")
    await page.get_by_label("Where Notiz goes").select_option("-")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("group").get_by_text("More", exact=True).click()
    await page.get_by_label("Groups that every contact joins").fill("customers")
    await page.get_by_role("button", name="Dry run").press("Enter")
    outcome = page.get_by_role("region", name="What an import would do")
    await expect(outcome.get_by_role("status")).to_have_text(
        "It would be: 3 contacts created, 3 joined a group, 2 values left out, 1 line refused.",
        timeout=30_000,
    )
    rows = outcome.get_by_role("region", name="The first lines as they would be")
    await expect(rows.locator("tbody tr")).to_have_count(3)
    await expect(rows).to_contain_text("ada@example.com")
    await expect(rows).not_to_contain_text("Semikolons")
    reasons = outcome.get_by_role("region", name="Why lines and values were left out")
    await expect(reasons.locator("tbody tr")).to_have_count(3)
    faults = await look_over(page, "imports-new")
    assert faults == [], "\n".join(faults)
    assert await office.operator.items("/v1/contacts") == []

    await page.get_by_role("button", name="Import…").press("Enter")
    dialog = page.get_by_role("dialog", name="Import the file")
    await expect(dialog).to_contain_text("No journey begins because of it.")
    await dialog.get_by_role("button", name="Import 5 lines").press("Enter")
    await expect(page.get_by_role("heading", name="Import: contacts", level=1)).to_be_visible()
    await expect(page.get_by_text("3 contacts created", exact=False)).to_be_visible(timeout=30_000)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download the refused lines").click()
    refused = (await (await download.value).path()).read_text(encoding="utf-8")
    assert "Fremd" in refused
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    await page.get_by_role("link", name="Enter the group into a journey…").press("Enter")
    await page.get_by_label("Journey").select_option("welcome")
    await expect(page.get_by_text("3 contacts would enter Welcome at once.")).to_be_visible()
    await page.close()


async def _start(office: Office, page: Page) -> None:
    dialog = await act(page, "Start a journey…")
    await dialog.get_by_label("Journey").select_option("welcome")
    await expect(dialog).to_contain_text("ada@example.com enters Welcome at once.")
    await expect(dialog).to_contain_text("Hello")
    await dialog.get_by_label("Entry data").fill("source: letter\n: 5")
    await expect(dialog).to_contain_text("Line 2 is none like")
    await dialog.get_by_label("Entry data").fill("source: letter")
    await done(dialog, "Start it")

    async def waits() -> bool:
        return bool(await office.operator.items("/v1/runs", contact="k-1", step="thanks"))

    await eventually(waits, 30)
    # It may not enter a second time, and the dialog says so before anything is asked of it.
    dialog = await act(page, "Start a journey…")
    await dialog.get_by_label("Journey").select_option("welcome")
    await expect(dialog).to_contain_text("ada@example.com would not enter Welcome:")
    await expect(dialog.get_by_role("button", name="Start it")).to_be_disabled()
    await page.keyboard.press("Escape")


async def _stands(page: Page) -> None:
    await page.get_by_role("link", name="Journeys", exact=True).last.click()
    graph = page.get_by_role("region", name="Where it stands on the graph of welcome")
    await expect(graph.get_by_text("It stands at thanks: ")).to_be_visible()
    for key in ("entry", "step:hello", "step:kind", "step:kind/way:gold", "step:thanks"):
        await expect(card(graph, key)).to_have_attribute("data-path", "true")
    await expect(card(graph, "step:thanks")).to_have_attribute("data-selected", "true")
    await expect(card(graph, "step:hello")).to_contain_text("sent")
    for key in ("step:offer", "step:bye"):
        assert await card(graph, key).get_attribute("data-path") is None
    await card(graph, "step:thanks").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(card(graph, "step:kind/way:gold")).to_be_focused()
    faults = await look_over(page, "contacts-journeys")
    assert faults == [], "\n".join(faults)


async def _message(page: Page) -> None:
    await page.get_by_role("link", name="Messages", exact=True).click()
    await page.get_by_role("button", name="Open").press("Enter")
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_role("heading", name="Hello Ada")).to_be_visible()
    assert await page.evaluate("window.stolen") is None


async def _freeze(office: Office, page: Page) -> None:
    for name, title, restricted in (
        ("Freeze…", "Freeze", True),
        ("Unfreeze…", "Unfreeze", False),
    ):
        dialog = await act(page, name)
        await dialog.get_by_label("Reason").fill("asked by letter")
        await done(dialog, title)
        shown = page.get_by_text("restricted: nothing is sent, and nothing begins")
        await expect(shown).to_have_count(1 if restricted else 0)
        assert (await _contact(office, "k-1"))["restricted"] is restricted
    changed = await office.operator.items("/v1/audit", action="contact.change")
    assert [(each["via"], each["reason"]) for each in changed] == [
        ("console", "asked by letter"),
        ("console", "asked by letter"),
    ]


async def _export(page: Page) -> None:
    dialog = await act(page, "Export all that is held…")
    await expect(dialog).to_contain_text(re.compile("of one instant: [0-9]+ rows"))
    async with page.expect_download() as download:
        await dialog.get_by_role("link", name="Download JSON").press("Enter")
    held = json.loads((await (await download.value).path()).read_text(encoding="utf-8"))
    assert held["contact"] == "k-1"
    assert held["data"]["contact"][0]["email"] == "ada@example.com"
    async with page.expect_download() as download:
        await dialog.get_by_role("link", name="Download a page to read").press("Enter")
    assert (await download.value).suggested_filename == "k-1.html"
    await page.keyboard.press("Escape")


async def _erase(office: Office, page: Page) -> None:
    dialog = await act(page, "Erase…")
    await expect(dialog).to_contain_text("1 active run ends.")
    await expect(dialog.get_by_role("row").filter(has_text="the contact itself")).to_be_visible()
    confirm = dialog.get_by_role("button", name="Erase for good")
    await expect(confirm).to_be_disabled()
    await dialog.get_by_label("Type ada@example.com to confirm").fill("ada@example.com")
    faults = await look_over(page, "contacts-erase")
    assert faults == [], "\n".join(faults)
    await confirm.press("Enter")
    await expect(page.get_by_role("heading", name="Erasure", level=1)).to_be_visible()
    await expect(page.get_by_text("Nothing in this report names it.")).to_be_visible(timeout=30_000)
    faults = await look_over(page, "erasures-one")
    assert faults == [], "\n".join(faults)
    left = await page.content() + page.url + await page.title()
    for word in ("ada", "k-1", "Ada"):
        assert re.search(rf"\b{word}\b", left) is None
    assert (await office.operator.http.get("/v1/contacts/k-1")).status_code == 404
    erased = await office.operator.items("/v1/audit", action="contact.erase")
    assert [each["via"] for each in erased] == ["console"]
    await page.close()
    page = await office.console.open("/erasures?contact=k-1", "Erasures")
    await expect(page.locator("main tbody tr")).to_have_count(1)
    await page.close()


async def _contact(office: Office, contact: str) -> dict[str, Any]:
    answer = await office.operator.http.get(f"/v1/contacts/{contact}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def act(page: Page, name: str) -> Locator:
    """Choose an action of the contact by keyboard; its dialog."""
    await page.get_by_role("button", name="Actions").press("Enter")
    await page.get_by_role("menuitem", name=name, exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


def card(graph: Locator, key: str) -> Locator:
    """A card of a graph by its key."""
    return graph.locator(f'[data-card="{key}"]')


async def test_what_is_known_of_a_person_is_changed_and_kept_as_the_api_has_it(
    office: Office, browser: Browser
) -> None:
    for contact in ("ada", "ada-shop"):
        await office.operator.sign_up(contact, "Looked", plan="free", visits=3)
    page = await office.console.open("/contacts/ada/profile", "ada@example.com")
    dialog = await act(page, "Change values…")
    await dialog.get_by_label("Phone").fill("+33612345678")
    await dialog.get_by_label("Value of plan").fill("gold")
    await dialog.get_by_label("Value of visits").fill("many")
    await expect(dialog).to_contain_text("visits: this is no number.")
    await dialog.get_by_role("button", name="Remove visits").press("Enter")
    await dialog.get_by_role("button", name="Add an attribute").press("Enter")
    await dialog.get_by_label("Attribute", exact=True).fill("tags")
    await dialog.get_by_label("Type of tags").select_option("json")
    await dialog.get_by_label("Value of tags").fill('["a"]')
    await dialog.get_by_label("Reason").fill("she wrote")
    faults = await look_over(page, "contacts-change")
    assert faults == [], "\n".join(faults)
    await done(dialog, "Change 4 values")
    body = await _contact(office, "ada")
    assert body["phone"] == "+33612345678"
    assert body["attributes"] == {"plan": "gold", "tags": ["a"]}

    dialog = await act(page, "Change groups…")
    await dialog.get_by_label("Join a group").fill("vip")
    await expect(dialog).to_contain_text("It joins vip.")
    await done(dialog, "Change the groups")
    await expect(page.locator("main")).to_contain_text("vip")

    dialog = await act(page, "Record a consent…")
    await dialog.get_by_label("State").select_option("unsubscribed")
    await dialog.get_by_label("What the contact was shown").fill("Her letter of May")
    await expect(dialog).to_contain_text("News: opt_out → unsubscribed.")
    await done(dialog, "Record it")
    records = await office.operator.items("/v1/contacts/ada/consents")
    assert [(each["address"], each["source"], each["text"]) for each in records] == [
        ("ada@example.com", "operator", "Her letter of May"),
        ("+33612345678", "operator", "Her letter of May"),
    ]

    dialog = await act(page, "Suppress an address, or lift it…")
    await expect(dialog).to_contain_text("Nothing is ever sent to ada@example.com again")
    await done(dialog, "Suppress it")
    found = await office.operator.items("/v1/suppressions", address="ada@example.com")
    assert [each["channel"] for each in found] == ["email"]
    await page.get_by_role("link", name="E-mail suppressed").press("Enter")
    await page.get_by_role("button", name="Lift…").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("link", name="ada")).to_be_visible()
    await done(dialog, "Lift it")
    assert await office.operator.items("/v1/suppressions", address="ada@example.com") == []
    await page.goto(f"{office.console.url}/console/contacts/ada")

    dialog = await act(page, "Merge with another…")
    await dialog.get_by_label("The other contact").fill("ada-shop")
    await expect(dialog).to_contain_text("ada-shop names it from then on.")
    assert (await _contact(office, "ada-shop"))["external_id"] == "ada-shop"
    await dialog.get_by_label("Reason").fill("one person")
    await done(dialog, "Merge them")
    assert (await _contact(office, "ada-shop"))["external_id"] == "ada"

    started = await office.operator.http.post("/v1/journeys/welcome/runs", json={"contact": "ada"})
    assert started.status_code == 201, started.text
    dialog = await act(page, "Remove from journeys…")
    await expect(dialog).to_contain_text("1 run ends at once")
    await dialog.get_by_label("Reason").fill("by mistake")
    await done(dialog, "End 1 run")
    [run] = await office.operator.items("/v1/runs", contact="ada")
    assert run["state"] == "ended"

    await page.goto(f"{office.console.url}/console/contacts?group=vip")
    await expect(page.locator("main tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Save this view").press("Enter")
    await page.get_by_label("Name of the view").fill("our best")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="our best")).to_be_visible()
    await page.get_by_role("link", name="Export…").press("Enter")
    await page.get_by_role("button", name="Export").press("Enter")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download the file").click()
    exported = (await (await download.value).path()).read_text(encoding="utf-8")
    assert len(exported.splitlines()) == 2
    faults = await look_over(page, "imports-export")
    assert faults == [], "\n".join(faults)

    async with office.pool.connection() as conn:
        key = await create_key(conn, "read", name="reader")
    async with signed_in(browser, office.console.url, key) as reader:
        page = await reader.open("/contacts/ada/profile", "ada@example.com")
        await expect(page.get_by_role("button", name="Actions")).to_have_count(0)
        await page.goto(f"{office.console.url}/console/contacts/ada/profile?do=erase")
        await expect(page.get_by_role("link", name="Why not")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def done(dialog: Locator, name: str) -> None:
    """Confirm a dialog by keyboard, which closes it."""
    button = dialog.get_by_role("button", name=name, exact=True)
    await expect(button).to_be_enabled()
    await button.press("Enter")
    await expect(dialog).to_be_hidden(timeout=15_000)
