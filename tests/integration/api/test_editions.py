"""Versions over HTTP: who saved them, when they were live, what each changed, and the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Rows

YAML = {"Content-Type": "application/yaml"}
FIRST = """\
journey: hello
entry: {event: Signed Up}
steps:
  - {id: quiet, wait: 1d}
"""
SECOND = FIRST.replace("1d", "2d")
THIRD = SECOND.replace("Signed Up", "Registered")
WITH_CHANGES = {"changes": True, "limit": 50}


@pytest.fixture
async def lee(admin: httpx.AsyncClient, api_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with a key of scope `operate` named `lee`."""
    made = (await admin.post("/v1/keys", json={"scope": "operate", "name": "lee"})).json()
    headers = {"Authorization": f"Bearer {made['key']}", "Parcours-Via": "console"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=60) as client:
        yield client


async def apply(client: httpx.AsyncClient, source: str) -> None:
    folder = {"documents": [{"filename": "hello.yaml", "source": source}]}
    answer = await client.post("/v1/apply", json=folder)
    assert answer.status_code == 200, answer.text


async def activate(client: httpx.AsyncClient, version: int) -> None:
    answer = await client.post("/v1/journeys/hello/activate", json={"version": version})
    assert answer.status_code == 200, answer.text


async def test_the_history_of_a_journey_says_who_and_when_and_what(
    admin: httpx.AsyncClient, lee: httpx.AsyncClient, rows: Rows
) -> None:
    [(owner,)] = await rows("select name from api_key where scope = 'admin'")
    await apply(lee, FIRST)
    await apply(admin, SECOND)
    saved = await lee.put("/v1/journeys/hello", content=THIRD, headers=YAML)
    assert saved.json()["version"] == 3
    await activate(admin, 3)
    await activate(lee, 2)
    history = await admin.get("/v1/journeys/hello/versions", params=WITH_CHANGES)
    third, second, first = history.json()["items"]
    assert [each["saved_by"] for each in (third, second, first)] == ["lee", owner, "lee"]
    assert [each["live"] for each in (third, second, first)] == [False, True, False]
    assert third["changes"] == ["entry event Signed Up → Registered"]
    assert second["changes"] == ["step quiet: wait 1d → 2d"]
    assert first["changes"] == []
    [live] = third["live_times"]
    assert live["by"] == owner
    back, once = second["live_times"]
    assert (back["by"], back["until"]) == ("lee", None)
    assert (once["by"], once["until"], live["until"]) == (owner, live["since"], back["since"])
    assert first["live_times"][0]["until"] == once["since"]
    # What the last version of a page changed is known as well.
    one = {"changes": True, "limit": 1}
    page = (await admin.get("/v1/journeys/hello/versions", params=one)).json()
    assert (page["items"][0]["changes"], page["next"]) == (third["changes"], "3")
    plain = (await admin.get("/v1/journeys/hello/versions")).json()["items"]
    assert [each["changes"] for each in plain] == [None, None, None]
    long = await admin.get("/v1/journeys/hello/versions", params={"changes": True})
    assert (long.status_code, long.json()["code"]) == (422, "invalid_request")


async def test_who_changed_a_journey_is_one_call(
    admin: httpx.AsyncClient, lee: httpx.AsyncClient, rows: Rows
) -> None:
    [(owner,)] = await rows("select name from api_key where scope = 'admin'")
    await apply(lee, FIRST)
    await apply(admin, SECOND)
    await activate(lee, 1)
    listed = (await admin.get("/v1/audit", params={"journey": "hello"})).json()["items"]
    assert [(each["actor"], each["via"], each["sentence"]) for each in listed] == [
        ("lee", "console", "activated journey hello: version 2 → 1, in flight pin"),
        (owner, "api", "activated journey hello: version 1 → 2, in flight pin"),
        (owner, "api", "saved journey hello: version 1 → 2"),
        (
            "lee",
            "console",
            "activated journey hello: version 1, in flight pin, state draft → active",
        ),
        ("lee", "console", "saved journey hello: version 1"),
    ]


async def test_any_two_versions_are_compared_in_words(lee: httpx.AsyncClient) -> None:
    for source in (FIRST, SECOND, THIRD):
        await apply(lee, source)

    async def changes(before: int, after: int) -> list[str]:
        answer = await lee.get(f"/v1/journeys/hello/versions/{before}/diff/{after}")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["before"], found["after"]) == (before, after)
        return [each["sentence"] for each in found["changes"]]

    assert await changes(2, 3) == ["entry event Signed Up → Registered"]
    assert await changes(3, 1) == [
        "entry event Registered → Signed Up",
        "step quiet: wait 2d → 1d",
    ]
    assert await changes(2, 2) == []
    for path in ("1/diff/9", "9/diff/1"):
        answer = await lee.get(f"/v1/journeys/hello/versions/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_journey")
        assert "version 9" in answer.json()["message"]


async def test_a_document_keeps_its_versions_and_returns_to_one(lee: httpx.AsyncClient) -> None:
    of = "/v1/templates/note"
    for text in ("T", "U", "V"):
        source = f"# a comment\ntemplate: note\nsubject: S\ntext: {text}\n"
        assert (await lee.put(of, content=source, headers=YAML)).is_success
    history = (await lee.get(f"{of}/versions", params=WITH_CHANGES)).json()["items"]
    assert [(each["version"], each["live"], each["saved_by"]) for each in history] == [
        (3, True, "lee"), (2, False, "lee"), (1, False, "lee"),
    ]  # fmt: skip
    assert [each["changes"] for each in history] == [["text changed"], ["text changed"], []]
    compared = (await lee.get(f"{of}/versions/3/diff/1")).json()
    assert compared["changes"] == [{"sentence": "text changed", "lines": "@@ -1 +1 @@\n-V\n+T"}]
    back = await lee.post(f"{of}/restore", json={"version": 1})
    assert (back.status_code, back.json()["version"]) == (200, 4)
    shown = (await lee.get(of)).json()
    assert shown["document"]["text"] == "T"
    assert "# a comment" in shown["source"], shown["source"]
    # What goes out is the text of then.
    preview = await lee.post(f"{of}/preview", json={})
    assert preview.json()["text"] == "T"
    gone = await lee.post(f"{of}/restore", json={"version": 9})
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_template")
    assert (await lee.get("/v1/templates/none/versions")).status_code == 404


async def test_an_earlier_version_is_checked_as_any_other(
    lee: httpx.AsyncClient, rows: Rows
) -> None:
    async def put(key: str, condition: dict[str, Any]) -> None:
        answer = await lee.put(f"/v1/segments/{key}", json={"segment": key, "if": condition})
        assert answer.is_success, answer.text

    await put("b", {"attribute": "x", "is": 1})
    await put("a", {"segment": "b"})
    await put("a", {"attribute": "x", "is": 2})
    await put("b", {"segment": "a"})
    known = await rows("select count(*) from audit")
    # The two would name each other.
    refused = await lee.post("/v1/segments/a/restore", json={"version": 1})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document")
    assert await rows("select count(*) from audit") == known
