"""Benchmark of a branch on a contact with many events, in a much larger table."""

from __future__ import annotations

import os
import statistics
import time
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from benchmarks.report import Figure, percentile
from benchmarks.servers import servers
from journeys.model.conditions import Comparison, EventCondition
from store.conditions import Question, compile_condition, evaluate

CONTACT_EVENTS = 10_000
TABLE_EVENTS = int(os.environ.get("BENCH_EVENTS", "10000000"))
"""Rows of the table; with fewer rows the benchmark is faster and proves less."""
TRIES = 500

_FILL = """
insert into event (contact_id, name, properties, message_id, stamped_at)
select md5((n %% 200000)::text)::uuid, 'Event ' || n %% 20, jsonb_build_object('total', n %% 100),
       'm' || n, now() - n * interval '1 second'
from generate_series(1, %s) n
"""


async def measure() -> list[Figure]:
    """Measure p50 and p99 of evaluating a case that counts and compares, as a branch does."""
    async with servers() as running, await AsyncConnection.connect(
        running.settings.database_url, autocommit=True
    ) as conn:  # fmt: skip
        run = await _fill(conn)
        return [await time_branches(conn, run, TABLE_EVENTS)]


async def time_branches(
    conn: AsyncConnection, run: UUID, events: int, *, at_most: float | None = None
) -> Figure:
    """Evaluate a case of a branch for the run many times; `events` are in the table."""
    condition = EventCondition(
        event="Order Completed",
        where={"total": Comparison(gte=50)},
        within="30d",
        count=Comparison(gte=2),
    )
    # As of a version: compiled once.
    question = Question.of([compile_condition(condition, timed=False)])
    for _ in range(20):
        await evaluate(conn, run, question)
    took: list[float] = []
    for _ in range(TRIES):
        began = time.perf_counter()
        await evaluate(conn, run, question)
        took.append((time.perf_counter() - began) * 1_000)
    return Figure(
        f"branch on a contact with {CONTACT_EVENTS:,} events, {events:,} in the table",
        percentile(took, 0.99),
        "ms at p99",
        at_most=at_most,
        detail={"p50": round(statistics.median(took), 3), "aim": "p99 ≤ 2 ms"},
    )


async def _fill(conn: AsyncConnection) -> UUID:
    # Filling the table without indexes and creating them after it is many times faster.
    await conn.execute("alter table event drop constraint event_of_source")
    await conn.execute("drop index event_by_time")
    await conn.execute(_FILL, (TABLE_EVENTS,))
    await conn.execute("create index event_by_time on event (contact_id, name, occurred_at, id)")
    await conn.execute(
        "alter table event add constraint event_of_source unique (message_id, source)"
    )
    return await add_contact_with_events(conn)


async def add_contact_with_events(conn: AsyncConnection) -> UUID:
    """Write a contact with many events, and a run of it; returns the run's id."""
    contact, run = uuid4(), uuid4()
    await conn.execute("insert into contact (id) values (%s)", (contact,))
    await conn.execute(
        "insert into event (contact_id, name, properties, message_id, stamped_at)"
        " select %s, case n %% 10 when 0 then 'Order Completed' else 'Page Viewed' end,"
        " jsonb_build_object('total', n %% 60), gen_random_uuid()::text,"
        " now() - n * interval '1 hour' from generate_series(1, %s) n",
        (contact, CONTACT_EVENTS),
    )
    await conn.execute(
        "update contact set last_event_id = m.id, judged_event_id = m.id"
        " from (select max(id) as id from event) m where contact.id = %s",
        (contact,),
    )
    await conn.execute("analyze event")
    # What the filling has left to be written would be written during the measurement.
    await conn.execute("checkpoint")
    await conn.execute(
        "insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " values (%s, 'bench', 1, %s, 0, 0)",
        (run, contact),
    )
    return run
