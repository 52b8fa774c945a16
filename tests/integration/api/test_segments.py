"""Segments and groups over HTTP: members, changes, previews, progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from tests.integration.api.conftest import Keys, Rows
from tests.support.conditions import eventually
from tests.support.segments import SegmentsAtWork
from worker import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]
YAML = {"Content-Type": "application/yaml"}
HERE = "segment: here\nif: {attribute: country, is: FR}\n"


@pytest.fixture
async def read(api_url: str, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with a key of scope `read`."""
    headers = {"Authorization": f"Bearer {keys.read}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=20) as client:
        yield client


async def put(client: httpx.AsyncClient, path: str, source: str) -> httpx.Response:
    return await client.put(f"/v1/{path}", content=source, headers=YAML)


async def all_of(client: httpx.AsyncClient, path: str, limit: int) -> list[Any]:
    """The items of a list, read in pages."""
    items: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get(path, params={"limit": limit, "cursor": cursor})).json()
        items += page["items"]
        cursor = page["next"]
    return items


async def test_a_segment_is_read_with_its_members_once_a_job_has_filled_it(
    operate: httpx.AsyncClient, read: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    for number in range(5):
        country = "FR" if number < 3 else "BE"
        await operate.put(f"/v1/contacts/c{number}", json={"country": country})
    saved = await put(operate, "segments/here", HERE)
    assert saved.json() == {"key": "here", "version": 1, "state": "active", "warnings": []}
    found = (await read.get("/v1/segments/here")).json()
    [(job,)] = await rows("select id from job where kind = 'segment'")
    assert found["state"] == "filling"
    assert found["progress"] == {"done": 0, "total": 0, "job": str(job)}
    assert found["dependencies"] == {"attributes": ["country"]}
    assert found["source"] == HERE
    work = SegmentsAtWork(pool)
    await work.fill(job)
    found = (await read.get("/v1/segments/here")).json()
    assert (found["state"], found["members"], found["progress"]) == ("ready", 3, None)
    assert (found["corrected"], found["checked_at"]) == (0, None)
    await work.check()
    found = (await read.get("/v1/segments/here")).json()
    assert found["checked_at"] is not None
    members = await all_of(read, "/v1/segments/here/members", 2)
    assert sorted(each["contact"] for each in members) == ["c0", "c1", "c2"]
    await operate.put("/v1/contacts/c0", json={"country": "DE"})
    await work.dispatch()
    changes = await all_of(read, "/v1/segments/here/changes", 2)
    assert [(each["contact"], each["change"], each["by"]) for each in changes[:1]] == [
        ("c0", "left", "event")
    ]
    assert changes[0]["event_id"] is not None
    assert {(each["change"], each["by"]) for each in changes[1:]} == {("entered", "fill")}
    [listed] = (await read.get("/v1/segments")).json()["items"]
    assert (listed["key"], listed["members"]) == ("here", 2)
    text = await read.get("/v1/segments/here", headers={"Accept": "application/yaml"})
    assert text.text == HERE
    for path in ("", "/members", "/changes"):
        assert (await read.get(f"/v1/segments/nowhere{path}")).status_code == 404


async def test_a_preview_counts_exactly_and_saves_nothing(
    operate: httpx.AsyncClient, read: httpx.AsyncClient, rows: Rows
) -> None:
    for number in range(12):
        await operate.put(f"/v1/contacts/c{number:02}", json={"country": "FR", "score": number})
    await put(operate, "segments/here", HERE)
    inside = {"all": [{"segment": "here"}, {"attribute": "score", "gte": 1}]}
    answer = await read.post("/v1/segments/preview", json={"if": inside})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["count"] == 11
    assert len(found["sample"]) == 10
    assert found["dependencies"] == {
        "attributes": ["country", "score", "timezone"],
        "segments": ["here"],
    }
    # As a document, which may say something else than the one that is saved.
    text = "segment: here\nif: {attribute: score, is: 3}\n"
    answer = await read.post("/v1/segments/preview", content=text, headers=YAML)
    assert answer.json()["count"] == 1
    assert answer.json()["sample"] == [{"contact": "c03", "email": None}]
    assert await rows("select count(*) from document") == [(1,)]
    for body, message in (
        ({"if": {"segment": "nowhere"}}, "there is no segment `nowhere`"),
        ({"if": {"step": "a", "is": "sent"}}, "knows no steps"),
        ({"if": {"event": "Segment Left"}}, "can't be defined by `Segment Left`"),
        ({"where": 1}, "if: the condition"),
        ({"segment": "here", "if": {"segment": "here"}}, "contains itself"),
    ):
        refused = await read.post("/v1/segments/preview", json=body)
        assert refused.status_code == 422, refused.text
        assert message in refused.json()["message"]


async def test_a_segment_whose_job_was_stopped_is_filled_by_another(
    operate: httpx.AsyncClient, read: httpx.AsyncClient, rows: Rows, pool: Pool
) -> None:
    await operate.put("/v1/contacts/a", json={"country": "FR"})
    await put(operate, "segments/here", HERE)
    [(first,)] = await rows("select id from job")
    assert (await operate.post(f"/v1/jobs/{first}/cancel")).status_code == 200
    assert (await read.post("/v1/segments/here/fill")).status_code == 403
    answer = await operate.post("/v1/segments/here/fill")
    assert answer.status_code == 202
    work = SegmentsAtWork(pool)
    await work.fill(answer.json()["job"])
    assert len(await work.members("here")) == 1
    assert (await operate.post("/v1/segments/nowhere/fill")).status_code == 404


async def test_groups_are_listed_with_their_members(
    operate: httpx.AsyncClient, read: httpx.AsyncClient
) -> None:
    for number in range(3):
        await operate.put(f"/v1/contacts/c{number}", json={"email": f"c{number}@example.com"})
    await operate.post("/v1/groups/vip/contacts", json={"contacts": ["c0", "c1", "c2"]})
    await operate.post("/v1/groups/Ärzte/contacts", json={"contacts": ["c1"]})
    await operate.post("/v1/groups/beta/contacts", json={"contacts": ["c1"]})
    groups = await all_of(read, "/v1/groups", 2)
    assert {each["key"]: each["members"] for each in groups} == {"vip": 3, "Ärzte": 1, "beta": 1}
    assert len(groups) == 3
    members = await all_of(read, "/v1/groups/vip/contacts", 2)
    assert sorted((each["contact"], each["email"]) for each in members) == [
        (f"c{number}", f"c{number}@example.com") for number in range(3)
    ]
    assert await all_of(read, "/v1/groups/none/contacts", 2) == []


@pytest.mark.parametrize("path", ["members", "changes"])
async def test_a_cursor_of_another_list_is_refused(operate: httpx.AsyncClient, path: str) -> None:
    await put(operate, "segments/here", HERE)
    refused = await operate.get(f"/v1/segments/here/{path}", params={"cursor": "vip"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")


async def test_a_worker_fills_a_segment_that_is_saved(
    operate: httpx.AsyncClient, settings: Settings, temporal_client: Client
) -> None:
    async with serving(settings, temporal_client, reconcile_every=0.5):
        await _fills(operate)


async def _fills(operate: httpx.AsyncClient) -> None:
    await operate.put("/v1/contacts/a", json={"country": "FR"})
    await put(operate, "segments/here", HERE)

    async def ready() -> Any:
        found = (await operate.get("/v1/segments/here")).json()
        return found if found["state"] == "ready" else None

    found: dict[str, Any] = await eventually(ready, timeout=30)
    assert found["members"] == 1
    await operate.put("/v1/contacts/b", json={"country": "FR"})

    async def entered() -> Any:
        return (await operate.get("/v1/segments/here")).json()["members"] == 2

    await eventually(entered, timeout=30)


async def test_a_segment_that_becomes_too_large_with_those_inside_it_is_refused(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    async def save(key: str, parts: list[str]) -> httpx.Response:
        text = f"segment: {key}\nif: {{any: [{', '.join(parts)}]}}\n"
        return await put(operate, f"segments/{key}", text)

    assert (await save("inner", ["{group: a}", "{group: b}"])).is_success
    assert (await save("outer", ["{segment: inner}"] * 90)).is_success
    refused = await save("inner", ["{group: a}", "{group: b}", "{group: c}"])
    assert refused.status_code == 422
    assert "segment `outer` has 270 conditions" in refused.json()["detail"]
    assert await rows("select max(version) from document where key = 'inner'") == [(1,)]
    assert (await save("more", ["{segment: outer}"] * 2)).status_code == 422
    twice = {"if": {"any": [{"segment": "outer"}] * 2}}
    found = await operate.post("/v1/segments/preview", json=twice)
    assert (found.status_code, found.json()["code"]) == (422, "invalid_document")
