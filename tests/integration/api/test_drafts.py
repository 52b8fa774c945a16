"""Drafts: working copies that two pages may have open, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from store.operations.api_keys import create_key
from tests.integration.api.conftest import Keys, Pool, Rows

ADDRESS = "/v1/drafts/journey/hello"
JOURNEY = """\
journey: hello
# A note.
entry: {api: true}
steps:
  - {id: rest, wait: 30d}
"""
HALF = "journey: hello\nsteps:\n  - {id: rest, wai"


@dataclass
class Editors:
    """Two people who edit, each by a key."""

    ada: httpx.AsyncClient
    lee: httpx.AsyncClient


@pytest.fixture
async def editors(api_url: str, pool: Pool) -> AsyncIterator[Editors]:
    """Ada and Lee."""
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("ada", "lee"):
            async with pool.connection() as conn:
                key = await create_key(conn, "operate", name)
            headers = {"Authorization": f"Bearer {key}"}
            clients.append(
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30)
                )
            )
        yield Editors(*clients)


async def _put(
    client: httpx.AsyncClient, text: str, revision: int | str, base: int | None = None
) -> httpx.Response:
    body: dict[str, Any] = {"text": text, "base_version": base}
    return await client.put(ADDRESS, json=body, headers={"If-Match": f'"{revision}"'})


async def test_a_draft_may_be_unfinished_and_two_editors_lose_nothing(
    editors: Editors, rows: Rows
) -> None:
    assert (await editors.ada.get(ADDRESS)).status_code == 404
    first = await _put(editors.ada, HALF, 0)
    assert first.status_code == 200, first.text
    draft = first.json()
    assert (draft["kind"], draft["key"], draft["text"]) == ("journey", "hello", HALF)
    assert (draft["saved_by"], draft["base_version"], draft["newest_version"]) == (
        "ada", None, None,
    )  # fmt: skip
    assert first.headers["etag"] == f'"{draft["revision"]}"'
    read = await editors.lee.get(ADDRESS)
    assert (read.json(), read.headers["etag"]) == (draft, first.headers["etag"])
    second = await _put(editors.lee, JOURNEY, draft["revision"])
    assert second.json()["saved_by"] == "lee"
    # Ada still has the first one before her.
    late = await _put(editors.ada, HALF + "t: 1d}", draft["revision"])
    assert (late.status_code, late.json()["code"]) == (412, "draft_changed")
    assert late.json()["draft"] == second.json()
    assert late.headers["etag"] == second.headers["etag"]
    # What was saved stays as it is, and the same text keeps its revision.
    same = await _put(editors.ada, JOURNEY, second.json()["revision"])
    assert same.json() == second.json()
    # Nothing runs by it, and the audit log says nothing of it.
    assert await rows("select 1 from journey") == []
    assert await rows("select 1 from audit where subject_kind <> 'database'") == []


async def test_of_two_saves_at_once_one_is_refused(editors: Editors) -> None:
    for _ in range(5):
        before = await editors.ada.get(ADDRESS)
        revision = before.json()["revision"] if before.is_success else 0
        answers = await asyncio.gather(
            *(_put(who, f"{n} {revision}", revision)
              for n, who in enumerate((editors.ada, editors.lee, editors.ada, editors.lee)))
        )  # fmt: skip
        assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]
        kept = next(each.json() for each in answers if each.status_code == 200)
        assert (await editors.ada.get(ADDRESS)).json() == kept


async def test_a_revision_is_never_used_again(editors: Editors) -> None:
    old = (await _put(editors.ada, "one", 0)).json()["revision"]
    deleted = await editors.lee.delete(ADDRESS, headers={"If-Match": str(old)})
    assert deleted.status_code == 204
    gone = await _put(editors.ada, "two", old)
    assert (gone.status_code, gone.json()["draft"], gone.json()["version"]) == (412, None, None)
    assert (await _put(editors.lee, "three", 0)).status_code == 200
    assert (await _put(editors.ada, "two", old)).json()["draft"]["text"] == "three"
    stale = await editors.ada.delete(ADDRESS, headers={"If-Match": str(old)})
    assert (stale.status_code, stale.json()["code"]) == (412, "draft_changed")


async def test_publishing_the_text_removes_the_draft_and_another_text_does_not(
    editors: Editors, rows: Rows
) -> None:
    yaml = {"Content-Type": "application/yaml"}
    revision = (await _put(editors.ada, JOURNEY, 0)).json()["revision"]
    other = JOURNEY.replace("30d", "31d")
    assert (await editors.lee.put("/v1/journeys/hello", content=other, headers=yaml)).is_success
    kept = (await editors.ada.get(ADDRESS)).json()
    assert (kept["revision"], kept["newest_version"]) == (revision, 1)
    # One that is refused leaves the draft.
    wrong = JOURNEY.replace("30d", "soon")
    revision = (await _put(editors.ada, wrong, revision, base=1)).json()["revision"]
    assert (await editors.ada.put("/v1/journeys/hello", content=wrong, headers=yaml)).is_error
    assert (await editors.ada.get(ADDRESS)).json()["base_version"] == 1
    revision = (await _put(editors.ada, JOURNEY, revision, base=1)).json()["revision"]
    assert (await editors.ada.put("/v1/journeys/hello", content=JOURNEY, headers=yaml)).is_success
    assert (await editors.ada.get(ADDRESS)).status_code == 404
    late = await _put(editors.lee, "x", revision)
    assert (late.status_code, late.json()["draft"], late.json()["version"]) == (412, None, 2)
    # A note alone makes no version, and is kept all the same.
    noted = JOURNEY.replace("# A note.", "# Another note.")
    assert (await _put(editors.ada, noted, 0, base=2)).is_success
    saved = await editors.ada.put("/v1/journeys/hello", content=noted, headers=yaml)
    assert saved.json()["version"] == 2
    assert (await editors.ada.get(ADDRESS)).status_code == 404
    source = await editors.ada.get("/v1/journeys/hello", headers={"Accept": "application/yaml"})
    assert source.text == noted
    [(after,)] = await rows("select after from audit order by id desc limit 1")
    assert after == {"version": 2, "text": "comments and layout alone"}
    # JSON has no notes to say.
    document = (await editors.ada.get("/v1/journeys/hello")).json()["document"]
    assert (await editors.ada.put("/v1/journeys/hello", json=document)).is_success
    source = await editors.ada.get("/v1/journeys/hello", headers={"Accept": "application/yaml"})
    assert source.text == noted
    topic = "topic: news\ndefault: opt_in\n"
    for text in (topic, f"{topic}# The newsletter.\n"):
        address = "/v1/drafts/topic/news"
        draft = await editors.ada.put(address, json={"text": text}, headers={"If-Match": "0"})
        assert draft.is_success
        assert (await editors.ada.put("/v1/topics/news", content=text, headers=yaml)).is_success
        assert (await editors.ada.get(address)).status_code == 404
    source = await editors.ada.get("/v1/topics/news", headers={"Accept": "application/yaml"})
    assert source.text == text


async def test_who_edits_a_document_is_known_for_half_a_minute(
    editors: Editors, rows: Rows
) -> None:
    async def present(client: httpx.AsyncClient, editor: str, **more: Any) -> dict[str, Any]:
        answer = await client.post(f"{ADDRESS}/presence", json={"editor": editor, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    alone = await present(editors.ada, "adas-page-1")
    assert [(each["editor"], each["name"]) for each in alone["editors"]] == [("adas-page-1", "ada")]
    assert (alone["draft"], alone["version"]) == (None, None)
    both = await present(editors.lee, "lees-page-1")
    assert [each["name"] for each in both["editors"]] == ["ada", "lee"]
    revision = (await _put(editors.lee, HALF, 0)).json()["revision"]
    later = await present(editors.ada, "adas-page-1")
    assert (later["draft"]["revision"], later["draft"]["saved_by"]) == (revision, "lee")
    assert later["editors"] == both["editors"]
    await rows("update console_editor set seen_at = now() - interval '31 s'"
               " where name = 'lee' returning 1")  # fmt: skip
    assert [each["name"] for each in (await present(editors.ada, "adas-page-1"))["editors"]] == [
        "ada"
    ]
    assert (await present(editors.ada, "adas-page-1", leaving=True))["editors"] == []
    # More than there are places for.
    await rows("insert into console_editor (kind, key, editor, name) select 'journey', 'hello',"
               " 'page-' || n, 'robot' from generate_series(1, 50) n returning 1")  # fmt: skip
    crowd = (await present(editors.ada, "adas-page-2"))["editors"]
    assert (len(crowd), {each["name"] for each in crowd}) == (50, {"robot"})


async def test_drafts_are_listed_and_what_is_wrong_is_said(
    editors: Editors, admin: httpx.AsyncClient, keys: Keys
) -> None:
    for kind, key in (("topic", "b"), ("journey", "b"), ("journey", "a"), ("segment", "a")):
        address = f"/v1/drafts/{kind}/{key}"
        answer = await admin.put(address, json={"text": ""}, headers={"If-Match": '"0"'})
        assert answer.status_code == 200, answer.text
    listed: list[tuple[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await admin.get("/v1/drafts", params={"limit": 3, "cursor": cursor})).json()
        listed += [(each["kind"], each["key"]) for each in page["items"]]
        assert all("text" not in each for each in page["items"])
        cursor = page["next"]
    assert listed == [("journey", "a"), ("journey", "b"), ("segment", "a"), ("topic", "b")]
    only = (await admin.get("/v1/drafts", params={"kind": "topic"})).json()["items"]
    assert [each["key"] for each in only] == ["b"]
    body = {"text": "x"}
    for headers, status, code in (
        ({}, 428, "revision_needed"),
        ({"If-Match": "*"}, 400, "invalid_revision"),
        ({"If-Match": '"x"'}, 400, "invalid_revision"),
        ({"If-Match": "0"}, 412, "draft_changed"),
    ):
        answer = await admin.put("/v1/drafts/journey/a", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    for path in ("/v1/drafts/ship/a", "/v1/drafts/journey/A%20b"):
        answer = await admin.put(path, json=body, headers={"If-Match": "0"})
        assert answer.status_code == 422
    assert (await admin.get("/v1/drafts", params={"cursor": "ship/a"})).status_code == 400
    reader = {"Authorization": f"Bearer {keys.read}"}
    assert (await admin.get("/v1/drafts/journey/a", headers=reader)).status_code == 200
    refused = await admin.put("/v1/drafts/journey/a", json=body, headers=reader | {"If-Match": "0"})
    assert refused.status_code == 403
    missing = await admin.delete("/v1/drafts/journey/c", headers={"If-Match": "7"})
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_draft")
