"""Postgres follows when an operator cancels or terminates a workflow in Temporal."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowHandle

from dispatch.dispatcher import Dispatcher
from infra.settings import Settings
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, activate, engine_at_work, make_contact, newest_run
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, counted

STEERED = """
journey: steered
entry: {event: Started}
re_entry: always
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
  - {id: pause, wait: {event: Go On, up_to: 1d}}
  - {id: bye, email: {subject: Bye, text: Bye, transactional: true}}
"""


@pytest.fixture
async def steered(engine: Engine) -> AsyncIterator[Engine]:
    """An engine with a journey to steer; when the test ends, none of its runs is active."""
    await engine.activate(STEERED)
    yield engine
    assert await active_runs(engine.pool) == []


class Held:
    """A provider's answer that comes when the test lets it."""

    def __init__(self, sink: SmtpSink) -> None:
        self.asked = asyncio.Event()
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        sink.answer = self._hold

    async def _hold(self, _envelope: Envelope) -> str:
        self.asked.set()
        return await self._answer

    def give(self, reply: str) -> None:
        self._answer.set_result(reply)


async def active_runs(pool: AsyncConnectionPool[Any]) -> list[Any]:
    async with pool.connection() as conn:
        cursor = await conn.execute("select id from run where state = 'active'")
        return [row[0] for row in await cursor.fetchall()]


async def set_journey(pool: AsyncConnectionPool[Any], state: str) -> None:
    async with pool.connection() as conn:
        await conn.execute("update journey set state = %s", (state,))


async def message_of(pool: AsyncConnectionPool[Any], run: dict[str, Any]) -> str | None:
    """The state of a run's first message."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select state from message where run_id = %s and visit = 1", (run["id"],)
        )
        row = await cursor.fetchone()
    return row[0] if row else None


async def stop(handle: WorkflowHandle[Any, Any], how: str) -> None:
    if how == "cancelled":
        await handle.cancel()
    else:
        await handle.terminate("an operator asked for it")


async def goes_through_again(engine: Engine, contact: Any, before: dict[str, Any]) -> None:
    """The contact enters again, and the new run completes."""
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "pause")
    assert run["id"] != before["id"]
    await engine.event(contact, "Go On")
    assert (await engine.ended(contact))["outcome"] == "completed"


STATUS = {"cancelled": "CANCELED", "terminated": "TERMINATED"}
HOW = pytest.mark.parametrize("how", list(STATUS))


@HOW
async def test_a_run_stopped_at_a_wait_is_removed_and_the_contact_may_enter_again(
    steered: Engine, how: str
) -> None:
    contact = await steered.contact(email="ada@example.com")
    await steered.event(contact, "Started")
    run = await steered.standing_at(contact, "pause")
    await stop(steered.workflow(run), how)
    ended = await steered.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("removed", how)
    assert await steered.path(run["id"]) == [("hello", "sent"), ("pause", "removed")]
    assert await closed_as(steered.workflow(run)) == STATUS[how]
    await goes_through_again(steered, contact, ended)
    # Temporal alone knows who it was. Runs that end by themselves leave no row.
    async with steered.pool.connection() as conn:
        cursor = await conn.execute(
            "select actor, via, action, subject, journey, after from audit"
            " where subject_kind = 'run'"
        )
        assert await cursor.fetchall() == [
            ("outside", "engine", "run.end", str(run["id"]), "steered",
             {"outcome": "removed", "reason": how})
        ]  # fmt: skip


@HOW
async def test_a_run_stopped_at_a_held_send_is_removed_and_nothing_is_sent(
    steered: Engine, smtp_sink: SmtpSink, how: str
) -> None:
    contact = await steered.contact(email="ada@example.com")
    # Paused after the entry and before the send: the dispatcher was not woken for the event.
    await accept(steered.pool, contact, "Started", {})
    held = Held(smtp_sink)
    steered.dispatcher.nudge()
    await held.asked.wait()
    await set_journey(steered.pool, "paused")
    held.give("451 4.7.1 try again later")
    run = await steered.standing_at(contact, "hello")
    await eventually(lambda: _held(steered, run))
    await stop(steered.workflow(run), how)
    ended = await steered.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("removed", how)
    assert await closed_as(steered.workflow(run)) == STATUS[how]
    assert smtp_sink.messages == []
    await set_journey(steered.pool, "active")
    smtp_sink.answer = lambda _envelope: "250 OK"
    await goes_through_again(steered, contact, ended)


async def _held(engine: Engine, run: dict[str, Any]) -> bool:
    return bool((await engine.visits(run["id"]))[-1]["held"] == "paused")


async def test_a_cancelled_run_waits_for_the_record_of_its_claimed_send(
    steered: Engine, smtp_sink: SmtpSink
) -> None:
    contact = await steered.contact(email="ada@example.com")
    held = Held(smtp_sink)
    await steered.event(contact, "Started")
    await held.asked.wait()
    run = await steered.run_of(contact)
    workflow = steered.workflow(run)
    await workflow.cancel()
    await eventually(lambda: _asked_to_cancel_the_send(workflow))
    assert await active_runs(steered.pool) == [run["id"]]
    assert await message_of(steered.pool, run) == "claimed"
    held.give("250 OK")
    ended = await steered.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("removed", "cancelled")
    assert await message_of(steered.pool, run) == "sent"
    assert await steered.path(run["id"]) == [("hello", "sent"), ("pause", "removed")]
    assert await closed_as(workflow) == "CANCELED"
    assert len(smtp_sink.messages) == 1


async def _asked_to_cancel_the_send(workflow: WorkflowHandle[Any, Any]) -> bool:
    return (await counted(workflow))["ACTIVITY_TASK_CANCEL_REQUESTED"] == 1


async def test_a_cancelled_run_whose_send_is_then_not_taken_is_removed_all_the_same(
    steered: Engine, smtp_sink: SmtpSink
) -> None:
    contact = await steered.contact(email="ada@example.com")
    held = Held(smtp_sink)
    await steered.event(contact, "Started")
    await held.asked.wait()
    run = await steered.run_of(contact)
    workflow = steered.workflow(run)
    await workflow.cancel()
    await eventually(lambda: _asked_to_cancel_the_send(workflow))
    held.give("451 4.7.1 try again later")
    ended = await steered.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("removed", "cancelled")
    assert await closed_as(workflow) == "CANCELED"
    assert await message_of(steered.pool, run) == "released"
    assert await steered.path(run["id"]) == [("hello", "removed")]
    assert smtp_sink.messages == []


async def test_a_send_that_was_claimed_when_its_run_was_terminated_is_still_recorded(
    steered: Engine, smtp_sink: SmtpSink
) -> None:
    contact = await steered.contact(email="ada@example.com")
    held = Held(smtp_sink)
    await steered.event(contact, "Started")
    await held.asked.wait()
    run = await steered.run_of(contact)
    await steered.workflow(run).terminate("an operator asked for it")
    ended = await steered.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("removed", "terminated")
    assert await steered.path(run["id"]) == [("hello", None)]
    held.give("250 OK")
    await eventually(lambda: _is_sent(steered, run))
    assert await steered.path(run["id"]) == [("hello", "sent")]
    smtp_sink.answer = lambda _envelope: "250 OK"
    await goes_through_again(steered, contact, ended)
    assert len(smtp_sink.messages) == 3


async def _is_sent(engine: Engine, run: dict[str, Any]) -> bool:
    return await message_of(engine.pool, run) == "sent"


@HOW
async def test_a_run_stopped_before_a_worker_saw_it_is_removed(
    pool: AsyncConnectionPool[Any],
    temporal_client: Client,
    engine_settings: Settings,
    smtp_sink: SmtpSink,
    how: str,
) -> None:
    await activate(pool, STEERED)
    contact = await make_contact(pool, email="ada@example.com")
    await accept(pool, contact, "Started", {})
    await Dispatcher(pool, temporal_client, Catalog()).drain()
    run = await newest_run(pool, contact)
    assert run is not None
    workflow = Engine(pool, temporal_client, Dispatcher(pool, temporal_client, Catalog())).workflow(
        run
    )
    await stop(workflow, how)
    async with engine_at_work(
        engine_settings, pool, temporal_client, reconcile_every=1.0
    ) as engine:
        ended = await engine.ended(contact)
        assert (ended["outcome"], ended["reason"]) == ("removed", how)
        assert await closed_as(workflow) == STATUS[how]
        assert smtp_sink.messages == []
        await goes_through_again(engine, contact, ended)
