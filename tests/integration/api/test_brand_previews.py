"""A brand as its readers would see it, while it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.form_sites import Pool, Site, serving_forms

ACME = """
brand: acme
name: Acme & sons
colour: '#226a61'
address: 1 High Street, London
from: Acme <hello@acme.example>
texts:
  en: {unsubscribe_title: "Leave {brand}?"}
"""


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with serving_forms(settings, pool) as site:
        yield site


async def _preview(site: Site, **body: Any) -> httpx.Response:
    async with site.pool.connection() as conn:
        key = await create_key(conn, "read")
    return await site.client.post(
        "/v1/brands/preview", json=body, headers={"Authorization": f"Bearer {key}"}
    )


async def test_a_brand_that_is_not_saved_is_shown_on_the_page_of_its_readers(site: Site) -> None:
    answer = await _preview(site, text=ACME)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert "Leave <bdi>Acme &amp; sons</bdi>?" in shown["html"]
    assert "#226a61" in shown["html"]
    assert "1 High Street, London" in shown["html"]
    assert "ada@example.com" not in shown["html"]
    assert (shown["locale"], shown["sender"]) == ("en", "Acme <hello@acme.example>")
    assert shown["reply_to"] is None
    french = (await _preview(site, text=ACME, locale="fr")).json()
    assert french["locale"] == "fr"
    assert french["html"] != shown["html"]
    assert {"en", "fr"} <= set(shown["locales"])
    assert await site.rows("select 1 from document where kind = 'brand' and key = 'acme'") == []


async def test_what_is_no_brand_is_refused_in_words(site: Site) -> None:
    for wrong in ("brand: acme\n", "topic: t\nname: T\n", "brand: [", ""):
        refused = await _preview(site, text=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document")
