"""Holdouts and attribution by API and command."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.registry import JOB_ACTIVITIES
from api.reports import attribution
from infra.settings import Settings
from journeys.model.holdouts import Holdout
from journeys.protocol.payloads import JobInput
from store.definitions.catalog import Catalog
from store.operations.api_keys import create_key
from tests.integration.cli.test_figures import Server
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.crowds import Pool

SOURCE = "holdout: nothing\nshare: 5%\njourneys: [welcome, cart]\n"
DESIGN = Holdout.model_validate(
    {"holdout": "nothing", "share": "5%", "journeys": ["welcome", "cart"]}
).design


@pytest.fixture
async def server(settings: Settings, pool: Pool) -> AsyncIterator[Server]:
    async with pool.connection() as conn:
        keys = {scope: await create_key(conn, scope) for scope in ("read", "ingest")}
        keys["admin"] = await create_key(conn, "admin")
    with capture_logs(), serving(settings) as url:
        yield Server(url, keys)


async def save(server: Server, text: str) -> dict[str, Any]:
    """Save the holdout; the answer."""
    headers = {"Authorization": f"Bearer {server.keys['admin']}",
               "Content-Type": "application/yaml"}  # fmt: skip
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
        answer = await client.put("/v1/holdouts/nothing", content=text)
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def observe(pool: Pool, journey: str, first: int, held: int, free: int) -> None:
    """Contacts numbered from `first` on: those who are held out, and those who entered. Of the
    held out every twelfth meets the goal with a value of 2, of the others every eighth."""
    async with pool.connection() as conn:
        for number, word in ((held, "true"), (free, "false")):
            await conn.execute(
                "insert into holdout_observation (holdout, design, journey, version, contact_id,"
                " held, is_first, ref, event_name, until_at, met_event_id, met_at, value)"
                f" select 'nothing', %s, %s, 1, md5('{word}' || n)::uuid, {word},"
                f" {'false' if journey == 'cart' else 'true'}, 0, 'Bought',"
                " parcours.clock() + interval '1 day' * (n %% 2 * 2 - 1),"
                f" case when n %% {12 if held == number else 8} = 0 then n end,"
                f" case when n %% {12 if held == number else 8} = 0 then parcours.clock() end,"
                f" case when n %% {12 if held == number else 8} = 0 then 2 end"
                " from generate_series(%s::int, %s) n".encode(),
                (DESIGN, journey, first, first + number - 1),
            )


async def test_a_holdout_is_saved_and_shows_its_lift(server: Server, pool: Pool) -> None:
    saved = await save(server, SOURCE)
    assert (saved["version"], saved["state"]) == (1, "active")
    assert len(saved["warnings"]) == 2
    empty = (await server.get("/v1/holdouts/nothing/results")).json()
    assert empty["whole"]["entered"]["contacts"] == 0
    assert empty["whole"]["verdict"] == "too_early"
    assert "nothing to compare" in empty["whole"]["words"]
    # The second journey sees a quarter of the same contacts again.
    await observe(pool, "welcome", 1, 1_200, 22_800)
    await observe(pool, "cart", 1, 300, 5_700)
    found = (await server.get("/v1/holdouts/nothing/results")).json()
    whole, [cart, welcome] = found["whole"], found["journeys"]
    assert (found["version"], found["share"], found["state"]) == (1, "5%", "in_force")
    assert (cart["journey"], welcome["journey"]) == ("cart", "welcome")
    held, entered = whole["held_out"], whole["entered"]
    assert (held["contacts"], held["goals"], held["open"]) == (1_200, 100, 600)
    assert (entered["contacts"], entered["goals"], entered["open"]) == (22_800, 2_850, 11_400)
    # Of each contact the first journey counts.
    assert (held["value"], entered["value"]) == (200, 5_700)
    assert (held["rate"], entered["rate"]) == (pytest.approx(1 / 12), 0.125)
    assert whole["lift"] == pytest.approx(0.5)
    assert whole["added_goals"] == pytest.approx(22_800 / 24)
    pooled = 2_950 / 24_000
    z = (1 / 8 - 1 / 12) / math.sqrt(pooled * (1 - pooled) * (1 / 1_200 + 1 / 22_800))
    assert whole["fixed_horizon"]["p_value"] == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-6)
    assert (whole["fixed_horizon"]["method"], whole["sequential"]["method"]) == (
        "fixed_horizon", "sequential"
    )  # fmt: skip
    assert (whole["verdict"], whole["better"]) == ("winner", "entered")
    assert (cart["held_out"]["contacts"], cart["held_out"]["goals"]) == (300, 25)
    shown = await server.command("holdout", "results", "nothing")
    assert shown.exit_code == 0, shown.output
    assert "nothing version 1, 5%, in force: those who entered the journeys met" in shown.output
    assert "entered better" in shown.output
    listed = await server.command("holdout", "list")
    assert "welcome, cart" in listed.output
    assert json.loads((await server.command("holdout", "list", "--json")).output)["next"] is None
    assert SOURCE.strip() in (await server.command("holdout", "show", "nothing")).output


async def test_another_design_begins_another_comparison(server: Server, pool: Pool) -> None:
    await save(server, SOURCE)
    await observe(pool, "welcome", 1, 120, 2_280)
    await save(server, f"{SOURCE}name: Nothing at all\nto: 2026-01-01\n")
    ended = (await server.get("/v1/holdouts/nothing/results")).json()
    assert (ended["state"], ended["whole"]["held_out"]["contacts"]) == ("ended", 120)
    await save(server, SOURCE.replace("5%", "6%"))
    fresh = (await server.get("/v1/holdouts/nothing/results")).json()
    assert (fresh["version"], fresh["whole"]["held_out"]["contacts"]) == (3, 0)
    before = (await server.get("/v1/holdouts/nothing/results?version=1")).json()
    assert before["whole"]["held_out"]["contacts"] == 120
    for path, code in (
        ("/v1/holdouts/nothing/results?version=9", "unknown_holdout"),
        ("/v1/holdouts/other/results", "unknown_holdout"),
        ("/v1/holdouts/other", "unknown_holdout"),
    ):
        answer = await server.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert (await server.get("/v1/holdouts/nothing/results", "ingest")).status_code == 403


async def bought(pool: Pool, total: Any, **more: Any) -> None:
    """An order of a contact that clicked in three messages before, of three journeys."""
    contact = uuid4()
    async with pool.connection() as conn:
        await conn.execute("insert into contact (id) values (%s)", (contact,))
        for journey in ("a", "b", "c"):
            run, message = uuid4(), uuid4()
            await conn.execute(
                "insert into run (id, journey, version, contact_id, entry_ref, ref)"
                " values (%s, %s, 1, %s, 0, 0)",
                (run, journey, contact),
            )
            await conn.execute(
                "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
                " values (%s, %s, 1, 'offer', %s, 'email', 'sent', '')",
                (message, run, contact),
            )
            await conn.execute(
                "insert into event (contact_id, name, message_id, properties)"
                " values (%s, 'Message Clicked', %s, %s)",
                (contact, uuid4().hex, Jsonb({"message_id": str(message)})),
            )
        await conn.execute(
            "insert into event (contact_id, name, message_id, properties)"
            " values (%s, 'Order Completed', %s, %s)",
            (contact, uuid4().hex, Jsonb({"total": total, **more})),
        )


async def test_orders_are_attributed_by_api_and_command(server: Server, pool: Pool) -> None:
    await bought(pool, 100, currency="EUR")
    await bought(pool, 12.5, currency="USD")
    await bought(pool, "free")
    async with pool.connection() as conn:
        await conn.execute("insert into contact (id, external_id) values (%s, 'z')", (uuid4(),))
        await conn.execute(
            "insert into event (contact_id, name, message_id, properties)"
            " select id, 'Order Completed', 'z', '{\"total\": 7.25, \"currency\": \"EUR\"}'"
            " from contact where external_id = 'z'"
        )
    path = "/v1/attribution?event=Order%20Completed&value=total"
    found = (await server.get(f"{path}&model=linear&by=journey")).json()
    assert (found["model"], found["by"], found["touch"], found["window_seconds"]) == (
        "linear", "journey", "clicked", 7 * 86_400
    )  # fmt: skip
    without, euros, dollars = found["currencies"]
    assert [each["currency"] for each in found["currencies"]] == [None, "EUR", "USD"]
    assert (euros["conversions"], euros["attributed"], euros["unattributed"]) == (2, 1, 1)
    assert (euros["value"], euros["unattributed_value"]) == ("107.25", "7.25")
    assert [(row["journey"], row["credit"], row["value"]) for row in euros["rows"]] == [
        ("a", "0.333334", "33.34"), ("b", "0.333333", "33.33"), ("c", "0.333333", "33.33")
    ]  # fmt: skip
    assert [row["value"] for row in dollars["rows"]] == ["4.17", "4.17", "4.16"]
    assert (without["without_value"], without["value"]) == (1, "0")
    last = (await server.get(path)).json()
    assert [row["journey"] for row in last["currencies"][1]["rows"]] == ["c"]
    first = (await server.get(f"{path}&model=first")).json()
    assert [row["journey"] for row in first["currencies"][1]["rows"]] == ["a"]
    none = (await server.get(f"{path}&window=1s&touch=delivered")).json()
    assert [each["attributed"] for each in none["currencies"]] == [0, 0, 0]
    arguments = ("--event", "Order Completed", "--value", "total", "--model", "linear")
    shown = await server.command("attribution", *arguments)
    assert shown.exit_code == 0, shown.output
    assert "EUR: 2 conversions, value 107.25; 1 attributed, value 100; 1 not" in shown.output
    assert "33.34" in shown.output
    goals = await server.command("attribution")
    assert "no conversions" in goals.output


async def test_a_long_period_is_a_job(
    server: Server, pool: Pool, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought(pool, 100, currency="EUR")
    monkeypatch.setattr(attribution, "MOST_AT_ONCE", 0)
    path = "/v1/attribution?event=Order%20Completed&value=total"
    refused = await server.get(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_events")
    arguments = ("--event", "Order Completed", "--value", "total")
    asking = asyncio.create_task(server.command("attribution", *arguments))

    async def begun() -> Any:
        return (await server.get("/v1/jobs?kind=attribution")).json()["items"]

    [job] = await eventually(begun)
    assert (job["state"], job["subject"][:2]) == ("running", "20")
    early = (await server.get(f"/v1/attribution/{job['id']}")).json()
    assert (early["complete"], early["currencies"]) == (False, [])
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    page = JOB_ACTIVITIES["attribution"](context, temporal_client).page
    answer = await ActivityEnvironment().run(page, JobInput(job_id=job["id"], subject=""))
    assert answer.state == "done"
    shown = await asking
    assert shown.exit_code == 0, shown.output
    assert "EUR: 1 conversions, value 100; 1 attributed" in shown.output
    late = (await server.get(f"/v1/attribution/{job['id']}")).json()
    assert (late["complete"], late["event"]) == (True, "Order Completed")
    missing = await server.get(f"/v1/attribution/{uuid4()}")
    assert missing.json()["code"] == "unknown_job"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("value=total", "goals name their value themselves"),
        ("event=E&by=coupon&touch=clicked", "drawn or redeemed"),
        ("event=E&touch=drawn", "sent, delivered, opened or clicked"),
        ("event=E&window=91d", "at most 90d"),
        ("event=E&window=soon", "window:"),
        ("event=E&from=2026-01-01&to=2026-06-01", "at most 92 days"),
        ("event=E&from=2026-06-02&to=2026-06-01", "must come before"),
        ("model=best", "model"),
    ],
)
async def test_what_attribution_cannot_answer(server: Server, query: str, words: str) -> None:
    answer = await server.get(f"/v1/attribution?{query}")
    assert answer.status_code == 422, answer.text
    assert words in answer.text
