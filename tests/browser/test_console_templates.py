"""Templates and forms in the console: made from nothing, previewed, tried, saved, returned to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Frame, Locator, Page, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from store.forms.submissions import Submission, take_submission
from store.operations.api_keys import create_key
from tests.browser.console_site import Console, look_over, pictured, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

HOSTILE = "<img src=x onerror=\"top.ran = 1; parent.postMessage('ran', '*')\">Eve"
"""What somebody has as a first name."""
PAGE = """\
<!doctype html><html><body onload="document.title = 'ran'">
<h1>Hello {{ contact.first_name }}</h1>
<script>top.ran = 2; document.querySelector('h1').textContent = 'taken'</script>
<a href="javascript:top.ran=3">Go</a> <a href="https://shop.example/cart">Your cart</a>
</body></html>"""


@dataclass
class Studio:
    """A marketer before the console, with an engine at work behind it."""

    console: Console
    operator: Operator
    pool: Pool

    async def text(self, path: str) -> str:
        """The text of a saved document."""
        answer = await self.operator.http.get(path)
        assert answer.status_code == 200, answer.text
        source: str = answer.json()["source"]
        return source

    def forgive(self, *words: str) -> None:
        """Leave out complaints of the browser that tell of what was refused, as it should be."""
        errors = self.console.errors
        errors[:] = [each for each in errors if not any(word in each for word in words)]


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
        key, url = stack["keys"]["admin"], stack["api"]
        async with signed_in(browser, url, key) as console:
            yield Studio(console, operator, pool)


async def begin(page: Page, key: str) -> None:
    """Begin a document under a key, by keyboard."""
    await page.get_by_label("Its key").fill(key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=key, level=1)).to_be_visible()
    await expect(page.get_by_text("nothing counts before it is saved")).to_be_visible()


def field(page: Page, name: str) -> Locator:
    """A field of the document."""
    return page.get_by_role("region", name="Fields").get_by_role("textbox", name=name, exact=True)


async def save(page: Page, sentence: str) -> None:
    """Save what is written, once the plan says this."""
    await page.get_by_role("button", name="Save…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text(sentence)).to_be_visible()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog).to_be_hidden()


async def shown(page: Page, words: str) -> Frame:
    """The frame of the preview, once it shows these words."""
    frames: list[Frame] = []

    async def there() -> bool:
        frames[:] = [each for each in page.frames[1:] if words in await _words(each)]
        return len(frames) == 1 and len(page.frames) == 2

    await eventually(there, 10, what=f"a preview with {words!r}")
    return frames[0]


async def _is_on(page: Page, colour: str) -> bool:
    """Whether the preview stands on a colour."""
    try:
        ground = await page.frames[-1].evaluate("getComputedStyle(document.body).backgroundColor")
    except Error:
        return False
    return bool(ground == colour)


async def _words(frame: Frame) -> str:
    try:
        words: str = await frame.evaluate("document.body.innerText")
    except Error:
        # Another frame has taken its place.
        return ""
    return words


async def test_a_template_is_made_previewed_tried_and_saved_without_a_line_of_yaml(
    studio: Studio, smtp_sink: SmtpSink
) -> None:
    await studio.operator.sign_up("eve", first_name=HOSTILE, locale="fr-CA")
    page = await studio.console.open("/templates", "Templates")
    await page.get_by_role("link", name="New template").click()
    await begin(page, "cart")

    # The example has colours of its own for the dark, which the console itself is not in.
    await page.get_by_text("Dark", exact=True).click()
    await eventually(lambda: _is_on(page, "rgb(21, 24, 24)"), 10)
    await page.get_by_text("Light", exact=True).click()
    await eventually(lambda: _is_on(page, "rgb(255, 255, 255)"), 10)
    await pictured(page, "template")

    await field(page, "Subject").first.fill("Your cart, {{ contact.email }}")
    await field(page, "HTML").fill(PAGE)
    await shown(page, "Hello Ada")
    await expect(page.get_by_text("Your cart, ada@example.com")).to_be_visible()

    # As a contact, whose language it has; then in the language of the template itself.
    await field(page, "Subject").last.fill("Votre panier, {{ contact.email }}")
    await page.get_by_text("A contact", exact=True).click()
    await page.get_by_role("combobox", name="Contact").fill("eve@")
    await page.get_by_role("option", name="eve").click()
    await expect(page.get_by_text("Votre panier, eve@example.com")).to_be_visible()
    await page.get_by_label("Language", exact=True).select_option(label="The template itself")
    await expect(page.get_by_text("Your cart, eve@example.com")).to_be_visible()
    frame = await shown(page, "Hello <img")
    assert await frame.locator("img").count() == 0
    await expect(page.get_by_text("2 links")).to_be_visible()

    # Neither the template's scripts nor the contact's name have run anywhere.
    assert await page.evaluate("window.ran") is None
    assert await frame.evaluate("document.title") == ""
    assert await _words(frame) != "taken"
    studio.forgive("404", "sandboxed", "Content Security Policy")

    await page.get_by_text("Phone", exact=True).click()
    await page.get_by_text("Dark", exact=True).click()
    await expect(page.get_by_text("mail programs turn it about")).to_be_visible()
    assert await look_over(page, "template", kept=False) == []

    # What is written is sent as a test before it is saved.
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_role("button", name="Send a test…").click()
    await page.get_by_role("textbox", name="To", exact=True).fill("me@example.com")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("It was sent to me@example.com.")).to_be_visible()
    [mail] = await smtp_sink.wait_for(1)
    assert mail.recipients == ["me@example.com"]
    assert mail.message["Subject"] == "Your cart, eve@example.com"
    assert mail.message["X-Parcours-Test"] == "yes"
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()

    await save(page, "It becomes version 1 and counts at once.")
    await expect(page.get_by_text("version 1", exact=True)).to_be_visible()
    assert "Votre panier" in await studio.text("/v1/templates/cart")
    await _mend_and_return(studio, page)


async def _mend_and_return(studio: Studio, page: Page) -> None:
    """Make a mistake in the text and mend it, save another version, and return to the first."""
    answer = await studio.operator.http.put(
        "/v1/journeys/reminder",
        headers={"Content-Type": "application/yaml"},
        content="journey: reminder\nname: The reminder\nentry: {event: Cart}\nsteps:\n"
        "  - {id: mail, email: {template: cart, transactional: true}}\n",
    )
    assert answer.status_code == 200, answer.text
    await page.get_by_text("Text", exact=True).first.click()
    editor = page.get_by_role("textbox", name="Text")
    await editor.click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("subjekt: Again\n")
    problem = page.get_by_role("button", name="Line 1")
    await expect(problem).to_be_visible()
    await expect(page.get_by_role("button", name="Save…")).to_be_disabled()

    async def mended() -> bool:
        # What was typed slowly is undone in several steps.
        await page.get_by_role("button", name="Undo").click()
        return not await problem.is_visible()

    await eventually(mended, 10, every=0.5)
    await page.get_by_text("Fields", exact=True).first.click()
    await field(page, "Subject").first.fill("Still there?")
    await save(page, "It changes for what uses it: journey The reminder.")
    await expect(page.get_by_text("version 2", exact=True)).to_be_visible()

    await page.get_by_role("link", name="Used in").click()
    await page.get_by_role("link", name="The reminder").click()
    await expect(page.get_by_role("heading", name="The reminder", level=1)).to_be_visible()
    await page.locator('[data-card="step:mail"]').click()
    await page.get_by_role("link", name="Open cart").click()
    await expect(page.get_by_role("heading", name="cart", level=1)).to_be_visible()
    await page.get_by_role("link", name="Versions").click()
    await expect(page.get_by_text("subject", exact=False).first).to_be_visible()
    await page.get_by_role("button", name="Return to version 1").click()
    await page.get_by_role("dialog").get_by_role("button", name="Return", exact=True).click()
    await expect(page.get_by_text("version 3", exact=True)).to_be_visible()
    assert "Still there?" not in await studio.text("/v1/templates/cart")
    assert await look_over(page, "template-versions") == []
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_role("link", name="Templates").click()
    await expect(page.get_by_role("cell", name="1 journey")).to_be_visible()
    assert await look_over(page, "templates") == []
    studio.forgive("404", "422", "sandboxed", "Content Security Policy")


async def test_a_form_is_made_previewed_saved_embedded_and_its_submissions_are_read(
    studio: Studio,
) -> None:
    page = await studio.console.open("/forms/new", "New form")
    await page.get_by_role("combobox", name="Begin with").click()
    await page.get_by_role("option", name="A question to us").click()
    await begin(page, "question")
    await pictured(page, "form")

    await field(page, "Title").first.fill("<script>top.ran = 4</script> Ask us")
    frame = await shown(page, "Ask us")
    assert "<script>" in await _words(frame)
    await page.get_by_label("Language", exact=True).select_option("fr")
    frame = await shown(page, "Votre adresse e-mail")
    assert await page.evaluate("window.ran") is None
    await page.get_by_text("After it", exact=True).click()
    await shown(page, "nous vous écrirons")
    assert await look_over(page, "form", kept=False) == []
    await page.get_by_text("Preview", exact=True).click()
    await expect(page.get_by_label("Language", exact=True)).to_be_visible()

    await page.set_viewport_size({"width": 1440, "height": 900})
    await save(page, "It becomes version 1 and counts at once.")
    await page.get_by_role("link", name="Embed").click()
    await expect(page.get_by_text('<form data-parcours="question" method="post"')).to_be_visible()
    assert await look_over(page, "form-embed") == []
    await page.set_viewport_size({"width": 1440, "height": 900})

    filled = {"email": "ada@example.com", "question": "When do you open?"}
    submission = Submission(form="question", message_id="1", values=filled, traits=filled)
    assert await take_submission(studio.pool, submission)
    await page.get_by_role("link", name="Submissions").click()
    await expect(page.get_by_text("When do you open?")).to_be_visible()
    await pictured(page, "form-submissions")
    await page.get_by_role("link", name="Forms").click()
    await expect(page.get_by_role("link", name="question")).to_be_visible()
    studio.forgive("404", "sandboxed")


async def test_a_key_is_offered_what_its_scope_may_do(
    studio: Studio, browser: Browser, smtp_sink: SmtpSink
) -> None:
    text = "template: note\nsubject: Hello\nsms: 'Thanks, {{ contact.first_name }}'\ntext: Hi\n"
    headers = {"Content-Type": "application/yaml"}
    saved = await studio.operator.http.put("/v1/templates/note", content=text, headers=headers)
    assert saved.status_code == 200, saved.text
    url = studio.console.url
    for scope, edits, reads in (("read", False, True), ("edit", True, False)):
        async with studio.pool.connection() as conn:
            key = await create_key(conn, "read" if scope == "read" else "edit")
        async with signed_in(browser, url, key) as console:
            page = await console.open("/templates/note", "note")
            shown_as = page.get_by_role("radiogroup", name="Shown as")
            await shown_as.get_by_text("SMS", exact=True).click()
            await expect(page.get_by_text("Thanks, Ada")).to_be_visible()
            await expect(page.get_by_text("1 part, 11 characters of GSM-7")).to_be_visible()
            await expect(field(page, "Subject")).to_be_enabled(enabled=edits)
            await expect(page.get_by_role("button", name="Save…")).to_have_count(int(edits))
            await expect(page.get_by_text("A contact", exact=True)).to_have_count(int(reads))
            await expect(page.get_by_role("button", name="Send a test…")).to_have_count(0)
