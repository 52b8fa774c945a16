"""Repairs of many runs: previewed, chosen when they are asked for, each repaired once."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.integration.channels.http_server import Exchange, HttpServer
from tests.integration.engine.test_message_retries import dropped, job_of, message_of
from tests.integration.engine.test_repairs import (
    HOOK,
    engine,
    held_for_an_hour,
    http_server,
    ok,
    operator,
    repair,
)
from tests.integration.engine.test_retried_sends import Pool
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept

__all__ = ["engine", "http_server", "operator"]

WAITS = """
journey: waits
entry: {event: Begun}
steps:
  - {id: first, wait: {event: Ready, up_to: 30d}}
  - {id: second, wait: {event: Ready, up_to: 30d}}
  - {id: third, wait: {event: Ready, up_to: 30d}}
"""


async def bulk(
    operator: httpx.AsyncClient, action: str, expect: int = 202, **body: Any
) -> dict[str, Any]:
    """The answer to a repair of many."""
    answer = await operator.post("/v1/runs/bulk", json={"action": action, "reason": "why", **body})
    assert answer.status_code == expect, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def standing(engine: Engine, count: int, step: str) -> list[dict[str, Any]]:
    """So many runs of new contacts that stand at a step."""
    contacts = [await engine.contact() for _ in range(count)]
    for contact in contacts:
        await accept(engine.pool, contact, "Begun", {})
    engine.dispatcher.nudge()
    return [await engine.standing_at(contact, step) for contact in contacts]


async def steps_of(pool: Pool) -> dict[tuple[str, str | None], int]:
    """How many runs there are by state and step."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select state, step, count(*) from run group by 1, 2")
        return {(state, step): count for state, step, count in await cursor.fetchall()}


async def test_a_preview_says_in_words_what_a_repair_then_does(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    runs = await standing(engine, 5, "first")
    await engine.event(runs[0]["contact_id"], "Ready")
    await engine.standing_at(runs[0]["contact_id"], "second")
    preview = await bulk(
        operator, "goto", 200, journey="waits", step="first", target="third", dry_run=True
    )
    assert (preview["count"], preview["more"], preview["approval"]) == (4, False, False)
    assert preview["words"].startswith("4 runs of `waits` go from `first` to `third`.")
    assert {each["run"] for each in preview["sample"]} == {str(run["id"]) for run in runs[1:]}
    assert {(each["step"], each["visit"]) for each in preview["sample"]} == {("first", 1)}
    assert await steps_of(engine.pool) == {("active", "first"): 4, ("active", "second"): 1}
    job = await bulk(operator, "goto", journey="waits", step="first", target="third", limit=3)
    assert (job["kind"], job["total"], job["subject"]) == (
        "repair", 3, "goto first to third of waits",
    )  # fmt: skip
    done = await job_of(operator, job["id"])
    assert (done["state"], done["done"], done["result"]["repaired"]) == ("done", 3, 3)

    async def moved() -> bool:
        return await steps_of(engine.pool) == {
            ("active", "first"): 1, ("active", "second"): 1, ("active", "third"): 3,
        }  # fmt: skip

    await eventually(moved, 20)


async def test_a_repair_is_undone_for_the_runs_that_stand_where_it_has_put_them(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    runs = await standing(engine, 3, "first")
    job = await bulk(operator, "goto", journey="waits", step="first", target="third")
    assert (await job_of(operator, job["id"]))["result"]["repaired"] == 3
    for run in runs:
        await engine.standing_at(run["contact_id"], "third", timeout=20)
    await engine.event(runs[0]["contact_id"], "Ready")
    await engine.ended(runs[0]["contact_id"], 20)
    path = f"/v1/jobs/{job['id']}/undo"
    undo = (await operator.post(path)).json()
    assert (undo["total"], undo["subject"]) == (2, "undo of goto first to third of waits")
    assert (await job_of(operator, undo["id"]))["result"]["repaired"] == 2
    assert (await operator.post(path)).json()["id"] == undo["id"]
    for run in runs[1:]:
        await engine.standing_at(run["contact_id"], "first", timeout=20)
        assert await engine.path(run["id"]) == [
            ("first", "moved"), ("third", "moved"), ("first", None),
        ]  # fmt: skip
    ending = await bulk(operator, "exit", journey="waits")
    await job_of(operator, ending["id"])
    answer = await operator.post(f"/v1/jobs/{ending['id']}/undo")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_runs_that_have_gone_on_are_left_alone_and_counted(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    runs = await standing(engine, 4, "first")
    job = await bulk(operator, "skip", journey="waits", step="first", rate=1)
    # One comes to its turn at once, the others each second.
    for run in runs:
        await accept(engine.pool, run["contact_id"], "Ready", {})
    engine.dispatcher.nudge()
    done = await job_of(operator, job["id"])
    assert done["result"]["repaired"] + done["result"]["left_alone"]["gone_on"] == 4
    assert done["result"]["left_alone"]["gone_on"] >= 1

    async def gone_on() -> bool:
        # A workflow takes up its repair a moment after the job has asked for it.
        paths = [await engine.path(run["id"]) for run in runs]
        return all(len(path) in (2, 3) and path[-1][1] is None for path in paths)

    await eventually(gone_on, 20)
    again = await bulk(operator, "skip", 409, journey="waits", step="first")
    assert again["code"] == "no_runs"


async def test_many_are_ended_by_contact_and_cancelled_by_id(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    runs = await standing(engine, 4, "first")
    contacts = [str(run["contact_id"]) for run in runs]
    job = await bulk(operator, "exit", contacts=contacts[:2])
    assert (await job_of(operator, job["id"]))["result"]["repaired"] == 2
    job = await bulk(operator, "cancel", runs=[str(run["id"]) for run in runs[1:]])
    done = await job_of(operator, job["id"])
    # The one that had ended was not chosen.
    assert (done["total"], done["result"]["repaired"]) == (2, 2)
    ends = [await engine.ended(run["contact_id"], 20) for run in runs]
    assert [(run["outcome"], run["reason"]) for run in ends] == [
        ("removed", "operator"), ("removed", "operator"), ("removed", "cancelled"),
        ("removed", "cancelled"),
    ]  # fmt: skip


async def test_what_cannot_be_is_refused_before_anything_is_done(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    await standing(engine, 1, "first")
    for expect, code, body in (
        (422, "invalid_request", {"action": "skip"}),
        (422, "invalid_request", {"action": "goto", "journey": "waits"}),
        (422, "invalid_request", {"action": "skip", "journey": "waits", "target": "third"}),
        (422, "invalid_request", {"action": "skip", "journey": "waits", "may_arrive_twice": True}),
        (422, "unknown_step", {"action": "skip", "journey": "waits", "step": "frist"}),
        (422, "unknown_step", {"action": "goto", "journey": "waits", "target": "nope"}),
        (404, "unknown_journey", {"action": "skip", "journey": "nope"}),
        (404, "unknown_contact", {"action": "exit", "contacts": ["nope"]}),
        (409, "no_runs", {"action": "skip", "journey": "waits", "step": "second"}),
    ):
        answer = await operator.post("/v1/runs/bulk", json={"reason": "why", **body})
        assert (answer.status_code, answer.json()["code"]) == (expect, code), answer.text
    assert (await operator.get("/v1/jobs")).json()["items"] == []


async def test_all_failed_webhooks_of_a_step_are_retried_in_one_call(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    uncertain = await dropped(engine, http_server, HOOK)
    status = 410

    async def answer(exchange: Exchange) -> None:
        more = {"Retry_After": "3600"} if status == 503 else {}
        await exchange.answer(status, b"", **more)

    http_server.behaviour = answer
    refused = await standing(engine, 3, "after")
    status = 503
    held = await standing(engine, 2, "crm")

    async def all_held() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select count(*) from visit where held = 'retry'")
            return await cursor.fetchone() == (2,)

    await eventually(all_held, 20)
    http_server.behaviour = ok
    before = len(http_server.requests)
    found = await bulk(operator, "retry", 200, journey="hooks", step="crm", dry_run=True)
    assert (found["count"], found["unknown"]) == (5, 1)
    assert "1 more may have arrived and are left out" in found["words"]
    only = await bulk(
        operator, "retry", 200, journey="hooks", step="crm", code="answer_refused", dry_run=True
    )
    assert {each["run"] for each in only["sample"]} == {str(run["id"]) for run in refused}
    job = await bulk(operator, "retry", journey="hooks", step="crm")
    done = await job_of(operator, job["id"])
    assert (done["kind"], done["total"], done["result"]["repaired"]) == ("retry", 5, 5)
    for run in held:
        await engine.standing_at(run["contact_id"], "after", timeout=20)
    assert len(http_server.requests) == before + 5
    states = [(await message_of(engine.pool, run["id"]))["state"] for run in [*refused, *held]]
    assert states == ["sent"] * 5
    assert (await message_of(engine.pool, uncertain["id"]))["state"] == "unknown"
    refusal = await bulk(operator, "retry", 409, journey="hooks", step="crm")
    assert refusal["code"] == "unconfirmed"
    job = await bulk(operator, "retry", journey="hooks", step="crm", may_arrive_twice=True)
    assert (await job_of(operator, job["id"]))["result"]["repaired"] == 1
    # Each message was sent by one id, and the retried ones once more.
    keys = [each.headers["idempotency-key"] for each in http_server.requests]
    assert len(set(keys)) == 6
    assert keys[before:].count(keys[0]) == 1


@pytest.fixture
async def second(settings: Settings, pool: Pool) -> str:
    """Another key of scope `operate`."""
    async with pool.connection() as conn:
        return await create_key(conn, "operate", name="sam")


async def test_a_large_repair_waits_for_the_approval_of_another_key(
    engine: Engine, settings: Settings, pool: Pool, second: str
) -> None:
    await engine.activate(WAITS)
    await standing(engine, 3, "first")
    async with pool.connection() as conn:
        first = await create_key(conn, "operate", name="kim")
    careful = settings.model_copy(update={"approval_above": 2})
    with serving(careful) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {first}"
            small = await bulk(client, "skip", journey="waits", step="first", limit=1)
            assert small["state"] == "running"
            assert (await job_of(client, small["id"]))["result"]["repaired"] == 1
            preview = await bulk(client, "exit", 200, journey="waits", dry_run=True)
            assert preview["approval"] is True
            assert preview["words"].endswith(
                "Another key must approve it, because it is about more than 2."
            )
            job = await bulk(client, "exit", journey="waits")
            assert (job["state"], job["total"], job["approved_by"]) == ("waiting", 3, None)
            path = f"/v1/jobs/{job['id']}"
            own = await client.post(f"{path}/approve")
            assert (own.status_code, own.json()["code"]) == (409, "same_key")
            assert (await client.post(f"{path}/pause")).status_code == 409
            assert (await client.get(path)).json()["state"] == "waiting"
            assert ("ended", "first") not in await steps_of(pool)
            client.headers["Authorization"] = f"Bearer {second}"
            approved = await client.post(f"{path}/approve")
            assert approved.status_code == 200, approved.text
            assert approved.json()["state"] == "running"
            assert approved.json()["approved_by"] not in (None, job["asked_by"])
            assert (await job_of(client, job["id"]))["result"]["repaired"] == 3
            assert (await client.post(f"{path}/approve")).status_code == 200
            other = await client.post(f"/v1/jobs/{small['id']}/approve")
            assert (other.status_code, other.json()["code"]) == (409, "wrong_state")
            # One that is not approved may be cancelled.
            await standing(engine, 3, "first")
            waiting = await bulk(client, "exit", journey="waits")
            assert waiting["state"] == "waiting"
            stopped = await client.post(f"/v1/jobs/{waiting['id']}/cancel")
            assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")


async def test_what_a_run_has_left_meanwhile_is_not_sent_again(
    engine: Engine, http_server: HttpServer, settings: Settings, pool: Pool, second: str
) -> None:
    async with pool.connection() as conn:
        first = await create_key(conn, "operate", name="kim")
    runs = [(await held_for_an_hour(engine, http_server))[1] for _ in range(3)]
    http_server.behaviour = ok
    before = len(http_server.requests)
    with serving(settings.model_copy(update={"approval_above": 2})) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {first}"
            job = await bulk(client, "retry", journey="hooks", step="crm")
            assert (job["state"], job["total"]) == ("waiting", 3)
            # Until it is approved, one is skipped by hand, and another is left by its exit.
            assert (await repair(client, runs[0], "skip"))[0] == 200
            await engine.event(runs[1]["contact_id"], "Never Mind")
            await engine.ended(runs[1]["contact_id"])
            client.headers["Authorization"] = f"Bearer {second}"
            assert (await client.post(f"/v1/jobs/{job['id']}/approve")).status_code == 200
            done = await job_of(client, job["id"])
    assert (done["result"]["repaired"], done["result"]["left_alone"]) == (1, {"gone_on": 2})
    await engine.standing_at(runs[2]["contact_id"], "after", timeout=20)
    states = [(await message_of(engine.pool, run["id"]))["state"] for run in runs]
    assert states == ["released", "released", "sent"]
    assert len(http_server.requests) == before + 1


async def test_a_paused_job_rests_and_a_cancelled_one_repairs_no_more(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    await standing(engine, 6, "first")
    job = await bulk(operator, "skip", journey="waits", step="first", rate=0.4)
    path = f"/v1/jobs/{job['id']}"

    async def begun() -> bool:
        return bool((await operator.get(path)).json()["done"])

    await eventually(begun, 20)
    assert (await operator.post(f"{path}/pause")).status_code == 200
    assert (await operator.post(f"{path}/resume")).status_code == 200
    stopped = (await operator.post(f"{path}/cancel")).json()
    assert stopped["state"] == "stopped"
    assert stopped["done"] < 6
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select count(*) filter (where state = 'waiting'), count(*) from repair_item"
        )
        waiting, total = await cursor.fetchone() or (0, 0)
        cursor = await conn.execute("select count(*) from run_repair")
        repaired = (await cursor.fetchone() or (0,))[0]
    assert (total, waiting + repaired) == (6, 6)


async def test_a_fault_of_one_run_keeps_no_other_from_its_repair(
    engine: Engine, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.jobs.repair_runs._TRIES", 2)
    await engine.activate(WAITS)
    runs = await standing(engine, 3, "first")
    broken: UUID = runs[1]["id"]
    async with engine.pool.connection() as conn:
        await conn.execute(
            "create function fail() returns trigger language plpgsql as $$ begin"
            " raise exception 'planted'; end $$"
        )
        await conn.execute(
            f"create trigger fail before insert on run_repair for each row"
            f" when (new.run_id = '{broken}') execute function fail()".encode()
        )
    job = await bulk(operator, "skip", journey="waits", step="first", rate=100)
    done = await job_of(operator, job["id"])
    assert (done["state"], done["failed"], done["result"]["repaired"]) == ("done", 1, 2)
    assert sum(done["result"]["failed"].values()) == 1
    assert await engine.path(broken) == [("first", None)]
    shown = (await operator.get(f"/v1/jobs/{job['id']}/items", params={"state": "failed"})).json()
    assert [(each["run"], each["state"]) for each in shown["items"]] == [(str(broken), "failed")]
