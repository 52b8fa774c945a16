"""Benchmark of due times: how late conditions are noticed that time alone makes true.

The runs are rows without workflows, so that the figure is that of the due times alone: from the
instant of a condition to the signal for its run.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection
from temporalio.client import Client, Interceptor, OutboundInterceptor, SignalWorkflowInput

from benchmarks.report import Figure, spread
from benchmarks.sample import activate, make_contacts
from benchmarks.servers import servers
from benchmarks.waiting import until
from dispatch.due_times import DueTimes
from infra.clients import connect_temporal, open_pool
from journeys.model.journey import Journey
from store.definitions.catalog import Catalog

WAITS = 20_000
BEFORE = timedelta(seconds=30)
"""Until the first instant; meanwhile every condition is looked at once."""
OVER = timedelta(seconds=60)
"""The instants are spread evenly over this time."""

_RUNS = """
with made as (
    insert into run (id, journey, version, contact_id, entry_ref, ref, step, visit,
                     workflow_started_at)
    select gen_random_uuid(), 'ends', 1, id, 0, 0, 'w', 1, parcours.clock() from contact
    returning id, contact_id
), visited as (
    insert into visit (run_id, visit, step, kind) select id, 1, 'w', 'wait' from made
), listening as (
    insert into listener (run_id, visit, slot, contact_id, ref, rest, since, due_at)
    select id, 1, 0, contact_id, 0, true, parcours.clock(), parcours.clock() from made
)
select m.id, (c.attributes ->> 'ends_at')::timestamptz
from made m join contact c on c.id = m.contact_id
"""


class _Noticed(Interceptor):
    """When each run was signalled first."""

    def __init__(self) -> None:
        self.at: dict[UUID, datetime] = {}

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        return _Signals(next, self)


class _Signals(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, noticed: _Noticed) -> None:
        super().__init__(following)
        self._noticed = noticed

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        run_id = UUID(input.id.rpartition(".")[2])
        self._noticed.at.setdefault(run_id, datetime.now(UTC))
        await super().signal_workflow(input)


async def measure() -> list[Figure]:
    """Measure with one worker's due times, which share the machine with both servers."""
    async with servers() as running:
        noticed = _Noticed()
        config = (await connect_temporal(running.settings)).config()
        config["interceptors"] = [noticed]
        pool = await open_pool(running.settings, min_size=2, max_size=4)
        try:
            async with pool.connection() as conn:
                instants = await _listen(conn)
            due_times = DueTimes(pool, Client(**config), Catalog())
            looking = asyncio.create_task(due_times.run())
            async with pool.connection() as conn:
                await until(lambda: _all_closed(conn, noticed), every=0.5)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        finally:
            await pool.close()
    late = sorted((noticed.at[run] - at).total_seconds() for run, at in instants.items())
    return [
        Figure(
            "20,000 conditions that time makes true: seconds late, p99",
            late[WAITS * 99 // 100],
            "s",
            at_most=2.0,
            detail=spread(late),
        )
    ]


async def _listen(conn: AsyncConnection) -> dict[UUID, datetime]:
    """Runs that wait for a moment of their contacts, each with it."""
    wait = {"if": {"attribute": "ends_at", "before": "now"}}
    journey = {"journey": "ends", "entry": {"api": True}, "steps": [{"id": "w", "wait": wait}]}
    await activate(conn, Journey.model_validate(journey))
    contacts = await make_contacts(conn, WAITS)
    draw = random.Random(20)
    first = datetime.now(UTC) + BEFORE
    moments = [(first + OVER * draw.random()).isoformat() for _ in contacts]
    await conn.execute(
        "update contact c set attributes = jsonb_build_object('ends_at', m.at)"
        " from unnest(%s::uuid[], %s::text[]) m(id, at) where c.id = m.id",
        (contacts, moments),
    )
    cursor = await conn.execute(_RUNS)
    return dict(await cursor.fetchall())


async def _all_closed(conn: AsyncConnection, noticed: _Noticed) -> bool:
    """Remove the listeners of the runs that were signalled, as their waits do when they end."""
    await conn.execute("delete from listener where run_id = any(%s)", (list(noticed.at),))
    return len(noticed.at) >= WAITS
