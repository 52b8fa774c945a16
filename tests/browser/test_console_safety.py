"""What others write runs nowhere in the console, and nothing of it is sent to another machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, Route, expect
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from tests.browser.console_site import Console, signed_in
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

SCRIPT: Final = '"><img src=x onerror="top.ran=1"><script>top.ran=2</script>{{7*7}}'
"""A text that would run if it were taken for HTML; `{{7*7}}` if it were taken for a template."""
WRITTEN: Final = "<img src=x onerror="
"""What is read of it on a page that shows it as text."""
LINK: Final = "javascript:top.ran=3"
HTML: Final = (
    "<h1 onclick='top.ran=4'>Hello</h1><img src=x onerror='top.ran=5'><script>top.ran=6</script>"
    "<img src='http://elsewhere.example/open.gif'><iframe srcdoc='<script>top.ran=7</script>'>"
    "</iframe><form action='http://elsewhere.example/'><button>Go</button></form>"
)
DOCUMENTS: Final = f"""
journey: greeting
name: {json.dumps(SCRIPT)}
entry: {{event: {json.dumps(SCRIPT)}}}
steps:
  - id: hello
    email: {{template: letter, topic: news}}
  - id: where
    branch:
      - name: {json.dumps(SCRIPT)}
        if: {{attribute: link, is: {json.dumps(LINK)}}}
        then: []
      - else: []
  - {{id: rest, wait: 30d}}
---
template: letter
subject: {json.dumps("Hello " + SCRIPT.replace("{{7*7}}", ""))}
html: {json.dumps(HTML + "<p>{{ contact.link | default: 'none' }}</p>")}
text: {json.dumps(SCRIPT.replace("{{7*7}}", ""))}
---
topic: news
name: {json.dumps(SCRIPT)}
default: opt_out
---
topic: letters
name: {json.dumps(SCRIPT)}
default: double
---
segment: linked
if: {{attribute: link, is: {json.dumps(SCRIPT)}}}
---
form: join
fields: [{{name: email, label: {json.dumps(SCRIPT)}, type: email, required: true}}]
topic: letters
thanks: {{text: {json.dumps(SCRIPT)}}}
---
places: shops
list: [{{name: {json.dumps(SCRIPT)}, lat: 48.1, lon: 2.3}}]
"""

_LISTEN: Final = """
window.violations = [];
addEventListener("securitypolicyviolation", event =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.asking = 0;
const ask = window.fetch;
window.fetch = (...given) => {
  window.asking += 1;
  const done = () => { window.asking -= 1; window.restedSince = performance.now(); };
  const answer = ask(...given);
  answer.then(done, done);
  return answer;
};
"""
_LINKS: Final = """() => [...document.querySelectorAll("a[href^='/console']")]
.map(each => each.getAttribute("href"))"""
_FOLLOW: Final = """address => {
  window.asked = performance.getEntriesByType("resource").length;
  window.restedSince = performance.now();
  history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
_RESTS: Final = """() => {
  // Nothing is asked, nothing has come for a while, and no part says that it loads.
  const asked = performance.getEntriesByType("resource").length;
  const now = performance.now();
  const loads = window.asking > 0 || document.querySelector("[data-loading]") !== null;
  if (loads || asked !== window.asked) {
    window.asked = asked;
    window.restedSince = now;
  }
  return now - window.restedSince > 120 && document.querySelector("main h1") !== null;
}"""
MOST_PAGES: Final = 90
BLOCKED: Final = "csp"
"""Why a request failed that a policy has blocked."""
REFUSED: Final = (
    "/console/preview' because the document's frame is sandboxed",
    "'about:srcdoc' because the document's frame is sandboxed",
    "because the form's frame is sandboxed",
    # The policy of previews; that of the page itself names other sources.
    'violates the following Content Security Policy directive: "img-src data:"',
)


@dataclass
class Watched:
    """A person's console, with all that its pages ask for elsewhere."""

    console: Console
    operator: Operator
    _asked: list[Request] = field(default_factory=list)

    def see(self, request: Request) -> None:
        """Note a request to another address."""
        if not request.url.startswith((self.console.url, "data:", "blob:", "about:")):
            self._asked.append(request)

    async def elsewhere(self) -> list[str]:
        """What was asked of other machines: a request that a policy blocks is never sent."""

        def ended() -> bool:
            return all(each.failure is not None for each in self._asked)

        # One that is answered, or not yet refused, counts as sent.
        with suppress(AssertionError):
            await eventually(ended, 5)
        return [each.url for each in self._asked if each.failure != BLOCKED]

    def forgive_previews(self) -> None:
        """The browser's notes of what it refuses to hostile messages in their frames."""
        noted = self.console.errors
        noted[:] = [each for each in noted if not any(words in each for words in REFUSED)]


@pytest.fixture
async def watched(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Watched]:
    """A console before contacts, journeys and events that were written to run in it."""
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        applied = await operator.http.post(
            "/v1/apply", json={"documents": [{"filename": "all.yaml", "source": DOCUMENTS}]}
        )
        assert applied.status_code == 200, applied.text
        await operator.sign_up("ada", SCRIPT, link=LINK, first_name=SCRIPT, **{SCRIPT[:60]: SCRIPT})
        frozen = await operator.http.post("/v1/freeze", json={"channel": "sms", "reason": SCRIPT})
        assert frozen.status_code == 201, frozen.text

        async def sent() -> bool:
            return bool(await operator.items("/v1/runs", journey="greeting", step="rest"))

        await eventually(sent, 60)
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            found = Watched(console, operator)
            await console.context.add_init_script(_LISTEN)
            console.context.on("request", found.see)
            yield found


async def test_no_page_runs_what_others_wrote_or_asks_another_machine(watched: Watched) -> None:
    page = await watched.console.open("/", "Today")
    shown: set[str] = set()
    seen: set[str] = set()
    ahead = ["/console/"]
    while ahead and len(seen) < MOST_PAGES:
        address = ahead.pop(0)
        form = _form(address)
        if form in seen:
            continue
        seen.add(form)
        await _go(page, address)
        if WRITTEN in await page.locator("main").inner_text():
            shown.add(form)
        assert await page.evaluate("window.ran ?? null") is None, address
        assert await page.evaluate("window.violations") == [], address
        ahead += await page.evaluate(_LINKS)
    assert await watched.elsewhere() == []
    watched.forgive_previews()
    # The pages on which it stands are those where it could have run.
    assert shown >= EXPECTED, sorted(EXPECTED - shown)
    assert len(seen) >= 40, sorted(seen)


async def _go(page: Page, address: str) -> None:
    """Go to a page as a link does, and wait until it stands still."""
    await page.evaluate(_FOLLOW, address)
    await page.wait_for_function(_RESTS, polling=30)


EXPECTED: Final = {
    "/journeys",
    "/journeys/*/graph",
    "/journeys/*/text",
    "/contacts/*/profile",
    "/contacts/*/timeline",
    "/health/freezes",
    "/segments/*/condition",
}


def _form(address: str) -> str:
    """An address without what it names: pages of one form are alike."""
    path = address.removeprefix("/console").partition("?")[0].rstrip("/") or "/"
    first, *rest = path.strip("/").split("/")
    if first in NAMING and rest and rest[0] != "new":
        rest[0] = "*"
    return "/" + "/".join([first, *rest]).strip("/")


NAMING: Final = {
    "attributes",
    "journeys",
    "contacts",
    "runs",
    "segments",
    "jobs",
    "templates",
    "topics",
    "forms",
    "places",
    "coupons",
    "channels",
}


async def test_a_message_is_shown_in_a_frame_that_neither_runs_nor_fetches(
    watched: Watched,
) -> None:
    page = await watched.console.open("/templates/letter/edit", "letter")
    frame = page.frame_locator("iframe").first
    await expect(frame.get_by_role("heading", name="Hello")).to_be_visible(timeout=20_000)
    await frame.get_by_role("heading", name="Hello").click()
    await frame.get_by_role("button", name="Go").click()
    assert await page.evaluate("window.ran ?? null") is None
    assert await page.evaluate("window.violations") == []
    # The frame's own policy has refused the picture, and the form stays where it is.
    assert await watched.elsewhere() == []
    watched.forgive_previews()


PAGE_OF_OTHERS: Final = """<!doctype html><title>Win a prize</title>
<iframe src="CONSOLE/console/journeys"></iframe>
<form method="post" action="CONSOLE/v1/journeys/greeting/pause" enctype="text/plain">
<button>Win</button></form>"""
_STEAL: Final = """async (api) => {
  const tried = {};
  const call = async (name, path, init) => {
    try {
      const answer = await fetch(api + path, { credentials: "include", ...init });
      tried[name] = answer.type === "opaque" ? "opaque" : answer.status;
    } catch (error) { tried[name] = "refused"; }
  };
  await call("read", "/v1/contacts/ada", {});
  await call("session", "/v1/session", {});
  await call("pause", "/v1/journeys/greeting/pause",
    { method: "POST", mode: "no-cors", body: "{}" });
  await call("as console", "/v1/journeys/greeting/pause",
    { method: "POST", headers: { "Parcours-Via": "console" }, body: "{}" });
  return tried;
}"""


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://127.0.0.1:9"])
async def test_a_page_of_another_origin_neither_reads_nor_acts_nor_shows_the_console(
    watched: Watched, origin: str
) -> None:
    """The second one has the site of the console, so that the browser sends the cookie along."""
    context, api = watched.console.context, watched.console.url
    page = await context.new_page()
    await _serve(context, origin, PAGE_OF_OTHERS.replace("CONSOLE", api))
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    await page.goto(f"{origin}/")
    tried = await page.evaluate(_STEAL, api)
    assert tried == {
        "read": "refused",
        "session": "refused",
        "pause": "refused",
        "as console": "refused",
    }
    [frame] = page.main_frame.child_frames
    # The browser shows a page of its own instead.
    assert await frame.locator("#root").count() == 0
    await page.get_by_role("button", name="Win").click()
    await page.wait_for_url(f"{api}/**")
    posted = [status for url, status in answers if url.endswith("/pause")]
    assert posted, answers
    assert set(posted) <= {401, 403}, answers
    state = (await watched.operator.http.get("/v1/journeys/greeting")).json()["state"]
    assert state == "active"


async def _serve(context: BrowserContext, origin: str, html: str) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/html", body=html)

    await context.route(f"{origin}/**", answer)


async def test_the_first_page_loads_no_more_than_250_kilobytes_of_scripts(
    watched: Watched,
) -> None:
    page = await watched.console.tab()
    scripts: set[str] = set()
    page.on("request", lambda request: scripts.add(request.url) if _is_script(request) else None)
    await page.goto(f"{watched.console.url}/console/")
    await expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    await page.wait_for_load_state("networkidle")
    sizes: dict[str, int] = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        for address in scripts:
            headers = {"Accept-Encoding": "gzip"}
            async with http.stream("GET", address, headers=headers) as answer:
                sizes[address] = sum([len(part) async for part in answer.aiter_raw()])
    assert len(sizes) > 1
    assert sum(sizes.values()) <= 250_000, sizes


def _is_script(request: Request) -> bool:
    return request.resource_type == "script" or request.url.endswith(".js")
