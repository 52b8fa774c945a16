"""Sends that are tried again: where they stand, what they say, and what they do not hold back."""

import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import ActivityEnvironment

from activities.sending.send import SendActivities
from api.reports.stats import journey_stats
from api.runs.bodies import run_detail
from channels.adapter import Outgoing, Receipt
from channels.errors import Code, NotTaken
from infra.settings import Settings
from journeys.protocol.channels import ChannelName
from journeys.protocol.payloads import StepInput, StepResult
from store.reports.journey_statistics import journey_statistics
from store.reports.run_listing import show_run
from tests.integration.channels.http_server import Exchange, HttpServer, running_http
from tests.integration.engine.test_holds import claims
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.moves import begin_move, ended, paused
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, counted, current_details, everything_known

Pool = AsyncConnectionPool[AsyncConnection[Any]]

SECRET = "s3cr3t-Token/1"
HOOK = """
journey: hooks
entry: {{event: Begun}}
exit: [{{event: Never Mind}}]
steps:
  - {{id: crm, webhook: {{url: "{url}"{more}}}}}
  - {{id: after, wait: {{event: Ready}}}}
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
            "secrets": {"CRM": SecretStr(SECRET)},
        }
    )
    async with engine_at_work(settings, pool, temporal_client, reconcile_every=1.0) as engine:
        yield engine


@pytest.fixture
def closed_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def shown(engine: Engine, run: dict[str, Any]) -> dict[str, Any]:
    """The newest visit of a run as the API shows it."""
    async with engine.pool.connection() as conn:
        found = await show_run(conn, run["id"])
    assert found is not None
    visit: dict[str, Any] = run_detail(found)["visits"][-1]
    return visit


async def retrying(engine: Engine, contact: Any) -> dict[str, Any]:
    """The contact's run, once it stands until its next attempt in Temporal, too."""

    async def stands() -> Any:
        run = await engine.run_of(contact)
        visits = await engine.visits(run["id"])
        if not visits or visits[-1]["held"] != "retry":
            return None
        details = await current_details(engine.client, engine.workflow(run))
        return run if "times, last" in details else None

    run: dict[str, Any] = await eventually(stands, 20, what="a send that is retried")
    return run


async def step_shown(engine: Engine, run: dict[str, Any]) -> str | None:
    """The search attribute JourneyStep of a run."""
    attributes = (await engine.workflow(run).describe()).typed_search_attributes
    return attributes.get(SearchAttributeKey.for_keyword("JourneyStep"))


async def step_counts(engine: Engine, journey: str) -> dict[str, Any]:
    """The figures of the journey's first step."""
    async with engine.pool.connection() as conn:
        found = await journey_statistics(conn, journey)
    assert found is not None
    step: dict[str, Any] = journey_stats(found)["steps"][0]
    return step


# ------------------------------------------------------------------------------- what is to be seen


@pytest.mark.usefixtures("hasty_retries")
async def test_a_send_that_is_retried_says_how_often_why_and_when_next(
    engine: Engine, smtp_sink: SmtpSink, caplog: pytest.LogCaptureFixture
) -> None:
    words = "451 4.7.1 <ada@example.com> is greylisted"
    smtp_sink.answer = lambda _envelope: words
    await engine.activate(
        "journey: mails\nentry: {event: Begun}\nsteps:\n"
        "  - {id: hello, wait: 0.01s}\n"
        "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}\n"
    )
    contact = await engine.contact(email="ada@example.com")
    with caplog.at_level(logging.INFO):
        await engine.event(contact, "Begun")
        run = await retrying(engine, contact)
    assert await step_shown(engine, run) == "mail"

    async def says() -> bool:
        # Both are read between the same two attempts, or they are read again.
        visit = await shown(engine, run)
        details = await current_details(engine.client, engine.workflow(run))
        assert visit["held"] == "retry"
        attempts = visit["message"]["attempts"]
        assert attempts >= 3
        assert visit["retry"] == {
            "attempts": attempts,
            "code": "deferred",
            "detail": f"the SMTP server answered {words} (to the message)",
            "next_at": visit["due_at"],
        }
        due = datetime.fromisoformat(visit["due_at"])
        assert details.startswith(
            f"Stands at **mail** (visit 2): email mail: tried {attempts} times, last `deferred`, "
            f"next try at {due:%Y-%m-%d %H:%M:%S} UTC.\n\nSince 20"
        )
        return True

    await eventually(says, 30)
    # Temporal sees codes, and never the provider's words.
    assert b"greylisted" not in await everything_known(engine.client, engine.workflow(run))
    async with engine.pool.connection() as conn:
        found = await journey_statistics(conn, "mails")
    assert found is not None
    mail = journey_stats(found)["steps"][1]
    assert (mail["waiting"], mail["deferred"], mail["retrying"]) == (0, 0, 1)
    # Each attempt is one line: the SDK adds no traceback to what is expected.
    assert [record.name for record in caplog.records if record.exc_info] == []
    smtp_sink.answer = lambda _envelope: "250 OK"
    await engine.ended(contact)
    assert len(smtp_sink.messages) == 1
    counts = await counted(engine.workflow(run))
    assert counts["UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"] == 2


@pytest.mark.usefixtures("hasty_retries")
async def test_runs_whose_receiver_is_down_are_moved_on_at_once(
    engine: Engine, closed_port: int
) -> None:
    await engine.activate(HOOK.format(url=f"http://127.0.0.1:{closed_port}/", more=""))
    contacts = [await engine.contact() for _ in range(6)]
    for contact in contacts:
        await engine.event(contact, "Begun")
    runs = [await retrying(engine, contact) for contact in contacts]
    assert {await step_shown(engine, run) for run in runs} == {"crm"}
    assert (await step_counts(engine, "hooks"))["retrying"] == 6
    assert (await shown(engine, runs[0]))["retry"]["code"] == "unreachable"
    await engine.activate(HOOK.format(url=f"http://127.0.0.1:{closed_port}/x", more=""))
    job = await begin_move(engine.pool, engine.client, "hooks", mapping={"crm": "after"})
    done = await ended(engine.pool, job, timeout=12)
    assert (done.state, done.total, done.moved) == ("done", 6, 6)
    for contact, run in zip(contacts, runs, strict=True):
        await engine.standing_at(contact, "after")
        assert await engine.path(run["id"]) == [("crm", "moved"), ("after", None)]


async def test_a_version_that_mends_a_send_is_tried_at_once(
    engine: Engine, http_server: HttpServer
) -> None:
    async def away(exchange: Exchange) -> None:
        # The next attempt would be an hour away.
        status = 200 if exchange.request.target == "/new" else 503
        await exchange.answer(status, b"", Retry_After="3600")

    http_server.behaviour = away
    await engine.activate(HOOK.format(url=f"{http_server.url}/old", more=""))
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "crm")
    await eventually(partial(stands_at, engine, run, "crm"))
    await engine.activate(HOOK.format(url=f"{http_server.url}/new", more=""))
    job = await begin_move(engine.pool, engine.client, "hooks")
    await engine.standing_at(contact, "after", timeout=10)
    assert await engine.path(run["id"]) == [("crm", "ok"), ("after", None)]
    assert [request.target for request in http_server.requests] == ["/old", "/new"]
    keys = {request.headers["idempotency-key"] for request in http_server.requests}
    assert len(keys) == 1
    assert (await ended(engine.pool, job)).moved == 1


async def test_a_send_that_is_retried_is_left_paused_and_cancelled_at_once(
    engine: Engine, http_server: HttpServer
) -> None:
    async def away(exchange: Exchange) -> None:
        # The next attempt is an hour away, so what happens is not its doing.
        await exchange.answer(503, b"", Retry_After="3600")

    http_server.behaviour = away
    await engine.activate(HOOK.format(url=http_server.url, more=""))
    contacts = [await engine.contact() for _ in range(3)]
    runs = []
    for contact in contacts:
        await engine.event(contact, "Begun")
        runs.append(await engine.standing_at(contact, "crm"))
    for run in runs:
        await eventually(partial(stands_at, engine, run, "crm"))
    leaving, cancelled, woken = runs
    await engine.event(contacts[0], "Never Mind")
    run = await engine.ended(contacts[0], timeout=5)
    assert (run["outcome"], run["reason"]) == ("exited", "Never Mind")
    assert await engine.path(leaving["id"]) == [("crm", "skipped")]
    await engine.workflow(cancelled).cancel()
    assert await closed_as(engine.workflow(cancelled), timeout=5) == "CANCELED"
    assert (await engine.ended(contacts[1], timeout=5))["outcome"] == "removed"
    # A wake looks, and makes no call before the time of the next attempt.
    due = (await shown(engine, woken))["due_at"]
    await engine.workflow(woken).signal("wake", {"visit": 1})

    async def looked() -> bool:
        return (await counted(engine.workflow(woken)))["ACTIVITY_TASK_COMPLETED"] == 2

    await eventually(looked)
    visit = await shown(engine, woken)
    assert (visit["held"], visit["due_at"], visit["retry"]["attempts"]) == ("retry", due, 1)
    # A pause holds it at the next look, and no call is made.
    await paused(engine.pool, "hooks")
    await engine.workflow(woken).signal("wake", {"visit": 1})

    async def held() -> bool:
        return bool((await shown(engine, woken))["held"] == "paused")

    await eventually(held)
    assert len(http_server.requests) == 3
    found = await step_counts(engine, "hooks")
    assert (found["waiting"], found["deferred"], found["retrying"]) == (0, 1, 0)


async def stands_at(engine: Engine, run: dict[str, Any], step: str) -> bool:
    return await step_shown(engine, run) == step


# ----------------------------------------------------------------------------- bounds, and answers


@pytest.mark.parametrize("value", ["999999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_an_answer_that_asks_for_too_long_waits_until_the_retries_end(
    engine: Engine, http_server: HttpServer, value: str
) -> None:
    async def away(exchange: Exchange) -> None:
        await exchange.answer(429, b"", Retry_After=value)

    http_server.behaviour = away
    await engine.activate(HOOK.format(url=http_server.url, more=", up_to: 90m"))
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "crm")
    await eventually(lambda: stands_at(engine, run, "crm"))
    visit = await shown(engine, run)
    assert (visit["message"]["state"], visit["message"]["code"]) == ("released", "throttled")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select first_attempt_at from message")
        row = await cursor.fetchone()
    assert row is not None
    end = row[0] + timedelta(minutes=90)
    assert datetime.fromisoformat(visit["due_at"]) == end
    details = await current_details(engine.client, engine.workflow(run))
    assert f"tried once, last `throttled`, given up at {end:%Y-%m-%d %H:%M:%S} UTC" in details


async def test_a_webhook_is_tried_again_for_as_long_as_it_says(
    engine: Engine, closed_port: int
) -> None:
    await engine.activate(HOOK.format(url=f"http://127.0.0.1:{closed_port}/", more=", up_to: 4s"))
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "after", timeout=20)
    [crm, _] = await engine.visits(run["id"])
    # Never late, which is for messages to people: it was tried, and was not taken.
    assert crm["outcome"] == "failed"
    assert crm["facts"]["reason"] == "not_taken"
    assert crm["facts"]["code"] == "unreachable"
    assert crm["facts"]["attempts"] == 3


async def test_a_refusal_is_shown_with_its_status_and_its_words_and_without_secrets(
    engine: Engine, http_server: HttpServer
) -> None:
    async def echo(exchange: Exchange) -> None:
        said = {"error": "bad token", "given": exchange.request.headers["authorization"]}
        await exchange.answer(401, json.dumps(said).encode(), Content_Type="application/json")

    http_server.behaviour = echo
    header = '"Bearer {{ secret.CRM }}"'
    await engine.activate(
        HOOK.format(url=http_server.url, more=f", headers: {{Authorization: {header}}}")
    )
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "after")
    async with engine.pool.connection() as conn:
        found = await show_run(conn, run["id"])
    assert found is not None
    crm = run_detail(found)["visits"][0]
    assert (crm["outcome"], crm["facts"]) == ("failed", {"reason": "answer_refused", "status": 401})
    assert crm["message"]["detail"] == (
        'the webhook\'s receiver answered 401: {"error": "bad token", "given": "Bearer ***"}'
    )
    [visit, _] = await engine.visits(run["id"])
    assert visit["output"] == {"status": 401, "body": {"error": "bad token", "given": "Bearer ***"}}


@pytest.mark.parametrize(
    "url",
    [
        "htps:/{{ secret.CRM }}/x",
        "https://crm.example:{{ secret.CRM }}/x",
        "https://{{ secret.CRM }}@crm.example/x",
        "{{ secret.CRM }}",
        "https://{{ secret.CRM }}.invalid/",
    ],
)
async def test_a_secret_in_a_url_that_is_wrong_is_nowhere_in_clear(
    engine: Engine, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await engine.activate(HOOK.format(url=url, more=", up_to: 1s"))
    contact = await engine.contact()
    with caplog.at_level(logging.INFO):
        await engine.event(contact, "Begun")
        await engine.standing_at(contact, "after")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select to_jsonb(m)::text || to_jsonb(v)::text from message m"
            " join visit v on v.message_id = m.id union all select to_jsonb(f)::text from fault f"
        )
        kept = " ".join(row[0] for row in await cursor.fetchall())
    for text in (kept, caplog.text):
        assert "s3cr3t" not in text.lower()


# ------------------------------------------------------------------------------ providers' faults


class Faulty:
    """A provider whose adapter raises what an adapter may not, for one address."""

    channel: ChannelName = "email"
    timeout = 20.0

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.calls = 0

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.calls += 1
        raise self._error

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    "error", [RuntimeError("with the password hunter22"), ValueError("hunter22"), KeyError("x")]
)
async def test_an_adapter_that_fails_makes_its_message_unknown_and_leaves_a_fault(
    pool: Pool, error: Exception
) -> None:
    faulty = Faulty(error)
    async with claims(pool, "on_unknown: hold", adapters={"email": faulty}) as at:
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        context = replace(at.context, passwords=["hunter22"])
        result = await ActivityEnvironment().run(SendActivities(context).send, given)
        visit = await at.visit(given.run_id)
        again = await ActivityEnvironment().run(SendActivities(context).send, given)
    assert (result.outcome, again.outcome, faulty.calls) == ("unknown", "unknown", 1)
    assert visit["facts"]["reason"] == "adapter_failed"
    async with pool.connection() as conn:
        cursor = await conn.execute("select state, code, detail from message")
        [(state, code, detail)] = await cursor.fetchall()
        cursor = await conn.execute("select run_id, visit, code, detail from fault")
        [fault] = await cursor.fetchall()
    assert (state, code) == ("unknown", "adapter_failed")
    assert fault[:3] == (given.run_id, 1, "adapter_failed")
    assert type(error).__name__ in fault[3]
    assert "hunter22" not in detail + fault[3]


class Stubborn(Faulty):
    """A provider that takes nothing, and names no time or a strange one."""

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.calls += 1
        raise self._error


@pytest.mark.parametrize("asked", [10.0**12, float("inf"), 10.0**300])
async def test_no_delay_is_too_long_to_be_written_down(pool: Pool, asked: float) -> None:
    stubborn = Stubborn(NotTaken(Code.THROTTLED, "later", retry_after=asked))
    async with claims(pool, "on_unknown: hold", adapters={"email": stubborn}) as at:
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        result = await ActivityEnvironment().run(SendActivities(at.context).send, given)
    assert result.due is not None
    assert result == StepResult(
        held="retry", due=result.due, attempts=1, code="throttled", gives_up=True
    )
    assert timedelta(hours=23, minutes=59) < result.due - given.now < timedelta(hours=24, minutes=1)


async def test_a_send_that_cannot_be_decided_stands_alone_and_recovers(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        "channel: email\ncap: {max: 5, per: nonsense}\n---\n"
        "journey: broken\nentry: {event: Begun}\nexit: [{event: Never Mind}]\nsteps:\n"
        "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}\n---\n"
        "journey: texts\nentry: {event: Begun}\nsteps:\n"
        "  - {id: text, sms: {text: Hi, transactional: true}}\n"
    )
    contact = await engine.contact(email="ada@example.com", phone="+33612345678")
    await engine.event(contact, "Begun")

    async def stands() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select v.held, v.facts->>'faults', r.journey from visit v"
                " join run r on r.id = v.run_id where v.outcome is null"
            )
            return await cursor.fetchall() == [("retry", "1", "broken")]

    await eventually(stands, 20)
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select activity, code, detail from fault")
        faults = await cursor.fetchall()
        assert {fault[:2] for fault in faults} == {("send", "internal")}
        assert all("nonsense" in fault[2] for fault in faults)
        await conn.execute(
            "update document set document = '{\"channel\": \"email\"}' where kind = 'channel'"
        )
    [mail] = await smtp_sink.wait_for(1, 20)
    assert mail.recipients == ["ada@example.com"]


# --------------------------------------------------------------------------------- slots of hosts


async def test_a_silent_receiver_holds_back_its_own_calls_alone(
    engine: Engine, http_server: HttpServer
) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.hang()
        exchange.drop()

    async with running_http() as deaf:
        deaf.behaviour = silent
        await engine.activate(HOOK.format(url=deaf.url, more=""))
        await engine.activate(
            HOOK.format(url=http_server.url, more="")
            .replace("journey: hooks", "journey: good")
            .replace("Begun", "Asked")
        )
        for _ in range(130):
            await engine.event(await engine.contact(), "Begun")
        await eventually(lambda: len(deaf.requests) >= 25, 60)
        contacts = [await engine.contact() for _ in range(10)]
        for contact in contacts:
            await engine.event(contact, "Asked")
        for contact in contacts:
            await engine.standing_at(contact, "after")
        # All of a worker's calls at once are a hundred: the silent receiver had its share of them.
        assert len(deaf.requests) < 60
        deaf.forever.set()
        await eventually(lambda: len(http_server.requests) == 10)
