"""After a reset an active run goes on, an ended one stays ended, and nothing is sent twice."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, counted, reset, workflow_tasks

LONG = """
journey: long
entry: {event: Started}
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
  - {id: pause, wait: {event: Go On, up_to: 1d}}
  - {id: lead, update: {add: {score: 5}}}
  - {id: bye, email: {subject: Bye, text: Bye, transactional: true}}
  - {id: last, wait: {event: Over, up_to: 1d}}
"""
PATH = [
    ("hello", "sent"),
    ("pause", "happened"),
    ("lead", "done"),
    ("bye", "sent"),
    ("last", "happened"),
]
TASKS = 4
"""Workflow tasks of such a run until it stands at its last wait: begun, the first mail sent, the
first wait over, the second mail sent."""


@pytest.fixture
async def standing(engine: Engine) -> tuple[UUID, dict[str, Any]]:
    """A contact, and its run at the last wait."""
    await engine.activate(LONG)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "pause")
    await stood(engine, run, times=1)
    await engine.event(contact, "Go On")
    run = await engine.standing_at(contact, "last")
    await stood(engine, run, times=2)
    return contact, run


async def stood(engine: Engine, run: dict[str, Any], times: int) -> None:
    """Return once the run's workflow, too, has come to stand so many times."""

    async def look() -> bool:
        return (await counted(engine.workflow(run)))["TIMER_STARTED"] == times

    await eventually(look, what=f"{times} timers")


async def score(engine: Engine, contact: UUID) -> float:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select score from contact where id = %s", (contact,))
        [[found]] = await cursor.fetchall()
    return float(found)


async def swept(engine: Engine) -> None:
    """Wait for a reconciliation that begins now or later."""
    now = datetime.now(UTC)

    async def look() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select true from sweep_cursor where name = 'closed' and closed_until > %s", (now,)
            )
            return await cursor.fetchone() is not None

    await eventually(look, what="a reconciliation")


@pytest.mark.parametrize("task", range(TASKS))
async def test_an_active_run_goes_on_after_a_reset_and_sends_nothing_twice(
    engine: Engine, standing: tuple[UUID, dict[str, Any]], smtp_sink: SmtpSink, task: int
) -> None:
    contact, run = standing
    workflow = engine.workflow(run)
    tasks = await workflow_tasks(workflow)
    assert len(tasks) == TASKS
    await reset(engine.client, workflow, tasks[task])
    # The terminated execution is found, and the run is not ended for it.
    await swept(engine)
    assert await engine.path(run["id"]) == [*PATH[:-1], ("last", None)]
    await engine.event(contact, "Over")
    ended = await engine.ended(contact)
    assert (ended["id"], ended["outcome"], ended["reason"]) == (run["id"], "completed", None)
    assert await engine.path(run["id"]) == PATH
    assert await closed_as(workflow) == "COMPLETED"
    assert [mail.message["Subject"] for mail in smtp_sink.messages] == ["Hello", "Bye"]
    assert await score(engine, contact) == 5


@pytest.mark.parametrize("task", range(TASKS))
async def test_an_ended_run_stays_ended_after_a_reset(
    engine: Engine, standing: tuple[UUID, dict[str, Any]], smtp_sink: SmtpSink, task: int
) -> None:
    contact, run = standing
    workflow = engine.workflow(run)
    await engine.event(contact, "Over")
    before = await engine.ended(contact)
    assert await closed_as(workflow) == "COMPLETED"
    visits = await engine.visits(run["id"])
    execution = await reset(engine.client, workflow, (await workflow_tasks(workflow))[task])
    again = engine.client.get_workflow_handle(workflow.id, run_id=execution)
    assert await again.result() == {"outcome": "completed", "reason": None}
    await swept(engine)
    assert await engine.ended(contact) == before
    assert await engine.visits(run["id"]) == visits
    assert [mail.message["Subject"] for mail in smtp_sink.messages] == ["Hello", "Bye"]
    assert await score(engine, contact) == 5


async def test_a_run_that_an_operator_removed_stays_removed_after_a_reset(
    engine: Engine, standing: tuple[UUID, dict[str, Any]]
) -> None:
    contact, run = standing
    workflow = engine.workflow(run)
    await workflow.cancel()
    before = await engine.ended(contact)
    assert await closed_as(workflow) == "CANCELED"
    await reset(engine.client, workflow, (await workflow_tasks(workflow))[0])
    assert await closed_as(workflow) == "COMPLETED"
    assert await engine.ended(contact) == before
    assert (before["outcome"], before["reason"]) == ("removed", "cancelled")
