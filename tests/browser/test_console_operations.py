"""The pages of the console for operators, on the real API: seen, steered by keyboard, and acted on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from devstack.ports import free_port
from infra.settings import Settings
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
    api: str
    key: str


@pytest.fixture
async def office(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Office]:
    """Three contacts in three journeys: one retries a call, one waits for the morning, one is on."""
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        documents = DOCUMENTS.replace("PORT", str(free_port()))
        applied = await operator.http.post(
            "/v1/apply", json={"documents": [{"filename": "all.yaml", "source": documents}]}
        )
        assert applied.status_code == 200, applied.text
        for contact in CONTACTS:
            await operator.sign_up(contact)

        async def retrying() -> bool:
            runs = await operator.items("/v1/runs", held="retry")
            return len(runs) == len(CONTACTS)

        await eventually(retrying, 60)
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Office(console, operator, stack["api"], stack["keys"]["admin"])


PAGES: Final = (
    ("/runs", "Runs"),
    ("/runs?held=retry&columns=run%2Cjourney%2Cversion%2Cended", "Runs"),
    ("/runs?state=stuck", "Runs"),
    ("/attention", "Attention"),
    ("/jobs", "Jobs"),
    ("/upcoming", "Upcoming"),
    ("/audit", "Audit"),
    ("/keys", "Keys"),
    ("/health", "Health"),
    ("/health/freezes", "Health"),
    ("/health/faults", "Health"),
    ("/health/retention", "Health"),
)


async def test_each_page_of_operators_opens_and_is_sound(office: Office) -> None:
    found: list[str] = []
    for path, heading in PAGES:
        page = await office.console.open(path, heading)
        await page.wait_for_load_state("networkidle")
        name = path.strip("/").replace("/", "-").partition("?")
        found += await look_over(page, name[0] + ("-filtered" if name[2] else ""))
        await page.close()
    assert found == [], "\n".join(found)
