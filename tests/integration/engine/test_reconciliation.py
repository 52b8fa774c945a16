"""The reconciliation finds runs and workflows that do not match each other."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from dispatch.temporal import start_journey
from journeys.protocol.names import QUEUE, WORKFLOW, workflow_id
from journeys.protocol.payloads import JourneyInput
from journeys.protocol.program import Node, Program
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter
from store.runs.lifecycle import end_run
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as

QUIET = """
journey: quiet
entry: {event: Started}
re_entry: always
steps:
  - {id: pause, wait: {event: Go On}}
"""
MAILING = """
journey: mailing
entry: {event: Mail}
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
"""


async def entered(engine: Engine, contact: UUID, journey: str) -> UUID:
    """A run row without a workflow, as a process leaves it that dies right after its commit."""
    catalog = Catalog()
    async with engine.pool.connection() as conn, conn.transaction():
        definition = await catalog.definition(conn, journey, 1)
        answer = await enter(conn, catalog, definition, EntryRequest(contact, "", {}, None))
        assert isinstance(answer, AdmittedEntry)
        return answer.run_id


async def execute(engine: Engine, statement: str, *values: Any) -> list[Any]:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


async def test_a_run_without_a_workflow_is_started_once_it_is_a_minute_old(engine: Engine) -> None:
    await engine.activate(QUIET)
    young, old = await engine.contact(), await engine.contact()
    fresh = await entered(engine, young, "quiet")
    run_id = await entered(engine, old, "quiet")
    await execute(
        engine, "update run set started_at = started_at - interval '61 s' where id = %s", run_id
    )
    run = await engine.standing_at(old, "pause")
    assert run["workflow_started_at"] is not None
    [[untouched]] = await execute(
        engine, "select workflow_started_at from run where id = %s", fresh
    )
    assert untouched is None
    await engine.event(old, "Go On")
    assert (await engine.ended(old))["outcome"] == "completed"


async def test_the_workflow_of_a_run_that_ended_in_postgres_is_signalled(engine: Engine) -> None:
    await engine.activate(QUIET)
    contact = await engine.contact()
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "pause")
    async with engine.pool.connection() as conn, conn.transaction():
        assert await end_run(conn, run["id"], "restarted", None, stop_workflow=True)
    assert await closed_as(engine.workflow(run)) == "COMPLETED"
    assert await engine.workflow(run).result() == {"outcome": "restarted", "reason": None}

    async def signalled() -> bool:
        return not (await engine.run_of(contact))["stop_workflow"]

    await eventually(signalled)


async def test_a_run_that_postgres_does_not_know_is_refused(engine: Engine) -> None:
    program = Program(nodes=[Node(id="pause", kind="wait", summary="wait")], start=0)
    run_id = uuid4()
    handle = await engine.client.start_workflow(
        WORKFLOW,
        JourneyInput(run_id=run_id, program=program),
        id=workflow_id("by-hand", run_id),
        task_queue=QUEUE,
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    error = failure.value.cause
    assert isinstance(error, ApplicationError)
    assert (error.type, error.message) == ("unknown_run", "unknown_run")


async def test_a_run_whose_workflow_failed_ends_as_failed_and_the_contact_may_enter_again(
    engine: Engine,
) -> None:
    await engine.activate(QUIET)
    contact = await engine.contact()
    run_id = await entered(engine, contact, "quiet")
    await start_journey(
        engine.client,
        run_id=run_id,
        journey="quiet",
        version=1,
        contact_id=contact,
        program=Program(nodes=[Node(id="elsewhere", kind="branch", summary="")], start=0),
    )
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("failed", "workflow_failed")
    await engine.event(contact, "Started")
    assert (await engine.standing_at(contact, "pause"))["id"] != run_id


async def test_a_send_that_was_not_recorded_before_its_run_was_terminated_is_unknown(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(MAILING)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Mail")
    run = await engine.ended(contact)
    # As if its worker had died between the provider's answer and the record.
    await execute(
        engine,
        "update visit set outcome = null, ended_at = null where run_id = %s",
        run["id"],
    )
    await execute(
        engine,
        "update message set state = 'claimed', settled_at = null,"
        " claimed_at = claimed_at - interval '61 s' where run_id = %s",
        run["id"],
    )

    async def found() -> bool:
        return await engine.path(run["id"]) == [("hello", "unknown")]

    await eventually(found)
    [message] = await execute(
        engine, "select state, code from message where run_id = %s", run["id"]
    )
    assert message == ("unknown", "interrupted")
    assert len(smtp_sink.messages) == 1
