"""Conditions as sentences, in the builder and in segments, by pointer and by keyboard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
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


class Site:
    """A marketer before the console, with contacts that have orders."""

    def __init__(self, console: Console, operator: Operator) -> None:
        self.console = console
        self.operator = operator


@pytest.fixture
async def site(
    browser: Browser,
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
) -> AsyncIterator[Site]:
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        for contact, country, totals in (
            ("ada", "FR", [60, 80]),
            ("grace", "DE", [70]),
            ("edsger", "NL", [90, 90, 90]),
        ):
            await operator.sign_up(contact, country=country)
            for total in totals:
                await operator.track(contact, "Order Completed", total=total, order_id="o-1")
        stack = json.loads((tmp_path / ".parcours" / "stack.json").read_text())
        async with signed_in(browser, stack["api"], stack["keys"]["admin"]) as console:
            yield Site(console, operator)


async def choose(field: Locator, text: str) -> None:
    """Type into a field with choices, and take the one of this very name."""
    await field.fill(text)
    page = field.page
    await page.get_by_role("option", name=text, exact=True).click()
