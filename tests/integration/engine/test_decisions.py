"""Decisions: what Postgres recorded, what the history holds and the way taken are one."""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.contrib.pydantic import pydantic_data_converter

from api.runs.start import start_by_api
from infra.clients import open_pool
from infra.settings import Settings
from journeys.protocol.names import WAKE, workflow_id
from journeys.protocol.payloads import JourneyResult, StepResult, Wake
from store.definitions.catalog import Catalog
from store.events.attribute_changes import change_attributes
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.racing import Offset, Pool, Side, at_work, eventually_none, in_turn

RUNS = int(os.environ.get("DECIDING_RUNS", "300"))
"""Runs that are signalled while they decide; `DECIDING_RUNS=1000` plays more."""
AT_ONCE = 12

CHOOSING = """
journey: choosing
entry: {api: true}
steps:
  - {id: gate, group: {add: [gate]}}
  - id: choice
    branch:
      - {name: gold, if: {attribute: plan, is: gold}, then: [{id: was-gold, group: {add: [a]}}]}
      - else: [{id: was-else, group: {add: [b]}}]
"""


@dataclass(frozen=True)
class Decided:
    """What a run's history says."""

    steps: list[tuple[str, str | None]]
    """Activity and outcome of each local activity whose result was kept, in order."""
    result: JourneyResult
    redone: int
    """Workflow tasks that a signal made the server refuse, so that they were repeated."""


async def read_history(engine: Engine, run_id: UUID) -> Decided:
    """Decisions as the history holds them."""
    handle = engine.client.get_workflow_handle(
        workflow_id("choosing", run_id), result_type=JourneyResult
    )
    result: JourneyResult = await handle.result()
    steps: list[tuple[str, str | None]] = []
    redone = 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            steps.append(await _marked(event))
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            cause = event.workflow_task_failed_event_attributes.cause
            assert cause == (
                WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            ), event
            redone += 1
    return Decided(steps, result, redone)


async def _marked(event: HistoryEvent) -> tuple[str, str | None]:
    """The activity of a marker, and the outcome in its result."""
    details = event.marker_recorded_event_attributes.details
    [data] = await pydantic_data_converter.decode(details["data"].payloads)
    [result] = await pydantic_data_converter.decode(details["result"].payloads, [StepResult])
    return data["activity_type"], result.outcome


async def change_plan(pool: Pool, offset: Offset, contact: UUID) -> None:
    """Change what the branches look at, at a random moment, as a tracking call does."""
    async with pool.connection() as conn:
        await offset.spend(conn)
        async with conn.transaction():
            await conn.execute("select from contact where id = %s for no key update", (contact,))
            await change_attributes(conn, contact, set_={"plan": "gold"}, unset=[], add={}, depth=0)


class Gates:
    """Stops runs within the local activity of their first step, and sees them come there.

    One look is for all gates, however many are closed.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._closed: dict[str, asyncio.Event] = {}
        """By the transaction that closed it: a run is there."""

    @asynccontextmanager
    async def closed(self, contact: UUID) -> AsyncIterator[asyncio.Event]:
        """A contact's gate, until the context ends; whether its run has come to it."""
        async with self._pool.connection() as conn, conn.transaction(force_rollback=True):
            # The step inserts the same row, and must wait to see what becomes of this one.
            cursor = await conn.execute(
                "insert into group_member values (%s, 'gate')"
                " returning pg_current_xact_id()::xid::text",
                (contact,),
            )
            row = await cursor.fetchone()
            assert row is not None
            come = self._closed[row[0]] = asyncio.Event()
            try:
                yield come
            finally:
                del self._closed[row[0]]

    async def watch(self, pool: Pool) -> None:
        """Look who has come, until cancelled."""
        async with pool.connection() as conn:
            while True:
                # A new wait after each one: a long wait checks less and less often.
                await eventually(lambda: self._look(conn), float("inf"))

    async def _look(self, conn: AsyncConnection[Any]) -> bool:
        if all(come.is_set() for come in self._closed.values()):
            return False
        cursor = await conn.execute(
            "select transactionid::text from pg_locks where not granted and transactionid notnull"
        )
        come = [self._closed[each] for (each,) in await cursor.fetchall() if each in self._closed]
        new = [gate for gate in come if not gate.is_set()]
        for gate in new:
            gate.set()
        return bool(new)


async def chose(pool: Pool, run_id: UUID) -> Side | None:
    """Whether a run's first decision came before the change of what it looked at."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select outcome from visit where run_id = %s and visit = 2", (run_id,)
        )
        row = await cursor.fetchone()
    return None if row is None else "event" if row[0] == "gold" else "step"


async def visited(pool: AsyncConnectionPool[Any]) -> dict[UUID, list[tuple[str, str, str]]]:
    """Of each run: step, kind and outcome of its visits."""
    found: defaultdict[UUID, list[tuple[str, str, str]]] = defaultdict(list)
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select run_id, step, kind, outcome from visit order by run_id, visit"
        )
        async for run_id, *visit in cursor:
            found[run_id].append(tuple(visit))
    return found


@pytest.mark.long
async def test_runs_signalled_while_they_decide_decide_once(
    engine: Engine, settings: Settings
) -> None:
    await engine.activate(CHOOSING)
    contacts = [await engine.contact(attributes={"plan": "free"}) for _ in range(RUNS)]
    catalog = Catalog()
    offset = Offset(seed=4, reach=0.1)
    async with (
        await open_pool(settings, min_size=AT_ONCE, max_size=AT_ONCE) as closing,
        await open_pool(settings, min_size=AT_ONCE, max_size=AT_ONCE) as changes,
    ):
        gates = Gates(closing)

        async def one(contact: UUID) -> UUID:
            async with gates.closed(contact) as come:
                answer = await start_by_api(
                    changes, engine.client, catalog, "choosing", str(contact), {}, None
                )
                assert answer.status == 201, answer
                async with asyncio.timeout(60):
                    await come.wait()
                handle: Any = engine.client.get_workflow_handle(answer.body["workflow_id"])
                await handle.signal(WAKE, Wake(visit=0))
            await change_plan(changes, offset, contact)
            run_id = UUID(answer.body["id"])
            offset.balance(await chose(changes, run_id))
            return run_id

        async with at_work(gates.watch(engine.pool)):
            run_ids = await in_turn(AT_ONCE, [partial(one, contact) for contact in contacts])
    await eventually_none(engine.pool, "select from run where state = 'active'")
    decided = await in_turn(AT_ONCE, [partial(read_history, engine, each) for each in run_ids])
    visits = await visited(engine.pool)
    ways: Counter[str] = Counter()
    for run_id, history in zip(run_ids, decided, strict=True):
        recorded = [(kind, outcome) for _, kind, outcome in visits[run_id]]
        assert [*recorded, ("finish", None)] == history.steps
        _, (_, _, chosen), (then, *_) = visits[run_id]
        assert then == f"was-{chosen}"
        assert history.result == JourneyResult(outcome="completed")
        ways[chosen] += 1
    # Nothing was proved unless decisions were made twice, and could have differed.
    assert sum(1 for history in decided if history.redone) >= RUNS / 5
    assert min(ways["gold"], ways["else"]) >= 1, ways
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select group_key, count(*) from group_member where group_key <> 'gate'"
            " group by group_key"
        )
        assert dict(await cursor.fetchall()) == {"a": ways["gold"], "b": ways["else"]}
