"""Jobs without a workflow: reconciliation starts or stops them, and wakes migrated runs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.migrate_runs import MigrateRunsActivities
from activities.jobs.repair_runs import RepairRunsActivities
from activities.jobs.resume_sends import ResumeSendsActivities
from dispatch.jobs import cancel_job
from dispatch.versions import wake_unnoticed_migrations
from infra.clients import open_pool
from infra.settings import Settings
from journeys.protocol.payloads import JobInput, JobPage
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from store.operations.audit import Actor
from store.operations.jobs import create_job, job_started, pause_job, read_job
from store.repairs.item_repairs import RepairPlan
from store.repairs.job_items import add_items
from store.versions.run_migration import Target, migrate_run
from tests.support.bystanders import FaultyTemporal
from tests.support.conditions import eventually
from tests.support.crowds import Pool, write_crowd
from tests.support.engine import Engine, activate, engine_at_work
from tests.support.moves import begin_move, ended
from tests.support.temporal import counted

FIRST = """
journey: letters
entry: {event: Letter Asked}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
"""
SECOND = FIRST.replace("30d", "60d")


@pytest.fixture
async def slow_engine(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> AsyncIterator[Engine]:
    """A worker whose jobs stay for a minute, for those who enter meanwhile."""
    minute = timedelta(minutes=1)
    async with engine_at_work(
        engine_settings, pool, temporal_client, late_starts=minute, reconcile_every=1.0
    ) as engine:
        yield engine


async def job_of(engine: Engine) -> UUID:
    """A job that was committed, and nothing more."""
    async with engine.pool.connection() as conn:
        return await create_job(conn, "move", "letters", version=2, plan={}, total=0)


async def waiting_run(engine: Engine) -> dict[str, Any]:
    contact = await engine.contact()
    await engine.event(contact, "Letter Asked")
    return await engine.standing_at(contact, "quiet")


async def test_a_job_that_temporal_never_got_is_started_later(
    engine: Engine,
) -> None:
    await engine.activate(FIRST)
    await waiting_run(engine)
    await engine.activate(SECOND)
    done = await ended(engine.pool, await job_of(engine))
    assert (done.state, done.moved) == ("done", 1)


async def test_a_job_that_is_paused_goes_on_once_it_is_resumed(engine: Engine) -> None:
    await engine.activate(FIRST)
    await waiting_run(engine)
    await engine.activate(SECOND)
    job = await job_of(engine)
    async with engine.pool.connection() as conn:
        await pause_job(conn, job, paused=True)
    handle = engine.client.get_workflow_handle(f"job.move.{job}")

    async def looked() -> bool:
        try:
            return (await counted(handle))["ACTIVITY_TASK_COMPLETED"] >= 2
        except RPCError:
            # The reconciliation has not started it yet.
            return False

    await eventually(looked, 20)
    async with engine.pool.connection() as conn:
        paused = await read_job(conn, job)
        assert paused is not None
        assert (paused.state, paused.moved) == ("running", 0)
        await pause_job(conn, job, paused=False)
    done = await ended(engine.pool, job)
    assert (done.state, done.moved) == ("done", 1)


async def stops(engine: Engine) -> list[tuple[Any, ...]]:
    """Who stopped which job, and why, as the audit log has it."""
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select actor, subject, reason from audit where action = 'job.cancel'"
        )
        return await cursor.fetchall()


async def test_a_job_whose_workflow_is_gone_is_stopped(engine: Engine) -> None:
    await engine.activate(FIRST)
    await engine.activate(SECOND)
    async with engine.pool.connection() as conn, conn.transaction():
        job = await create_job(conn, "move", "letters", version=2, plan={}, total=0)
        await job_started(conn, job)
    assert (await ended(engine.pool, job)).state == "stopped"
    assert await stops(engine) == [("engine", str(job), "its workflow was closed in Temporal")]


async def test_a_job_that_is_cancelled_says_so(slow_engine: Engine) -> None:
    await slow_engine.activate(FIRST)
    await slow_engine.activate(SECOND)
    job = await begin_move(slow_engine.pool, slow_engine.client, "letters")
    await slow_engine.client.get_workflow_handle(f"job.move.{job}").cancel()
    assert (await ended(slow_engine.pool, job)).state == "stopped"
    assert await stops(slow_engine) == [("engine", str(job), "its workflow was closed in Temporal")]


async def test_a_job_that_is_cancelled_by_the_api_ends_its_workflow(slow_engine: Engine) -> None:
    await slow_engine.activate(FIRST)
    await slow_engine.activate(SECOND)
    job = await begin_move(slow_engine.pool, slow_engine.client, "letters")
    async with slow_engine.pool.connection() as conn:
        cancelled = await cancel_job(conn, slow_engine.client, job, Actor.of_command())
    assert cancelled is not None
    assert cancelled.state == "stopped"
    workflow = slow_engine.client.get_workflow_handle(f"job.move.{job}")

    async def closed() -> bool:
        return (await workflow.describe()).status is WorkflowExecutionStatus.CANCELED

    await eventually(closed, 20)


async def test_a_wake_of_a_resume_that_fails_is_left_to_a_dispatcher(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, FIRST)
    members = await write_crowd(pool, "letters", "quiet", 3)
    faulty = members[1].run_id
    async with pool.connection() as conn:
        await conn.execute("update visit set kind = 'email', held = 'paused', due_at = null")
        job = await create_job(conn, "resume", "letters", plan={}, total=3)
    temporal = FaultyTemporal()
    temporal.answer = lambda workflow: (
        RPCStatusCode.INTERNAL if workflow.endswith(str(faulty)) else None
    )
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    activities = ResumeSendsActivities(context, temporal.around(temporal_client))
    request = JobInput(job_id=job, subject="wake")
    page = await ActivityEnvironment().run(activities.page, request)
    assert (page.state, page.done) == ("done", 3)
    async with pool.connection() as conn:
        cursor = await conn.execute("select run_id, kind, visit from parked_call")
        assert await cursor.fetchall() == [(faulty, "wake", 1)]
        cursor = await conn.execute("select run_id, code from fault")
        assert await cursor.fetchall() == [(faulty, "temporal_internal")]


async def test_a_move_waits_for_runs_that_a_dispatcher_starts_late(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, FIRST)
    await write_crowd(pool, "letters", "quiet", 2)
    await activate(pool, SECOND)
    async with pool.connection() as conn:
        job = await create_job(conn, "move", "letters", version=2, plan={}, total=2)

    async def page(late_starts: timedelta) -> JobPage:
        context = Context(pool=pool, catalog=Catalog(), adapters={}, late_starts=late_starts)
        move = MigrateRunsActivities(context, temporal_client)
        request = JobInput(job_id=job, subject="move")
        answer: JobPage = await ActivityEnvironment().run(move.page, request)
        return answer

    hour = timedelta(hours=1)
    first = await page(hour)
    assert (first.state, first.moved) == ("running", 2)
    waits = await page(hour)
    assert (waits.state, waits.moved, waits.rest > 3_000) == ("running", 2, True)
    await write_crowd(pool, "letters", "quiet", 1, age=timedelta(days=1))
    late = await page(hour)
    assert (late.state, late.moved) == ("running", 3)
    done = await page(timedelta(0))
    assert (done.state, done.moved, done.rest) == ("done", 3, 0)


async def test_a_workflow_that_was_not_signalled_of_its_move_is_signalled_later(
    engine: Engine,
) -> None:
    await engine.activate(FIRST)
    run = await waiting_run(engine)
    await engine.activate(SECOND)
    catalog = Catalog()
    job = await job_of(engine)
    async with engine.pool.connection() as conn:
        definition = await catalog.definition(conn, "letters", 2)
        target = Target(definition, {}, Overdue(), datetime.now(UTC))
        await migrate_run(conn, catalog, job, run["id"], target)

        async def followed() -> bool:
            await wake_unnoticed_migrations(conn, engine.client, 10, since=timedelta(0))
            cursor = await conn.execute("select moves, moves_taken from run")
            return await cursor.fetchone() == (1, 1)

        await eventually(followed)


async def test_many_pages_at_once_need_no_more_connections_than_there_are(
    pool: Pool, settings: Settings, temporal_client: Client
) -> None:
    await activate(pool, FIRST)
    members = await write_crowd(pool, "letters", "quiet", 24)
    await activate(pool, SECOND)
    catalog = Catalog()
    moves, repairs = [], []
    async with pool.connection() as conn:
        for number in range(3):
            moves.append(await create_job(conn, "move", "letters", version=2, plan={}, total=24))
            plan = RepairPlan("skip", "why", key_id=None, rate=1_000.0).as_json()
            repairs.append(await create_job(conn, "repair", "letters", plan=plan, total=8))
            mine = members[number::3]
            await add_items(conn, repairs[-1], [(each.run_id, 1, None) for each in mine])
    narrow = await open_pool(settings, max_size=3)
    try:
        context = Context(pool=narrow, catalog=catalog, adapters={})
        move = MigrateRunsActivities(context, temporal_client)
        repair = RepairRunsActivities(context, temporal_client)
        pages = await asyncio.gather(
            *(
                ActivityEnvironment().run(work.page, JobInput(job_id=job, subject=""))
                for work, jobs in ((move, moves), (repair, repairs))
                for job in jobs
            )
        )
    finally:
        await narrow.close()
    assert [page.failed for page in pages] == [0] * 6
    assert [(page.state, page.done) for page in pages[3:]] == [("done", 8)] * 3
    async with pool.connection() as conn:
        cursor = await conn.execute("select outcome, count(*) from visit group by 1")
        assert await cursor.fetchall() == [("skipped", 24)]
