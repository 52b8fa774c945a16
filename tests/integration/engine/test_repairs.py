"""Operators retry, skip, move on, end and cancel one run; a run that has gone on is left alone."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from infra.settings import Settings
from store.events.recording import NewEvent, record_events
from store.operations.api_keys import create_key
from tests.integration.channels.http_server import Exchange, HttpServer, running_http
from tests.integration.engine.test_retried_sends import Pool, shown, stands_at
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, engine_at_work
from tests.support.moves import begin_move, ended
from tests.support.temporal import counted, everything_known, reset, workflow_tasks

HOOK = """
journey: hooks
entry: {{event: Begun}}
exit: [{{event: Never Mind}}]
steps:
  - {{id: crm, webhook: {{url: "{url}", body: {{n: 1}}}}}}
  - {{id: after, wait: {{event: Ready}}}}
  - {{id: last, wait: {{event: Ready}}}}
"""
WAITS = """
journey: waits
entry: {event: Begun}
exit: [{event: Never Mind, then: [{id: bye, update: {set: {left: true}}}]}]
steps:
  - {id: first, wait: {event: Ready, up_to: 30d}}
  - id: draw
    split:
      - {name: a, weight: 1, then: [{id: inner, update: {set: {a: 1}}}]}
      - {name: b, weight: 1000000, winner: {by: clicked, after: 4d}}
  - {id: second, wait: 1d}
  - {id: third, wait: {event: Ready}}
"""


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    async with running_http() as server:
        yield server


@pytest.fixture
async def engine(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> AsyncIterator[Engine]:
    settings = engine_settings.model_copy(
        update={
            "webhook_secret": SecretStr("whsec-of-ours"),
            "webhook_allow": (ip_network("127.0.0.0/8"),),
        }
    )
    async with engine_at_work(settings, pool, temporal_client, reconcile_every=1.0) as engine:
        yield engine


@pytest.fixture
async def operator(settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the API with a key of scope `operate` named `kim`."""
    async with pool.connection() as conn:
        key = await create_key(conn, "operate", name="kim")
    with serving(settings) as url:
        async with httpx.AsyncClient(
            base_url=url, timeout=30, headers={"Authorization": f"Bearer {key}"}
        ) as client:
            yield client


async def repair(
    operator: httpx.AsyncClient, run: dict[str, Any], action: str, **body: Any
) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to a repair."""
    answer = await operator.post(f"/v1/runs/{run['id']}/{action}", json={"reason": "why", **body})
    return answer.status_code, answer.json()


async def refused(
    operator: httpx.AsyncClient, run: dict[str, Any], action: str, **body: Any
) -> tuple[int, str]:
    """Status and code of the refusal of a repair."""
    status, problem = await repair(operator, run, action, **body)
    return status, problem["code"]


async def held_for_an_hour(engine: Engine, server: HttpServer) -> tuple[UUID, dict[str, Any]]:
    """A contact, and its run, whose webhook is tried again in an hour."""

    async def away(exchange: Exchange) -> None:
        await exchange.answer(503, b"", Retry_After="3600")

    server.behaviour = away
    await engine.activate(HOOK.format(url=server.url))
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "crm")
    await eventually(partial(stands_at, engine, run, "crm"))
    return contact, run


async def ok(exchange: Exchange) -> None:
    await exchange.answer(200, b"{}")


# ------------------------------------------------------------------------- a send that is retried


async def test_a_retry_is_made_at_once_with_the_same_message(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    http_server.behaviour = ok
    status, made = await repair(operator, run, "retry", reason="it is up again")
    assert (status, made["action"], made["step"], made["visit"]) == (200, "retry", "crm", 1)
    assert (made["reason"], made["by"], made["run"]) == ("it is up again", "kim", str(run["id"]))
    await engine.standing_at(contact, "after", timeout=20)
    assert await engine.path(run["id"]) == [("crm", "ok"), ("after", None)]
    assert len(http_server.requests) == 2
    assert len({request.headers["idempotency-key"] for request in http_server.requests}) == 1
    detail = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert detail["repairs"] == [made]
    # What operators write stays out of Temporal.
    assert b"it is up again" not in await everything_known(engine.client, engine.workflow(run))


async def test_a_retry_makes_all_checks_of_a_send_again(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    http_server.behaviour = ok
    # No dispatcher sees the event; the claim does.
    async with engine.pool.connection() as conn, conn.transaction():
        await record_events(conn, contact, [NewEvent("Never Mind", {})])
        await conn.execute("delete from outbox")
    assert (await repair(operator, run, "retry"))[0] == 200
    assert (await engine.ended(contact, timeout=20))["outcome"] == "exited"
    assert len(http_server.requests) == 1


async def test_a_retry_that_fails_stands_again_and_may_be_repeated(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    _, run = await held_for_an_hour(engine, http_server)
    for attempts in (2, 3):
        assert (await repair(operator, run, "retry"))[0] == 200

        async def tried(attempts: int = attempts) -> bool:
            visit = await shown(engine, run)
            return bool(visit["held"] == "retry" and visit["message"]["attempts"] == attempts)

        await eventually(tried, 10)
    detail = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert [each["action"] for each in detail["repairs"]] == ["retry", "retry"]


async def test_a_retry_that_is_repeated_before_it_was_made_is_one_repair(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    _, run = await held_for_an_hour(engine, http_server)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        begun.set()
        await go_on.wait()
        await ok(exchange)

    http_server.behaviour = slow
    answers = await asyncio.gather(*(repair(operator, run, "retry", visit=1) for _ in range(4)))
    made = [answer for status, answer in answers if status == 200]
    # One that comes while the send is being made is refused.
    assert made
    assert all(answer == made[0] for answer in made)
    assert {answer["code"] for status, answer in answers if status == 409} <= {"at_work"}
    await begun.wait()
    status, answer = await repair(operator, run, "retry", visit=1)
    assert (status, answer.get("code")) == (409, "at_work") or answer == made[0]
    go_on.set()
    await eventually(lambda: len(http_server.requests) == 2)
    detail = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert detail["repairs"] == [made[0]]
    audit = (await operator.get("/v1/audit", params={"action": "run.retry"})).json()["items"]
    assert len(audit) == 1


async def test_a_skipped_send_is_left_out_and_the_run_goes_on(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    status, made = await repair(operator, run, "skip", reason="their server is gone")
    assert status == 200
    await engine.standing_at(contact, "after", timeout=20)
    [crm, _] = await engine.visits(run["id"])
    assert (crm["outcome"], crm["held"], crm["due_at"]) == ("skipped", None, None)
    assert crm["facts"]["reason"] == "operator"
    repaired = crm["facts"]["repair"]
    assert (repaired["by"], repaired["why"]) == ("kim", "their server is gone")
    # The same call gives the first answer while it names the same visit, and changes nothing.
    assert await repair(operator, run, "skip", visit=1) == (200, made)
    await engine.event(contact, "Ready")
    await engine.standing_at(contact, "last")
    assert await repair(operator, run, "skip", visit=1) == (200, made)
    assert await refused(operator, run, "skip", visit=2) == (409, "gone_on")
    assert len(http_server.requests) == 1
    stats = (await operator.get("/v1/journeys/hooks/stats")).json()["steps"][0]
    assert (stats["skipped"], stats["retrying"]) == ({"operator": 1}, 0)


async def test_a_send_that_may_have_gone_out_is_not_called_skipped(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    async with engine.pool.connection() as conn:
        await conn.execute("update message set state = 'unknown', code = 'interrupted'")
    assert (await repair(operator, run, "skip"))[0] == 200
    await engine.standing_at(contact, "after", timeout=20)
    assert await engine.path(run["id"]) == [("crm", "unknown"), ("after", None)]


async def test_a_send_goes_to_another_step(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    status, problem = await repair(operator, run, "goto", step="lost")
    assert (status, problem["code"]) == (422, "unknown_step")
    assert problem["message"].endswith("has no step `lost`; did you mean `last`?")
    status, made = await repair(operator, run, "goto", step="last")
    assert (status, made["to"]) == (200, "last")
    await engine.standing_at(contact, "last", timeout=20)
    [crm, _] = await engine.visits(run["id"])
    assert (crm["outcome"], crm["facts"]["to"], crm["facts"]["repair"]["by"]) == (
        "moved", "last", "kim",
    )  # fmt: skip
    await engine.event(contact, "Ready")
    assert (await engine.ended(contact))["outcome"] == "completed"


@pytest.mark.parametrize(("action", "reason"), [("exit", "operator"), ("cancel", "cancelled")])
async def test_a_run_is_ended(
    engine: Engine,
    http_server: HttpServer,
    operator: httpx.AsyncClient,
    action: str,
    reason: str,
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    status, made = await repair(operator, run, action, reason="a test run")
    assert status == 200
    ended_run = await engine.ended(contact, timeout=20)
    assert (ended_run["outcome"], ended_run["reason"]) == ("removed", reason)
    assert await engine.path(run["id"]) == [("crm", "removed")]
    result = await asyncio.wait_for(engine.workflow(run).result(), 10)
    assert result["outcome"] == "removed"
    assert await repair(operator, run, action) == (200, made)
    assert await refused(operator, run, "skip") == (409, "run_ended")
    detail = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert detail["repairs"] == [made]


# ------------------------------------------------------------------------------- waits and splits


async def test_waits_and_splits_are_skipped_and_the_next_wait_begins_now(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "first")
    # As if the run had stood there for three days.
    async with engine.pool.connection() as conn:
        await conn.execute("update visit set started_at = started_at - interval '3 days'")
    before = datetime.now(UTC)
    # An event that came before the skip ends no wait that comes after it.
    await accept(engine.pool, contact, "Other", {})
    for step, following in (("first", "draw"), ("draw", "second"), ("second", "third")):
        await engine.standing_at(contact, step)
        status, made = await repair(operator, run, "skip")
        assert (status, made["step"]) == (200, step)
        await engine.standing_at(contact, following, timeout=20)
    visits = await engine.visits(run["id"])
    assert [visit["outcome"] for visit in visits] == ["skipped", "skipped", "skipped", None]
    assert datetime.fromisoformat(visits[2]["started_at"]) >= before
    await engine.event(contact, "Ready")
    assert (await engine.ended(contact))["outcome"] == "completed"
    # A reset to the beginning repeats the decisions that are on record.
    before_reset = await engine.path(run["id"])
    first, *_ = await workflow_tasks(engine.workflow(run))
    await reset(engine.client, engine.workflow(run), first)
    await asyncio.wait_for(engine.workflow(run).result(), 20)
    assert await engine.path(run["id"]) == before_reset


async def test_a_run_that_does_not_stand_so_is_refused(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    await engine.activate(WAITS)
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "first")
    assert await refused(operator, run, "retry") == (409, "not_retrying")
    assert await refused(operator, run, "skip", visit=7) == (409, "gone_on")
    assert await refused(operator, run, "goto") == (422, "invalid_request")
    assert await refused(operator, run, "goto", step="bye") == (422, "unknown_step")
    assert await refused(operator, run, "skip", reason=" ") == (422, "invalid_request")
    assert await refused(operator, {"id": contact}, "skip") == (404, "unknown_run")
    assert await refused(operator, {"id": "x"}, "exit") == (404, "unknown_run")
    assert await engine.path(run["id"]) == [("first", None)]
    hanging = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        hanging.set()
        await exchange.hang()
        await ok(exchange)

    http_server.behaviour = slow
    await engine.activate(HOOK.format(url=http_server.url).replace("Begun", "Called"))
    other = await engine.contact()
    await engine.event(other, "Called")
    await asyncio.wait_for(hanging.wait(), 20)
    sending = await engine.run_of(other)
    for action in ("retry", "skip"):
        assert await refused(operator, sending, action) == (409, "at_work")
    # It may be ended all the same; the call that is under way is still recorded.
    assert (await repair(operator, sending, "exit"))[0] == 200
    http_server.forever.set()


async def test_an_exits_then_is_not_left_for_another_step(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    async def away(exchange: Exchange) -> None:
        await exchange.answer(503, b"", Retry_After="3600")

    http_server.behaviour = away
    then = f'then: [{{id: notice, webhook: {{url: "{http_server.url}"}}}}]'
    await engine.activate(
        "journey: leaving\nentry: {event: Begun}\n"
        f"exit: [{{event: Never Mind, {then}}}]\n"
        "steps:\n  - {id: stand, wait: {event: Ready}}\n"
    )
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "stand")
    await engine.event(contact, "Never Mind")
    run = await engine.standing_at(contact, "notice")
    await eventually(partial(stands_at, engine, run, "notice"))
    assert await refused(operator, run, "goto", step="stand") == (409, "leaving")
    assert (await repair(operator, run, "skip"))[0] == 200
    left = await engine.ended(contact, timeout=20)
    assert (left["outcome"], left["reason"]) == ("exited", "Never Mind")


async def test_a_workflow_that_was_not_woken_is_woken_by_the_reconciliation(
    engine: Engine,
    http_server: HttpServer,
    operator: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)

    async def lost(*_: Any) -> None:
        """As if the process had died after the commit."""

    monkeypatch.setattr("api.runs.repairs.wake_migrated_run", lost)
    assert (await repair(operator, run, "skip"))[0] == 200
    async with engine.pool.connection() as conn:
        await conn.execute("update run set moved_at = moved_at - interval '1 minute'")
    await engine.standing_at(contact, "after", timeout=20)


# ---------------------------------------------------------------------------------------- races

RUNS = int(os.environ.get("RACED_RUNS", "60"))
"""Runs of the race, five actions each; `RACED_RUNS=1000` plays it in full."""
RACE = """
journey: race
entry: {{event: Begun}}
exit: [{{event: Stop}}]
steps:
  - {{id: first, wait: {{event: Go, up_to: 30d}}}}
  - {{id: hook, webhook: {{url: "{url}"}}}}
  - {{id: second, wait: {{event: Go, up_to: 30d}}}}
  - {{id: third, wait: {{event: Go, up_to: {days}d}}}}
"""
NEXT = {"first": "hook", "hook": "second", "second": "third"}
"""After a step that ended by itself or was skipped."""


@pytest.mark.long
async def test_repairs_race_with_wakes_moves_and_exits(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    rng = random.Random(14)
    taken: Counter[str] = Counter()
    refusals: dict[str, int] = {}

    async def sometimes(exchange: Exchange) -> None:
        key = exchange.request.headers["idempotency-key"]
        chance = rng.random()
        # A message that was refused is sent again by a job, which ends once it has gone out: the
        # server is away for such a one twice, and not for an hour.
        if key in refusals:
            refusals[key] += 1
        if chance < 0.5 and refusals.get(key, 0) < 3:
            hour = {} if key in refusals else {"Retry_After": "3600"}
            await exchange.answer(503, b"", **hour)
        elif chance < 0.7:
            refusals.setdefault(key, 0)
            await exchange.answer(410, b"")
        else:
            taken[key] += 1
            await ok(exchange)

    http_server.behaviour = sometimes
    await engine.activate(RACE.format(url=http_server.url, days=30))
    contacts = [await engine.contact() for _ in range(RUNS)]
    for contact in contacts:
        await accept(engine.pool, contact, "Begun", {})
    engine.dispatcher.nudge()
    runs = [await engine.standing_at(contact, "first") for contact in contacts]
    await engine.activate(RACE.format(url=http_server.url, days=60))
    answers: list[tuple[UUID, int, dict[str, Any]]] = []
    turn = asyncio.Semaphore(12)

    async def act(contact: UUID, run: dict[str, Any], action: str) -> None:
        async with turn:
            if action in ("Go", "Stop"):
                await engine.event(contact, action)
                return
            body = {"step": rng.choice(["first", "hook", "third"])} if action == "goto" else {}
            answers.append((run["id"], *await repair(operator, run, action, **body)))

    async def play(contact: UUID, run: dict[str, Any]) -> None:
        actions = rng.choices(
            ["Go", "skip", "goto", "retry", "Stop", "exit"], [4, 4, 3, 3, 1, 0.5], k=5
        )
        half = len(actions) // 2
        await asyncio.gather(*(act(contact, run, each) for each in actions[:half]))
        await asyncio.gather(*(act(contact, run, each) for each in actions[half:]))

    async def repair_many() -> list[str]:
        """The jobs of repairs of many that race with all others."""
        jobs = []
        for body in (
            {"action": "skip", "step": "first"},
            {"action": "retry", "step": "hook"},
            {"action": "goto", "step": "second", "target": "hook"},
            {"action": "retry", "step": "hook"},
            {"action": "goto", "target": "third"},
        ):
            order = {"journey": "race", "reason": "all of them", "rate": 500, **body}
            answer = await operator.post("/v1/runs/bulk", json=order)
            assert answer.status_code in (202, 409), answer.text
            if answer.status_code == 202:
                jobs.append(answer.json()["id"])
        return jobs

    job = asyncio.create_task(begin_move(engine.pool, engine.client, "race"))
    many = asyncio.create_task(repair_many())
    await asyncio.gather(*map(play, contacts, runs))
    for each in await many:
        assert (await ended(engine.pool, UUID(each), timeout=150 + RUNS)).state == "done"
        found = (await operator.get(f"/v1/jobs/{each}")).json()["result"]
        assert set(found["failed"]) <= {"answer_refused"}, found
    moved = await ended(engine.pool, await job, timeout=150 + RUNS)
    assert moved.failed == 0
    assert {status for _, status, _ in answers} <= {200, 409}
    accepted = [(run_id, made) for run_id, status, made in answers if status == 200]
    assert len(accepted) > RUNS // 2
    # Every run still listens and ends, wherever it stands.
    for contact in contacts:
        await accept(engine.pool, contact, "Stop", {})
    engine.dispatcher.nudge()
    finished = {
        run["id"]: run for run in [await engine.ended(each, 120 + RUNS) for each in contacts]
    }

    async def none_open() -> bool:
        # A send that was under way when its run ended is recorded later.
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select count(*) from visit where outcome is null")
            return await cursor.fetchone() == (0,)

    await eventually(none_open, 60, what="the end of all visits")
    paths = {run_id: await engine.visits(run_id) for run_id in finished}
    for run_id, visits in paths.items():
        assert [visit["visit"] for visit in visits] == [*range(1, len(visits) + 1)]
        for before, after in pairwise(visits):
            to = before["facts"]["to"] if before["outcome"] == "moved" else NEXT[before["step"]]
            assert after["step"] == to, (run_id, visits)
    done = {"skip": "skipped", "goto": "moved"}
    for run_id, made in accepted:
        if made["action"] in done:
            visit = paths[run_id][made["visit"] - 1]
            assert (visit["step"], visit["outcome"]) == (made["step"], done[made["action"]])
            assert visit["facts"].get("to") == made["to"]
        if made["action"] == "exit":
            assert finished[run_id]["outcome"] == "removed"
    # No visit was repaired by one that was refused, and none twice.
    repaired = {
        (run_id, visit["visit"])
        for run_id, visits in paths.items()
        for visit in visits
        if "repair" in visit["facts"]
    }
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select run_id, visit from run_repair where action in ('skip', 'goto')"
        )
        made_at = [(run_id, visit) for run_id, visit in await cursor.fetchall()]
        assert sorted(made_at) == sorted(repaired)
        cursor = await conn.execute("select id from message where state = 'sent'")
        sent = {str(message) for (message,) in await cursor.fetchall()}
    # What was sent was taken once, by any of the retries.
    assert set(taken.values()) <= {1}
    assert len(sent) == len(taken)
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select count(*) from message group by run_id, visit having count(*) > 1"
        )
        assert await cursor.fetchall() == []

    async def closed() -> bool:
        counts = [await counted(engine.workflow(run)) for run in finished.values()]
        return all(each["WORKFLOW_EXECUTION_COMPLETED"] == 1 for each in counts)

    await eventually(closed, 60 + RUNS)
