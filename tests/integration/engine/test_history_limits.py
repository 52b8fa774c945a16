"""Runs continue as new before their history grows too long, and lose nothing by it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributeKey

from infra.clients import connect_temporal
from infra.settings import Settings
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, engine_at_work
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as
from tests.support.tight import tight_server

EVENTS = 40
"""History events from which on the server suggests to continue as new."""

OURS = {"JourneyKey", "JourneyVersion", "ContactId", "JourneyStep"}

TALLY = """
journey: tally
entry: {event: Started}
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
  - {id: turn, wait: {any: [{name: tick, event: Tick}, {name: over, event: Over}], up_to: 1d}}
  - {id: count, if: {step: turn, is: tick}, update: {add: {score: 1}}}
  - {id: again, if: {step: turn, is: tick}, goto: turn, max_visits: 1000}
  - {id: bye, email: {subject: Bye, text: Bye, transactional: true}}
"""


@pytest.fixture
async def tight(
    engine_settings: Settings, pool: AsyncConnectionPool[AsyncConnection[Any]], tmp_path: Path
) -> AsyncIterator[Engine]:
    """An engine on a server of its own, whose histories are short."""
    async with tight_server(tmp_path, events=EVENTS) as address:
        temporal = {**engine_settings.temporal, "TEMPORAL_ADDRESS": address}
        settings = engine_settings.model_copy(
            update={"temporal": {**temporal, "TEMPORAL_NAMESPACE": "default"}}
        )
        client = await connect_temporal(settings)
        async with engine_at_work(settings, pool, client, reconcile_every=1.0) as engine:
            yield engine


async def executions(engine: Engine, handle: WorkflowHandle[Any, Any]) -> list[str]:
    """How the executions of a workflow's chain closed."""
    query = f"WorkflowId = '{handle.id}'"
    return [
        each.status.name if each.status else ""
        async for each in engine.client.list_workflows(query)
    ]


async def continued(engine: Engine, handle: WorkflowHandle[Any, Any], times: int) -> bool:
    return (await executions(engine, handle)).count("CONTINUED_AS_NEW") >= times


async def set_journey(engine: Engine, state: str) -> None:
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = %s", (state,))


async def wakes(handle: WorkflowHandle[Any, Any], visit: int, count: int) -> None:
    await asyncio.gather(*(handle.signal("wake", {"visit": visit}) for _ in range(count)))


async def test_a_held_send_and_a_wait_survive_bursts_of_signals(
    tight: Engine, smtp_sink: SmtpSink
) -> None:
    await tight.activate(TALLY)
    contact = await tight.contact(email="ada@example.com")
    smtp_sink.answer = lambda _envelope: "451 4.7.1 try again later"
    await tight.event(contact, "Started")
    run = await tight.run_of(contact)
    await set_journey(tight, "paused")

    async def held() -> bool:
        seen = await tight.visits(run["id"])
        return bool(seen and seen[-1]["held"])

    await eventually(held)
    smtp_sink.answer = lambda _envelope: "250 OK"
    workflow = tight.workflow(run)
    await burst_until_continued(tight, workflow, visit=1)
    assert (await tight.visits(run["id"]))[-1]["held"] == "paused"
    await set_journey(tight, "active")
    await wakes(workflow, 1, 1)
    await tight.standing_at(contact, "turn")
    await eventually(lambda: says_it_stands(workflow, "turn"))
    due = (await tight.visits(run["id"]))[-1]["due_at"]
    await burst_until_continued(tight, workflow, visit=2)
    assert (await tight.visits(run["id"]))[-1]["due_at"] == due
    await tight.event(contact, "Over")
    ended = await tight.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("completed", None)
    assert await tight.path(run["id"]) == [
        ("hello", "sent"),
        ("turn", "over"),
        ("count", "skipped"),
        ("again", "skipped"),
        ("bye", "sent"),
    ]
    assert await closed_as(workflow) == "COMPLETED"
    attributes = (await workflow.describe()).typed_search_attributes
    assert {pair.key.name: pair.value for pair in attributes if pair.key.name in OURS} == {
        "JourneyKey": "tally",
        "JourneyVersion": "1",
        "ContactId": str(contact),
        "JourneyStep": "turn",
    }
    assert [mail.message["Subject"] for mail in smtp_sink.messages] == ["Hello", "Bye"]


async def says_it_stands(handle: WorkflowHandle[Any, Any], step: str) -> bool:
    attributes = (await handle.describe()).typed_search_attributes
    return attributes.get(SearchAttributeKey.for_keyword("JourneyStep")) == step


async def burst_until_continued(
    engine: Engine, workflow: WorkflowHandle[Any, Any], *, visit: int
) -> None:
    """Wake a visit in bursts until its workflow has continued as new twice more."""
    before = (await executions(engine, workflow)).count("CONTINUED_AS_NEW")

    async def look() -> bool:
        await wakes(workflow, visit, 20)
        return await continued(engine, workflow, before + 2)

    await eventually(look, timeout=40, what="two continue-as-news")


async def test_no_event_of_a_burst_is_lost_or_counted_twice_over_continue_as_news(
    tight: Engine,
) -> None:
    await tight.activate(TALLY)
    contact = await tight.contact(email="ada@example.com")
    await tight.event(contact, "Started")
    run = await tight.standing_at(contact, "turn")
    workflow = tight.workflow(run)
    ticks = 0

    async def look() -> bool:
        nonlocal ticks
        # A burst, and then each of its events has ended one wait.
        for _ in range(5):
            await accept(tight.pool, contact, "Tick", {})
        tight.dispatcher.nudge()
        ticks += 5
        await eventually(lambda: scored(tight, contact, ticks), timeout=30)
        return await continued(tight, workflow, 3)

    await eventually(look, timeout=40, what="3 continue-as-news")
    await tight.event(contact, "Over")
    ended = await tight.ended(contact)
    assert ended["outcome"] == "completed"
    path = await tight.path(run["id"])
    assert path == [
        ("hello", "sent"),
        *[("turn", "tick"), ("count", "done"), ("again", "jumped")] * ticks,
        ("turn", "over"),
        ("count", "skipped"),
        ("again", "skipped"),
        ("bye", "sent"),
    ]
    taken = [
        visit["facts"]["event_id"]
        for visit in await tight.visits(run["id"])
        if visit["outcome"] == "tick"
    ]
    assert taken == sorted(set(taken))
    assert await scored(tight, contact, ticks)


async def scored(engine: Engine, contact: UUID, score: int) -> bool:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select score from contact where id = %s", (contact,))
        [[found]] = await cursor.fetchall()
    return bool(found == score)
