"""Attention, lag, forecasts and explanations read no large table from end to end.

20,000 runs here; `ATTENTION_RUNS=2000000` before pytest for all, which also looks at times.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.definitions.catalog import Catalog
from store.reports.attention import WITHIN, read_attention
from store.reports.explain import explain
from store.reports.lag import read_lag
from store.reports.upcoming import read_upcoming
from tests.support.engine import activate

Pool = AsyncConnectionPool[AsyncConnection[Any]]

RUNS: Final = int(os.environ.get("ATTENTION_RUNS", "20000"))
LARGE: Final = ("run", "visit", "message", "event", "contact", "listener", "fault", "coupon")
MOST: Final = {
    # Some thousands, however many runs there are.
    "attention": 4_000,
    "lag": 100,
    "explain": 200,
    # The deferred sends, and what is due in two quarters of an hour: counters say the rest.
    "upcoming": RUNS // 25 + 1_500,
}
"""The most rows of one table that each may read."""
JOURNEY = """
journey: welcome
entry: {event: Joined}
steps:
  - {id: hello, email: {subject: S, text: T, transactional: true}}
  - {id: pause, wait: 2d}
  - {id: last, email: {subject: S, text: T, transactional: true}}
"""
# Half of the runs sleep, for up to ten days; a few thousand are in trouble of each kind.
FILLED: Final = (
    (
        "insert into contact (id, external_id, email) select md5('c' || n)::uuid, n::text,"
        " n || '@example.com' from generate_series(1, {runs}) n"
    ),
    (
        "insert into event (contact_id, name, properties, message_id, stamped_at)"
        " select id, 'Joined', '{{}}', 'm' || external_id, now() - interval '20 days' from contact"
    ),
    (
        "insert into run (id, journey, version, contact_id, entry_event_id, entry_ref, ref, visit,"
        " step, state, ended_at, outcome, started_at, workflow_started_at)"
        " select md5('r' || c.external_id)::uuid, 'welcome', 1, c.id, e.id, e.id, e.id, 2, 'pause',"
        " case when mod(c.external_id::int, 2) = 0 then 'active' else 'ended' end,"
        " case when mod(c.external_id::int, 2) = 0 then null else now() end,"
        " case when mod(c.external_id::int, 2) = 0 then null else 'completed' end,"
        " now() - interval '19 days', now() - interval '19 days'"
        " from contact c join event e on e.contact_id = c.id"
    ),
    (
        "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at)"
        " select id, 1, 'hello', 'email', 'sent', started_at, started_at from run"
    ),
    (
        "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, due_at)"
        " select r.id, 2, 'pause', 'wait', case when r.state = 'ended' then 'elapsed' end,"
        " r.started_at, r.ended_at,"
        " case when r.state = 'active'"
        "      then now() + interval '1 hour' + random() * interval '10 days' end from run r"
    ),
    (
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
        " claimed_at, first_attempt_at, settled_at, provider)"
        " select md5('m' || r.id)::uuid, r.id, 1, 'hello', r.contact_id, 'email', 'sent', 't',"
        " r.started_at, r.started_at, r.started_at, 'smtp' from run r"
    ),
    (
        "update message set state = 'refused', code = 'address_unknown', settled_at = now()"
        " where id in (select id from message order by id limit {runs} / 50)"
    ),
    (
        "update visit set outcome = null, held = 'retry' where visit = 2 and run_id in"
        " (select id from run where state = 'active' order by id limit {runs} / 50)"
    ),
    "analyze",
)


async def test_they_read_what_they_show(pool: Pool) -> None:
    await activate(pool, JOURNEY)
    async with pool.connection() as conn:
        for each in FILLED:
            await conn.execute(each.format(runs=RUNS).encode())
    catalog = Catalog()
    async with pool.connection() as conn:
        cursor = await conn.execute("select id from contact where external_id = '8'")
        [(contact,)] = await cursor.fetchall()

    async def ask(conn: AsyncConnection[Any], what: str) -> Any:
        if what == "attention":
            return await read_attention(conn, catalog)
        if what == "lag":
            return await read_lag(conn)
        if what == "upcoming":
            return await read_upcoming(conn, catalog, WITHIN)
        return await explain(
            conn, catalog, contact=contact, name="8", journey="welcome", step="last"
        )

    took: dict[str, list[float]] = {}
    for what in ("attention", "lag", "upcoming", "explain"):
        for _ in range(5):
            async with pool.connection() as conn, conn.transaction():
                # What parallel workers read is not counted.
                await conn.execute("set local max_parallel_workers_per_gather = 0")
                before = await _read(conn)
                begun = perf_counter()
                answer = await ask(conn, what)
                took.setdefault(what, []).append(perf_counter() - begun)
                after = await _read(conn)
            assert answer
            read = {table: after[table] - before.get(table, 0) for table in LARGE}
            assert max(read.values()) <= MOST[what], (what, read)
            if what == "upcoming":
                # A tenth of the sleeping runs are due within the day.
                assert read["run"] <= RUNS // 500 + 100, read
    if RUNS > 100_000:
        shown = {what: [round(each * 1000) for each in times] for what, times in took.items()}
        assert sorted(took["attention"])[-2] <= 0.1, shown


async def _read(conn: AsyncConnection[Any]) -> dict[str, int]:
    """The rows of each table that this transaction has read, by an index or without one."""
    cursor = await conn.execute(
        "select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
        " from pg_stat_xact_user_tables"
    )
    return dict(await cursor.fetchall())
