"""Forms as their makers see them: the page while it is written, and who has filled it in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.settings import Settings
from store.forms import submission_listing
from store.operations.api_keys import Scope, create_key
from tests.support.form_sites import DOCUMENTS, Pool, Site, serving_forms

SIGN_UP = next(each for each in DOCUMENTS.split("---\n") if each.startswith("form: sign-up"))


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with serving_forms(settings, pool) as site:
        yield site


async def _headers(site: Site, scope: Scope) -> dict[str, str]:
    async with site.pool.connection() as conn:
        key = await create_key(conn, scope)
    return {"Authorization": f"Bearer {key}", "Accept": "application/json"}


async def _preview(site: Site, **body: Any) -> httpx.Response:
    return await site.client.post(
        "/v1/forms/preview", json=body, headers=await _headers(site, "read")
    )


async def test_the_preview_is_the_page_that_visitors_would_see_but_can_not_be_sent(
    site: Site,
) -> None:
    for language in ("en", "fr"):
        answer = await _preview(site, text=SIGN_UP, locale=language)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        real = (await site.client.get("/f/sign-up", params={"lang": language})).text
        assert shown["html"] == re.sub('(name="_stamp" value=")[^"]+', r"\1", real)
        assert (shown["locale"], shown["locales"]) == (language, ["en", "fr"])
        assert shown["address"] == "https://mail.acme.test/f/sign-up"
    thanks = (await _preview(site, text=SIGN_UP, locale="fr", page="thanks")).json()
    assert "<p>C&#x27;est fait.</p>" in thanks["html"]
    away = "form: x\nthanks: {url: 'https://a.example/t'}\nfields: [{name: a, label: A}]\n"
    assert (await _preview(site, text=away)).json()["leads_to"] == "https://a.example/t"


async def test_a_form_that_is_not_saved_is_previewed_and_its_mistakes_are_said(site: Site) -> None:
    new = "form: new\ntitle: <script>x</script>\nfields: [{name: a, label: A}]\n"
    shown = (await _preview(site, text=new)).json()
    assert "<h1>&lt;script&gt;x&lt;/script&gt;</h1>" in shown["html"]
    assert await site.rows("select 1 from document where key = 'new'") == []
    for wrong in (new + "topik: news\n", "topic: t\nname: T\n", "form: [", ""):
        refused = await _preview(site, text=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document")


async def test_submissions_are_listed_by_form_the_newest_first(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await site.send("quote", size="small", message=f"No. {number}")
    await site.send(email="ada@example.com")
    headers = await _headers(site, "read")

    async def page(**parameters: str | int) -> dict[str, Any]:
        answer = await site.client.get(
            "/v1/forms/quote/submissions", params=parameters, headers=headers
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def followed(**parameters: int) -> tuple[list[dict[str, Any]], int]:
        """All items, and the number of pages."""
        items: list[dict[str, Any]] = []
        pages, cursor = 0, None
        while pages == 0 or cursor is not None:
            found = await page(**parameters, **({} if cursor is None else {"cursor": cursor}))
            items, pages, cursor = [*items, *found["items"]], pages + 1, found["next"]
        return items, pages

    items, pages = await followed()
    assert [each["fields"]["message"] for each in items] == ["No. 2", "No. 1", "No. 0"]
    assert items[0]["fields"] == {"size": "small", "message": "No. 2"}
    assert pages == 1
    assert (await followed(limit=1)) == (items, 3)
    # One call looks at a bounded number of events, and the next one goes on from there.
    monkeypatch.setattr(submission_listing, "SPAN", 4)
    found, pages = await followed()
    assert found == items
    assert pages > 2

    unknown = await site.client.get("/v1/forms/none/submissions", headers=headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_form")
    wrong = await site.client.get(
        "/v1/forms/quote/submissions", params={"cursor": "x"}, headers=headers
    )
    assert wrong.status_code == 400
    edit = await _headers(site, "edit")
    refused = await site.client.get("/v1/forms/quote/submissions", headers=edit)
    assert refused.status_code == 403
