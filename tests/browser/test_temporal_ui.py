"""Temporal's own UI, with the columns that `parcours temporal --columns` gives it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Error
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from api.operations.temporal import COLUMNS, script_of_columns
from devstack.ports import free_port
from devstack.temporal_server import Temporal
from tests.support.conditions import eventually


@pytest.mark.long
async def test_the_line_of_the_command_gives_the_ui_columns_for_runs(
    browser: Browser, tmp_path: Path
) -> None:
    temporal = Temporal(None, free_port(), free_port(), tmp_path / "temporal.log")
    child = await temporal.start()
    try:
        client = await Client.connect(temporal.address)
        journey = SearchAttributeKey.for_keyword("JourneyKey")
        await client.start_workflow(
            "Journey",
            id="journey.welcome.1",
            task_queue="journeys",
            search_attributes=TypedSearchAttributes([SearchAttributePair(journey, "welcome")]),
        )
        address = f"http://127.0.0.1:{temporal.ui_port}"

        async def serves() -> bool:
            async with httpx.AsyncClient(trust_env=False) as http:
                try:
                    return (await http.get(address)).status_code == 200
                except httpx.TransportError:
                    return False

        await eventually(serves, 60)
        page = await browser.new_page(viewport={"width": 1800, "height": 900})
        await page.goto(f"{address}/namespaces/default/workflows")
        headings = page.locator("thead th")

        async def shown() -> list[str]:
            try:
                return [text.strip() for text in await headings.all_inner_texts()]
            except Error:
                # The page is being loaded again.
                return []

        async def shows_its_own() -> bool:
            return "Run ID" in await shown()

        await eventually(shows_its_own, 60)
        await page.evaluate(script_of_columns("default"))

        async def shows_ours() -> bool:
            found = await shown()
            assert found[-len(COLUMNS) :] == list(COLUMNS)
            assert "welcome" in await page.locator("tbody tr").first.inner_text()
            return True

        await eventually(shows_ours, 60)
        await page.close()
    finally:
        await child.stop()
