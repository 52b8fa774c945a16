"""Postgres goes away under a running engine, and comes back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from infra.clients import open_pool
from infra.settings import Settings
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.outages import Outage, own_postgres
from tests.support.temporal import counted, history

AWAY = """
journey: away
entry: {event: Started}
steps:
  - {id: pause, wait: 3s}
  - {id: lead, update: {add: {score: 5}}}
"""


@pytest.fixture
async def outage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outage]:
    # Not below the test's own directory: the server's user may not enter that.
    async with own_postgres(tmp_path_factory.mktemp("postgres")) as outage:
        yield outage


@pytest.fixture
async def fragile(
    outage: Outage, engine_settings: Settings, temporal_client: Client
) -> AsyncIterator[Engine]:
    """An engine on that PostgreSQL."""
    settings = engine_settings.model_copy(update={"database_url": outage.server.url()})
    pool = await open_pool(settings)
    async with engine_at_work(settings, pool, temporal_client, reconcile_every=1.0) as engine:
        yield engine
    await pool.close()


async def attempts(handle: WorkflowHandle[Any, Any]) -> int:
    """How often Temporal has tried the remote activity that is pending."""
    pending = (await handle.describe()).raw_description.pending_activities
    return max((each.attempt for each in pending), default=0)


async def test_a_run_gets_over_an_outage_of_postgres_by_itself_with_few_events(
    fragile: Engine, outage: Outage
) -> None:
    await fragile.activate(AWAY)
    contact = await fragile.contact()
    await fragile.event(contact, "Started")
    run = await fragile.standing_at(contact, "pause")
    workflow = fragile.workflow(run)
    await outage.begin()

    async def tried_again_and_again() -> bool:
        return await attempts(workflow) >= 2

    await eventually(tried_again_and_again, timeout=40)
    during = len(await history(workflow))
    await outage.end()
    await fragile.pool.check()
    ended = await fragile.ended(contact, timeout=40)
    assert (ended["outcome"], ended["reason"]) == ("completed", None)
    assert await fragile.path(run["id"]) == [("pause", "elapsed"), ("lead", "done")]
    await workflow.result()
    events = await history(workflow)
    fired = next(
        place
        for place, event in enumerate(events)
        if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED
    )
    # The timer, a workflow task, the marker of the local failure, the remote activity's schedule:
    # however long the outage, no try leaves another.
    assert during - fired == 6
    # Then its start and completion, a workflow task, and the marker of the step that follows.
    closed = len(events) - 1
    assert closed - fired - 1 <= 12


FAULTY = """
create function fail() returns trigger language plpgsql as
$$ begin raise exception 'a fault of ours'; end $$;
create trigger fail before insert on visit for each row execute function fail();
"""


async def test_a_step_that_fails_by_a_fault_of_ours_goes_on_once_the_fault_is_mended(
    engine: Engine,
) -> None:
    await engine.activate(AWAY.replace("3s", "1s"))
    contact = await engine.contact()
    async with engine.pool.connection() as conn:
        await conn.execute(FAULTY)
    await engine.event(contact, "Started")

    async def begun() -> bool:
        return (await engine.run_of(contact))["workflow_started_at"] is not None

    await eventually(begun)
    run = await engine.run_of(contact)

    async def tried_again_and_again() -> bool:
        return await attempts(engine.workflow(run)) >= 2

    await eventually(tried_again_and_again)
    async with engine.pool.connection() as conn:
        await conn.execute("drop trigger fail on visit")
    assert (await engine.ended(contact))["outcome"] == "completed"
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select distinct activity, code, run_id from fault")
        assert await cursor.fetchall() == [("plan_wait", "internal", run["id"])]


ROUTED = """
journey: routed
entry: {event: Started}
steps:
  - {id: pause, wait: 1s}
  - id: fork
    branch:
      - {name: high, if: {attribute: score, gte: 5}, then: [{id: more, update: {add: {score: 1}}}]}
      - else: [{id: lead, update: {add: {score: 5}}}]
"""
FAULTY_ONCE = """
create sequence tries;
create function fail() returns trigger language plpgsql as
$$ begin
    if nextval('tries') = 1 then raise exception 'a fault of ours'; end if;
    return new;
end $$;
create trigger fail before insert on visit for each row when (new.kind = 'branch')
    execute function fail();
"""


async def test_a_branch_is_decided_with_the_end_of_its_wait_or_by_itself_after_a_fault(
    engine: Engine,
) -> None:
    await engine.activate(ROUTED)
    contact = await engine.contact()
    await engine.event(contact, "Started")
    run = await engine.ended(contact)
    path = [("pause", "elapsed"), ("fork", "else"), ("lead", "done")]
    assert await engine.path(run["id"]) == path
    workflow = engine.workflow(run)
    await workflow.result()
    # The plan of the wait, its end with the branch, the update, and the end of the run.
    assert (await counted(workflow))["MARKER_RECORDED"] == 4
    async with engine.pool.connection() as conn:
        await conn.execute(FAULTY_ONCE)
    other = await engine.contact()
    await engine.event(other, "Started")
    run = await engine.ended(other)
    assert await engine.path(run["id"]) == path
