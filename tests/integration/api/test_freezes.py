"""Freezes by API and command: who may, what is answered, what is kept."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from cli.main import app
from infra.settings import Settings
from tests.integration.api.conftest import Keys
from tests.support.api import serving


async def test_a_key_of_scope_operate_freezes_and_admin_alone_unfreezes(
    operate: httpx.AsyncClient, admin: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    order = {"channel": "email", "reason": "wrong prices"}
    assert (await ingest.post("/v1/freeze", json=order)).status_code == 403
    made = await operate.post("/v1/freeze", json=order)
    assert made.status_code == 201
    body = made.json()
    assert (body["channel"], body["reason"], body["automatic"]) == ("email", "wrong prices", False)
    names = {each["id"]: each["name"] for each in (await admin.get("/v1/keys")).json()["items"]}
    assert body["by_name"] == names[body["by"]]
    assert body["by_name"]
    again = await operate.post("/v1/freeze", json={**order, "reason": "another"})
    assert (again.status_code, again.json()) == (200, body)
    assert (await operate.post("/v1/unfreeze", json=order)).status_code == 403
    every = await admin.post("/v1/unfreeze", json={"reason": "right again"})
    assert (every.status_code, every.json()["code"]) == (409, "not_frozen")
    ended = await admin.post("/v1/unfreeze", json={**order, "reason": "right again"})
    assert (ended.status_code, ended.json()["end_reason"]) == (200, "right again")
    assert ended.json()["ended_by_name"] == names[ended.json()["ended_by"]]
    listed: dict[str, Any] = (await operate.get("/v1/freezes")).json()
    assert listed == {"items": [ended.json()], "next": None}


async def test_a_freeze_of_everything_is_a_freeze_of_its_own(
    operate: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    every = {"reason": "stop", "stops": "everything"}
    assert (await operate.post("/v1/freeze", json={"reason": "prices"})).status_code == 201
    made = await operate.post("/v1/freeze", json=every)
    assert (made.status_code, made.json()["stops"]) == (201, "everything")
    assert (await operate.post("/v1/freeze", json=every)).status_code == 200
    hooks = {**every, "channel": "webhook"}
    assert (await operate.post("/v1/freeze", json=hooks)).status_code == 201
    assert (await operate.post("/v1/freeze", json={"reason": "x", "channel": "webhook"})
            ).status_code == 422  # fmt: skip
    ended = await admin.post("/v1/unfreeze", json=every)
    assert (ended.status_code, ended.json()["channel"]) == (200, "all")
    items = (await operate.get("/v1/freezes")).json()["items"]
    holding = {(each["channel"], each["stops"]) for each in items if each["ended_at"] is None}
    assert holding == {("all", "marketing"), ("webhook", "everything")}


@pytest.mark.parametrize("order", [{}, {"reason": " "}, {"reason": "x", "channel": "fax"}])
async def test_an_order_needs_a_reason_and_a_channel_that_there_is(
    operate: httpx.AsyncClient, order: dict[str, str]
) -> None:
    assert (await operate.post("/v1/freeze", json=order)).status_code == 422


@pytest.fixture
async def variables(settings: Settings, keys: Keys) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API, and a key of it."""
    with capture_logs(), serving(settings) as url:
        yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": keys.admin}


async def test_the_commands_freeze_list_and_unfreeze(variables: dict[str, str]) -> None:

    def parcours(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), env=variables)
        assert result.exit_code == 0, result.output
        return result.output

    assert parcours("freezes") == "no freezes\n"
    words = "marketing on all channels: frozen (wrong prices)\n"
    assert parcours("freeze", "--reason", "wrong prices") == words
    assert "wrong prices" in parcours("freezes")
    assert parcours("unfreeze", "--reason", "ok") == "marketing on all channels: goes on\n"
    result = CliRunner().invoke(app, ["unfreeze", "--reason", "ok"], env=variables)
    assert result.exit_code == 4
