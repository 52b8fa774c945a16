"""Messages whose step has ended are sent again: once, under their id, with the checks of a send."""

from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from store.messages.suppressions import suppress
from tests.integration.channels.http_server import Exchange, HttpServer
from tests.integration.engine.test_repairs import (
    HOOK,
    engine,
    held_for_an_hour,
    http_server,
    ok,
    operator,
    refused,
    repair,
)
from tests.integration.engine.test_retried_sends import Pool, stands_at
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept
from tests.support.smtp import SmtpSink
from tests.support.temporal import everything_known

__all__ = ["engine", "http_server", "operator"]

ENDING = HOOK.split("  - {{id: after")[0]
"""A run that ends with its webhook."""


async def job_of(operator: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """A job, once it has ended."""

    async def ended() -> Any:
        job = (await operator.get(f"/v1/jobs/{job_id}")).json()
        return job if job["state"] not in ("running", "waiting") else None

    job: dict[str, Any] = await eventually(ended, 60, what="the end of the job")
    return job


async def message_of(pool: Pool, run_id: UUID, visit: int = 1) -> dict[str, Any]:
    """The message of a visit."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select m.id, m.state, m.attempts, m.code, v.outcome, r.visit as at, r.state as run,"
            " (select count(*) from message_attempt a where a.message_id = m.id) as earlier"
            " from message m join run r on r.id = m.run_id"
            " join visit v on v.run_id = m.run_id and v.visit = m.visit"
            " where m.run_id = %s and m.visit = %s",
            (run_id, visit),
        )
        row = await cursor.fetchone()
        assert row is not None
        assert cursor.description is not None
        return dict(zip([each.name for each in cursor.description], row, strict=True))


async def answered(engine: Engine, server: HttpServer, text: str, status: int) -> dict[str, Any]:
    """A run whose webhook was answered with this status, once its step has ended."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(status, b"")

    server.behaviour = answer
    await engine.activate(text.format(url=server.url))
    contact = await engine.contact()
    await engine.event(contact, "Begun")

    async def ended() -> Any:
        run = await engine.run_of(contact)
        visits = await engine.visits(run["id"])
        return run if visits and visits[0]["outcome"] is not None else None

    run: dict[str, Any] = await eventually(ended, 30)
    return run


async def dropped(engine: Engine, server: HttpServer, text: str) -> dict[str, Any]:
    """A run whose webhook may have been taken: the receiver said nothing more."""

    async def drop(exchange: Exchange) -> None:
        exchange.drop()

    server.behaviour = drop
    await engine.activate(text.format(url=server.url))
    contact = await engine.contact()
    await engine.event(contact, "Begun")

    async def ended() -> Any:
        run = await engine.run_of(contact)
        visits = await engine.visits(run["id"])
        return run if visits and visits[0]["outcome"] == "unknown" else None

    run: dict[str, Any] = await eventually(ended, 30)
    return run


async def test_a_refused_webhook_of_an_ended_run_is_sent_again_under_its_id(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    run = await answered(engine, http_server, ENDING, 410)
    before = await message_of(engine.pool, run["id"])
    assert (before["state"], before["outcome"], before["run"]) == ("refused", "failed", "ended")
    http_server.behaviour = ok
    status, made = await repair(operator, run, "retry", reason="they are back")
    assert (status, made["action"], made["visit"], made["step"]) == (200, "retry", 1, "crm")
    job = await job_of(operator, made["job"])
    assert (job["state"], job["kind"], job["done"], job["total"]) == ("done", "retry", 1, 1)
    assert job["result"]["repaired"] == 1
    after = await message_of(engine.pool, run["id"])
    assert (after["id"], after["state"], after["attempts"]) == (before["id"], "sent", 2)
    # The run has acted on the outcome, which stays.
    assert (after["outcome"], after["earlier"]) == ("failed", 1)
    first, second = http_server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body
    assert await refused(operator, run, "retry", visit=1) == (409, "run_ended")
    handle = engine.client.get_workflow_handle(f"again.{made['job']}.{run['id']}.1")
    assert b"they are back" not in await everything_known(engine.client, handle)
    shown = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert [each["reason"] for each in shown["repairs"]] == ["they are back"]


async def test_a_run_that_has_gone_on_keeps_its_way_while_its_message_is_sent_again(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    run = await answered(engine, http_server, HOOK, 410)
    path = [("crm", "failed"), ("after", None)]
    await eventually(partial(_has_path, engine, run, path), 20)
    http_server.behaviour = ok
    made = (await repair(operator, run, "retry"))[1]
    assert (await job_of(operator, made["job"]))["result"]["repaired"] == 1
    message = await message_of(engine.pool, run["id"])
    assert (message["state"], message["at"], message["run"]) == ("sent", 2, "active")
    assert await engine.path(run["id"]) == path


async def _has_path(engine: Engine, run: dict[str, Any], path: list[Any]) -> bool:
    return await engine.path(run["id"]) == path


async def test_what_may_have_arrived_is_sent_again_only_after_a_confirmation(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    run = await dropped(engine, http_server, HOOK)
    http_server.behaviour = ok
    status, problem = await repair(operator, run, "retry")
    assert (status, problem["code"]) == (409, "unconfirmed")
    assert "may arrive twice" in problem["message"]
    assert len(http_server.requests) == 1
    assert (await message_of(engine.pool, run["id"]))["state"] == "unknown"
    message_id = (await message_of(engine.pool, run["id"]))["id"]
    path = f"/v1/messages/{message_id}/retry"
    answer = await operator.post(path, json={"reason": "they say no"})
    assert (answer.status_code, answer.json()["code"]) == (409, "unconfirmed")
    answer = await operator.post(path, json={"reason": "they say no", "may_arrive_twice": True})
    assert answer.status_code == 200, answer.text
    assert (await job_of(operator, answer.json()["job"]))["result"]["repaired"] == 1
    assert (await message_of(engine.pool, run["id"]))["state"] == "sent"
    assert len({each.headers["idempotency-key"] for each in http_server.requests}) == 1
    assert len(http_server.requests) == 2
    answer = await operator.post(path, json={"reason": "again"})
    assert (answer.status_code, answer.json()["code"]) == (409, "was_sent")


async def test_a_retry_that_fails_again_says_why_and_may_be_repeated(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    run = await answered(engine, http_server, ENDING, 410)
    first = (await repair(operator, run, "retry"))[1]
    job = await job_of(operator, first["job"])
    assert (job["failed"], job["result"]["failed"]) == (1, {"answer_refused": 1})
    message = await message_of(engine.pool, run["id"])
    assert (message["state"], message["attempts"]) == ("refused", 2)
    http_server.behaviour = ok
    second = (await repair(operator, run, "retry"))[1]
    assert second["job"] != first["job"]
    assert (await job_of(operator, second["job"]))["result"]["repaired"] == 1


@pytest.mark.usefixtures("hasty_retries")
async def test_a_receiver_that_is_away_is_asked_again_and_only_one_retry_is_at_work(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    run = await answered(engine, http_server, ENDING, 410)
    asked = 0

    async def away_twice(exchange: Exchange) -> None:
        nonlocal asked
        asked += 1
        if asked <= 2:
            await exchange.answer(503, b"")
        else:
            await ok(exchange)

    http_server.behaviour = away_twice
    first = (await repair(operator, run, "retry"))[1]
    status, second = await repair(operator, run, "retry")
    assert (status, second) == (200, first)
    job = await job_of(operator, first["job"])
    assert job["result"]["repaired"] == 1
    assert (asked, len(http_server.requests)) == (3, 4)
    assert (await message_of(engine.pool, run["id"]))["attempts"] == 4


async def test_a_send_that_stands_is_woken_by_the_message_as_well(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    contact, run = await held_for_an_hour(engine, http_server)
    assert await stands_at(engine, run, "crm")
    http_server.behaviour = ok
    message_id = (await message_of(engine.pool, run["id"]))["id"]
    answer = await operator.post(f"/v1/messages/{message_id}/retry", json={"reason": "up again"})
    assert (answer.status_code, answer.json()["job"]) == (200, None)
    await engine.standing_at(contact, "after", timeout=20)
    answer = await operator.post("/v1/messages/nope/retry", json={"reason": "up again"})
    assert answer.status_code == 404


MAIL = """
topic: news
default: opt_out
---
journey: mails
entry: {event: Begun}
defaults: {topic: news, cap: {max: 1, per: 7d}}
steps:
  - {id: mail, email: {subject: Hello, text: Hi}}
  - {id: after, wait: {event: Ready}}
---
journey: others
entry: {event: Offered}
defaults: {topic: news}
steps:
  - {id: offer, email: {subject: Offer, text: Hi}}
"""


async def test_consent_suppression_and_caps_are_asked_again(
    engine: Engine, operator: httpx.AsyncClient, smtp_sink: SmtpSink
) -> None:
    def permanently(_envelope: Any) -> str:
        return "554 no"

    smtp_sink.answer = permanently
    await engine.activate(MAIL)
    runs = {}
    for name in ("left", "bounced", "capped", "fine"):
        contact = await engine.contact(email=f"{name}@shop.test")
        await engine.event(contact, "Begun")
        runs[name] = (contact, await engine.standing_at(contact, "after"))
        message = await message_of(engine.pool, runs[name][1]["id"])
        assert message["state"] == "refused", message
    smtp_sink.answer = lambda _envelope: "250 OK"
    await accept(engine.pool, runs["left"][0], "Topic Unsubscribed", {"topic": "news"})
    async with engine.pool.connection() as conn:
        await conn.execute("delete from suppression")
        await suppress(conn, [("email", "bounced@shop.test", "bounced")])
    # Another mail has spent the cap meanwhile.
    await engine.event(runs["capped"][0], "Offered")
    await smtp_sink.wait_for(1)
    before = len(smtp_sink.messages)
    expected = {
        "left": {"consent": 1},
        "bounced": {"suppressed": 1},
        "capped": {"cap": 1},
        "fine": {},
    }
    for name, left in expected.items():
        made = (await repair(operator, runs[name][1], "retry"))[1]
        job = await job_of(operator, made["job"])
        assert (name, job["result"]["left_alone"]) == (name, left)
        assert job["result"]["repaired"] == (0 if left else 1)
    assert len(smtp_sink.messages) == before + 1


async def test_a_message_that_waits_for_its_next_attempt_is_hurried(
    engine: Engine, http_server: HttpServer, operator: httpx.AsyncClient
) -> None:
    async def in_an_hour(exchange: Exchange) -> None:
        await exchange.answer(503, b"", Retry_After="3600")

    run = await answered(engine, http_server, ENDING, 410)
    http_server.behaviour = in_an_hour
    made = (await repair(operator, run, "retry", reason="they are back"))[1]

    async def waits() -> bool:
        return bool((await message_of(engine.pool, run["id"]))["state"] == "released")

    await eventually(waits, 20)
    http_server.behaviour = ok
    message_id = (await message_of(engine.pool, run["id"]))["id"]
    again = await operator.post(f"/v1/messages/{message_id}/retry", json={"reason": "now"})
    # It is the same repair, whose message goes out now and not in an hour.
    assert (again.status_code, again.json()["job"]) == (200, made["job"])
    assert (await job_of(operator, made["job"]))["result"]["repaired"] == 1
    assert (await message_of(engine.pool, run["id"]))["state"] == "sent"
    [item] = (await operator.get(f"/v1/jobs/{made['job']}/items")).json()["items"]
    shown = (await operator.get(f"/v1/runs/{run['id']}")).json()
    assert (item["state"], item["since"], item["contact"]) == ("done", "sent", shown["contact"])
    assert len({each.headers["idempotency-key"] for each in http_server.requests}) == 1
