"""The reconciliation finds runs and workflows that do not match each other."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from dispatch.reconciliation import Reconciliation
from dispatch.temporal import start_journey
from journeys.protocol.names import QUEUE, WORKFLOW, workflow_id
from journeys.protocol.payloads import JourneyInput
from journeys.protocol.program import Node, Program
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter
from store.operations.reconciliation_cursor import (
    finish_turn,
    give_up_turn,
    renew_turn,
    take_turn,
)
from store.runs.lifecycle import end_run
from tests.support.conditions import eventually
from tests.support.engine import Engine, activate, make_contact
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


async def test_one_job_that_cannot_be_looked_at_keeps_no_other_part_waiting(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await activate(pool, QUIET)
    jobs, run_id = [uuid4(), uuid4()], uuid4()
    contact = await make_contact(pool)
    async with pool.connection() as conn:
        for job in jobs:
            await conn.execute(
                "insert into job (id, kind, journey, workflow_started_at)"
                " values (%s, 'resume', 'quiet', now())",
                (job,),
            )
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref, started_at)"
            " values (%s, 'quiet', 1, %s, 0, 0, now() - interval '2 minutes')",
            (run_id, contact),
        )
    failing = f"job.resume.{jobs[0]}"
    handle_of = temporal_client.get_workflow_handle

    def faulty(workflow: str, **options: Any) -> Any:
        if workflow == failing:
            raise RPCError("injected", RPCStatusCode.INTERNAL, b"")
        return handle_of(workflow, **options)

    monkeypatch.setattr(temporal_client, "get_workflow_handle", faulty)
    await Reconciliation(pool, temporal_client, Catalog()).once()
    async with pool.connection() as conn:
        cursor = await conn.execute("select id, state from job")
        # The other's workflow does not exist: an operator has removed it.
        assert dict(await cursor.fetchall()) == {jobs[0]: "running", jobs[1]: "stopped"}
        cursor = await conn.execute("select subject, code from fault")
        assert await cursor.fetchall() == [(f"job {jobs[0]}", "temporal_internal")]
        cursor = await conn.execute("select run_id, kind from parked_call")
        assert await cursor.fetchall() == [(run_id, "start")]


async def test_a_turn_is_kept_and_ended_by_its_owner_alone(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
) -> None:
    mine, other = uuid4(), uuid4()
    none = timedelta(0)
    async with pool.connection() as conn:
        assert await take_turn(conn, "closed", mine, none) is not None
        assert await take_turn(conn, "closed", other, none) is None
        # This process was stopped for a while, and another has the turn now.
        await conn.execute("update sweep_cursor set leased_until = now() - interval '1 s'")
        turn = await take_turn(conn, "closed", other, none)
        assert turn is not None
        assert not await renew_turn(conn, "closed", mine)
        await give_up_turn(conn, "closed", mine)
        assert not await finish_turn(conn, "closed", mine, turn[1])
        assert await take_turn(conn, "closed", mine, none) is None
        assert await renew_turn(conn, "closed", other)
        assert await finish_turn(conn, "closed", other, turn[1])
        assert await take_turn(conn, "closed", mine, none) is not None
