"""The forecast of sends over HTTP and by the command, from an engine that has runs at waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
from typer.testing import CliRunner

from cli.main import app
from tests.integration.api.conftest import Keys, Pool
from tests.integration.store.test_upcoming import DOCUMENT, plant
from tests.support.engine import activate


async def test_what_goes_out_in_the_next_hour_and_until_tomorrow(
    pool: Pool, operate: httpx.AsyncClient, api_url: str, keys: Keys
) -> None:
    await activate(pool, json.dumps(DOCUMENT))
    now = datetime.now(UTC)
    await plant(pool, "pause", "wait", now + timedelta(minutes=20), 2, None)
    await plant(pool, "pause", "wait", now + timedelta(hours=20), 5, None)
    await plant(pool, "hello", "email", now + timedelta(minutes=50), 3, "quiet_hours")
    hour = (await operate.get("/v1/upcoming?within=1h")).json()
    assert hour["channels"] == {"email": 5, "sms": 2, "webhook": 2}
    assert (hour["total"], hour["exact"]) == (9, 5)
    shown = {(each["step"], each["count"], each["exact"], each["reason"]) for each in hour["items"]}
    assert shown == {
        ("hello", 3, True, "quiet_hours"), ("note", 2, True, None), ("gold", 2, False, None),
        ("crm", 2, False, None),
    }  # fmt: skip
    assert datetime.fromisoformat(hour["until"]) - datetime.fromisoformat(hour["at"]) == timedelta(
        hours=1
    )
    day = (await operate.get("/v1/upcoming")).json()
    assert day["channels"] == {"email": 10, "sms": 7, "webhook": 7}
    for wrong, status in (("within=8d", 422), ("within=x", 422), ("with=1h", 400)):
        assert (await operate.get(f"/v1/upcoming?{wrong}")).status_code == status
    env = {"PARCOURS_API_URL": api_url, "PARCOURS_API_KEY": keys.read, "COLUMNS": "200"}
    printed = CliRunner().invoke(app, ["upcoming", "--within", "1h"], env=env).stdout
    assert "at most 9 sends: email 5, sms 2, webhook 2" in printed
    assert "≤ 2" in printed
    assert "deferral: quiet_hours" in printed
    as_json = CliRunner().invoke(app, ["upcoming", "--json"], env=env).stdout
    assert json.loads(as_json.splitlines()[-1])["total"] == day["total"]
