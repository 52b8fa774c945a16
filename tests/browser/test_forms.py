"""Forms in a browser: on their own page, on a page of a site, and in a frame."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect
from pydantic import SecretStr

from api.public.form_robots import SHORTEST
from infra.settings import Settings
from tests.browser.accessibility import serious_faults
from tests.browser.conftest import DESKTOP, PHONE, Visitors
from tests.browser.shops import Pool, Shop, opened_shop, queue_is_empty
from tests.support.conditions import eventually
from tests.support.engine import activate
from tests.support.site import serving_site

SHOTS = os.environ.get("SCREENSHOTS")
"""A folder for pictures of the pages at both widths; none are taken by default."""
ADA = "ada@example.com"
DOCUMENTS = """
brand: default
name: Acme Shoes
colour: "#0b6e4f"
address: Acme Shoes Ltd, 1 High Street, London
---
topic: news
name: Weekly letter
default: double
---
form: letters
title: A letter for people who walk
intro: One letter a week, with new shoes and old paths.
topic: news
button: Send me the letter
frames: [FRAMING]
fields:
  - {name: email, label: E-mail, type: email, required: true}
  - {name: first_name, label: First name, hint: As it stands in the letter}
  - {name: birthday, label: Birthday, type: date}
  - {name: size, label: Size, type: choice, options: ["38", "39", "40"]}
  - {name: about, label: What else we should know, lines: 3, keep: event}
  - {name: gift, label: Send me a gift on my birthday, type: checkbox}
locales:
  fr: {title: Une lettre pour ceux qui marchent}
"""
FORM = """
<main><form data-parcours="letters" method="post" action="API/f/letters" novalidate>
<label>E-mail <input name="email" type="email" aria-describedby="why"></label> <small id="why">For
the letter alone</small>
<label>First name <input name="first_name"></label>
<label><input type="checkbox" name="gift"> A gift</label>
<input type="text" name="_website" hidden>
<p data-parcours-consent>Yes, send me the
   letter of Acme.</p>
<button>Sign up</button> <output></output></form></main>
"""


@pytest.fixture
async def shop(settings: Settings, pool: Pool, tmp_path: Path) -> AsyncIterator[Shop]:
    links = {
        "public_url": "https://links.example",
        "link_keys": (SecretStr("n" * 32),),
        "spool": tmp_path / "spool",
    }
    async with opened_shop(settings.model_copy(update=links), pool) as shop:
        await activate(pool, DOCUMENTS.replace("FRAMING", f'"{shop.site.url}"'))
        yield shop


async def submitted(shop: Shop) -> list[dict[str, Any]]:
    found = await shop.rows("select properties from event where name = 'Form Submitted'")
    return [properties for (properties,) in found]


async def judge(page: Page, name: str) -> None:
    """Look at a page at both widths: nothing has to be scrolled sideways."""
    for device, (width, height) in (("phone", PHONE), ("desktop", DESKTOP)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / f"{name}-{device}.png", full_page=True)


async def takes_its_time() -> None:
    """A person looks at a page before sending it: for two seconds at least."""
    opened = time.monotonic()
    await eventually(lambda: time.monotonic() - opened > SHORTEST + 0.1, 10, every=0.1)


async def test_a_form_is_filled_in_by_keyboard_and_without_scripts(
    shop: Shop, reader: BrowserContext
) -> None:
    page = await reader.new_page()
    await page.goto(f"{shop.api}/f/letters")
    await expect(page.get_by_role("heading", level=1)).to_have_text("A letter for people who walk")
    await judge(page, "form")
    keyboard = page.keyboard
    await keyboard.press("Tab")
    await expect(page.get_by_label("E-mail")).to_be_focused()
    await keyboard.type("ada@")
    await keyboard.press("Tab")
    await keyboard.type("www.spam.test")
    await takes_its_time()
    await keyboard.press("Enter")
    wrong = page.get_by_role("alert")
    await expect(wrong).to_contain_text("Please correct what is marked below.")
    await judge(page, "form-wrong")
    email = page.get_by_label("E-mail")
    await expect(email).to_be_focused()
    await expect(email).to_have_value("ada@")
    await expect(email).to_have_accessible_description(
        "Please give an e-mail address such as ada@example.com."
    )
    await expect(page.get_by_label("First name")).to_have_accessible_description(
        "As it stands in the letter Please leave out web addresses."
    )
    assert await submitted(shop) == []
    await email.fill(ADA)
    await page.get_by_label("First name").fill("Ada")
    await page.get_by_label("Size").select_option("39")
    await page.get_by_label("Birthday (optional)").fill("1990-02-28")
    await page.get_by_text("Send me a gift on my birthday").click()
    button = page.get_by_role("button", name="Send me the letter")
    await button.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    await judge(page, "form-thanks")
    # Loaded again, the browser posts the same form again.
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert await submitted(shop) == [
        {
            "form": "letters", "email": ADA, "first_name": "Ada", "birthday": "1990-02-28",
            "size": "39", "gift": True,
        }
    ]  # fmt: skip


async def test_a_form_has_no_serious_faults_for_people_who_hear_it(
    shop: Shop, visitors: Visitors
) -> None:
    page = await (await visitors(bypass_csp=True)).new_page()
    await page.goto(f"{shop.api}/f/letters")
    assert await serious_faults(page) == []
    await page.get_by_role("button").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await serious_faults(page) == []
    await page.get_by_label("E-mail").fill("x")
    await takes_its_time()
    await page.get_by_role("button").click()
    await expect(page.get_by_text("Please correct")).to_be_visible()
    assert await serious_faults(page) == []
    french = await (await visitors(bypass_csp=True, locale="fr-FR")).new_page()
    await french.goto(f"{shop.api}/f/letters")
    await expect(french.get_by_role("heading", level=1)).to_have_text(
        "Une lettre pour ceux qui marchent"
    )


async def test_a_form_of_a_site_is_sent_in_the_background_once(
    shop: Shop, visitors: Visitors
) -> None:
    url = shop.page(
        "/letter",
        body=FORM.replace("API", shop.api),
        Content_Security_Policy=f"default-src 'none'; img-src data:; script-src 'self' {shop.api};"
        f" connect-src {shop.api}; require-trusted-types-for 'script'",
    )
    context = await visitors()
    page = await shop.open(context, url)
    email, status = page.get_by_label("E-mail"), page.get_by_role("status")
    await email.fill("ada@")
    await page.get_by_role("button").click()
    await expect(status).to_have_text("Please correct what is marked below.", timeout=10_000)
    await expect(email).to_be_focused()
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(email).to_have_accessible_description(
        "Please give an e-mail address such as ada@example.com. For the letter alone"
    )
    await email.fill(ADA)
    await page.get_by_label("A gift").check()
    await page.get_by_role("button").dblclick()
    await expect(status).to_contain_text("Your answers have arrived.", timeout=10_000)
    await expect(status).to_be_focused()
    await expect(email).to_have_value("")
    await expect(email).to_have_accessible_description("For the letter alone")
    assert await email.get_attribute("aria-invalid") is None
    assert await submitted(shop) == [
        {"form": "letters", "email": ADA, "gift": True, "page": f"{shop.site.url}/letter"}
    ]
    # Her visit until then and her address are one contact's.
    await queue_is_empty(page)
    assert await shop.rows("select email from contact") == [(ADA,)]
    assert await shop.rows("select topic, state, text from consent_record") == [
        ("news", "pending", "Yes, send me the letter of Acme.")
    ]


async def test_a_form_waits_for_the_network_and_counts_once(shop: Shop, visitors: Visitors) -> None:
    url = shop.page("/letter", body=FORM.replace("API", shop.api))
    context = await visitors()
    page = await shop.open(context, url)
    status = page.get_by_role("status")
    await page.get_by_label("E-mail").fill(ADA)
    await takes_its_time()
    await context.set_offline(True)
    await page.get_by_role("button").click()
    await expect(status).to_contain_text("Please check your connection", timeout=10_000)
    await expect(page.get_by_label("E-mail")).to_have_value(ADA)
    await context.set_offline(False)
    # The answer to the first try is lost on its way, so it is sent again.
    lost = 0

    async def lose(route: Any) -> None:
        nonlocal lost
        if route.request.method == "POST" and not lost:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/f/letters*", lose)
    await page.get_by_role("button").click()
    await expect(status).to_contain_text("Please check your connection", timeout=10_000)
    await page.get_by_role("button").click()
    await expect(status).to_contain_text("Your answers have arrived.", timeout=10_000)
    assert lost == 1
    assert len(await submitted(shop)) == 1


async def test_a_form_that_is_sent_outlives_its_tab(shop: Shop, visitors: Visitors) -> None:
    url = shop.page("/letter", body=FORM.replace("API", shop.api))
    context = await visitors()
    page = await shop.open(context, url)
    await page.get_by_label("E-mail").fill(ADA)
    await takes_its_time()
    async with page.expect_request(
        lambda request: request.method == "POST" and "/f/" in request.url
    ):
        await page.get_by_role("button").click()
    await page.close()
    await eventually(lambda: _recorded(shop, 1), 20, what="the submission")


async def _recorded(shop: Shop, count: int) -> bool:
    return len(await submitted(shop)) == count


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked'); }})",
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})",
    ],
    ids=["no storage", "no tracking"],
)
async def test_a_form_works_where_the_visitor_is_not_followed(
    shop: Shop, visitors: Visitors, script: str
) -> None:
    url = shop.page("/letter", body=FORM.replace("API", shop.api))
    context = await visitors()
    await context.add_init_script(script)
    page = await shop.open(context, url)
    await page.get_by_label("E-mail").fill(ADA)
    await page.get_by_role("button").click()
    await expect(page.get_by_role("status")).to_contain_text("have arrived", timeout=10_000)
    assert await _recorded(shop, 1)
    if "globalPrivacyControl" in script:
        # What was typed is said, and nothing else of the browser.
        assert await shop.rows("select anonymous_id from identity") == []
        assert await shop.rows("select 1 from event where name = 'Page Viewed'") == []


async def test_a_form_of_a_site_works_without_scripts(shop: Shop, reader: BrowserContext) -> None:
    url = shop.page("/letter", body=FORM.replace("API", shop.api))
    page = await reader.new_page()
    await page.goto(url)
    await page.get_by_label("E-mail").fill(ADA)
    await page.get_by_label("First name").fill("Ada")
    await page.get_by_role("button").click()
    # The site's page was not shown by the server, so a person looks at it once more.
    await expect(page.get_by_role("alert")).to_contain_text("send them once more")
    await expect(page.get_by_label("First name")).to_have_value("Ada")
    assert await submitted(shop) == []
    await takes_its_time()
    await page.get_by_role("button", name="Send me the letter").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert [each["email"] for each in await submitted(shop)] == [ADA]


async def test_a_robot_that_fills_in_every_field_is_refused(shop: Shop, visitors: Visitors) -> None:
    context = await visitors()
    page = await context.new_page()
    await page.goto(f"{shop.api}/f/letters")
    await takes_its_time()
    fill = """() => { document.querySelectorAll('input[type=text], input[type=email]')
        .forEach((field) => { field.value = field.type === 'email' ? 'r@b.test' : 'x'; });
        document.querySelector('form').submit(); }"""
    await page.evaluate(fill)
    await expect(page.get_by_role("alert")).to_contain_text("a hidden field")
    assert await submitted(shop) == []
    assert await shop.rows("select code from rejected_item") == [("robot_hidden",)]
    # A person whose browser did that sends it once more.
    await page.get_by_role("button", name="Send me the letter").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert len(await submitted(shop)) == 1


async def test_a_frame_shows_the_form_to_the_site_that_it_names_alone(
    shop: Shop, visitors: Visitors
) -> None:
    frame = f'<iframe title="Letter" src="{shop.api}/f/letters" width="600" height="900"></iframe>'
    url = shop.site.page("/framed", "", frame)
    page = await (await visitors()).new_page()
    await page.goto(url)
    inside = page.frame_locator("iframe")
    await inside.get_by_label("E-mail").fill(ADA)
    await takes_its_time()
    await inside.get_by_role("button").click()
    await expect(inside.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert len(await submitted(shop)) == 1
    # The same page of another origin is refused by the browser.
    with serving_site() as site:
        other = await (await visitors()).new_page()
        errors: list[str] = []
        other.on("console", lambda message: errors.append(message.text))
        await other.goto(site.page("/framed", "", frame))
        await eventually(lambda: any("frame-ancestors" in each for each in errors), 10)
        assert await other.frame_locator("iframe").get_by_label("E-mail").count() == 0
