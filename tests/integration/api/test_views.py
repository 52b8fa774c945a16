"""Saved views: of one key, or shared by all."""

from __future__ import annotations

from typing import Any

import httpx

from tests.integration.api.conftest import Keys, Rows


async def test_views_are_of_a_key_or_of_all(stranger: httpx.AsyncClient, keys: Keys) -> None:
    async def call(
        key: str, method: str, name: str = "", body: Any = None, **parameters: Any
    ) -> httpx.Response:
        return await stranger.request(
            method,
            f"/v1/views/{name}" if name else "/v1/views",
            json=body,
            params=parameters,
            headers={"Authorization": f"Bearer {key}"},
        )

    stuck = {"page": "/runs", "query": "state=active&stuck=true"}
    saved = await call(keys.read, "PUT", "Stuck", stuck)
    assert saved.status_code == 200, saved.text
    assert stuck.items() <= saved.json().items()
    assert (saved.json()["shared"], saved.json()["name"]) == (False, "Stuck")
    # Another key does not see it, and has its own under the same name.
    assert (await call(keys.operate, "GET", "Stuck")).status_code == 404
    assert (await call(keys.operate, "PUT", "Stuck", {"page": "/log"})).status_code == 200
    # One that all share.
    ours = {"page": "/runs", "query": "journey=cart"}
    assert (await call(keys.read, "PUT", "Carts", ours, shared=True)).status_code == 403
    assert (await call(keys.edit, "PUT", "Carts", ours, shared=True)).status_code == 200
    assert (await call(keys.read, "GET", "Carts")).json()["shared"] is True
    # One's own stands before it.
    assert (await call(keys.read, "PUT", "Carts", stuck)).status_code == 200
    assert (await call(keys.read, "GET", "Carts")).json()["query"] == stuck["query"]
    assert (await call(keys.read, "GET", "Carts", shared=True)).json()["query"] == ours["query"]
    listed: list[tuple[str, bool]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await call(keys.read, "GET", limit=1, cursor=cursor)).json()
        listed += [(each["name"], each["shared"]) for each in page["items"]]
        cursor = page["next"]
    assert listed == [("Carts", True), ("Carts", False), ("Stuck", False)]
    of_log = (await call(keys.operate, "GET", page="/log")).json()["items"]
    assert [each["name"] for each in of_log] == ["Stuck"]
    assert (await call(keys.read, "DELETE", "Carts", shared=True)).status_code == 403
    assert (await call(keys.admin, "DELETE", "Carts", shared=True)).status_code == 204
    assert (await call(keys.read, "GET", "Carts")).json()["shared"] is False
    assert (await call(keys.read, "DELETE", "Stuck")).status_code == 204
    assert (await call(keys.read, "DELETE", "Stuck")).status_code == 404
    assert (await call(keys.operate, "GET", "Stuck")).status_code == 200
    for page in ("javascript:alert(1)", "https://evil.example", "runs", "/a b", "/\\evil"):
        assert (await call(keys.read, "PUT", "x", {"page": page})).status_code == 422, page
    assert (await call(keys.ingest, "GET")).status_code == 403
    assert (await call(keys.read, "GET", cursor="x")).status_code == 400


async def test_views_are_bounded(stranger: httpx.AsyncClient, keys: Keys, rows: Rows) -> None:
    headers = {"Authorization": f"Bearer {keys.read}"}
    await rows(
        "insert into console_view (owner, name, page, query, saved_by)"
        " select id::text, 'view ' || n, '/runs', '', 'kim' from api_key"
        " cross join generate_series(1, 200) n where scope = 'read' returning 1"
    )
    body = {"page": "/log"}
    full = await stranger.put("/v1/views/more", json=body, headers=headers)
    assert (full.status_code, full.json()["code"]) == (409, "too_many_views")
    assert (await stranger.put("/v1/views/view%207", json=body, headers=headers)).status_code == 200
