"""What repairs of many choose and work through is found among many runs by indexes alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.entries import kept_entries
from store.repairs import job_items, run_selection
from store.repairs.job_items import next_items, refresh_progress, sending_items
from store.repairs.run_selection import RunFilter, choose_runs, count_runs, sample_runs
from store.sql import Connection, Parameters, Sql, fetch_all

Pool = AsyncConnectionPool[AsyncConnection[Any]]
JOB: Final = UUID(int=7)
CROWD: Final = """
insert into contact (id, external_id)
select md5('c' || n)::uuid, n::text from generate_series(1, 20000) n;
insert into journey (key, state) values ('rare', 'paused'), ('common', 'active');
insert into run (id, journey, version, contact_id, key, state, entry_ref, ref, visit, step)
select md5('r' || n)::uuid, case when n % 200 = 0 then 'rare' else 'common' end, 1,
       md5('c' || n)::uuid, '', case when n % 400 = 0 or n % 3 = 0 then 'active' else 'ended' end,
       0, 0, 1, case when n % 2 = 0 then 'send' else 'stand' end
from generate_series(1, 20000) n;
insert into visit (run_id, visit, step, kind, outcome, held, started_at)
select md5('r' || n)::uuid, 1, 'send', 'webhook',
       case when n % 400 = 0 then null when n % 200 = 0 then 'failed' else 'ok' end,
       case when n % 400 = 0 then 'retry' end, now()
from generate_series(1, 20000) n;
insert into message (id, run_id, visit, step, contact_id, channel, state, token, settled_at, code)
select md5('m' || n)::uuid, md5('r' || n)::uuid, 1, 'send', md5('c' || n)::uuid, 'webhook',
       case when n % 200 = 0 then 'refused' else 'sent' end, '', now(), 'answer_refused'
from generate_series(1, 20000) n;
insert into job (id, kind, plan) values ('00000000-0000-0000-0000-000000000007', 'repair', '{}');
insert into job (id, kind, plan)
select md5('j' || n)::uuid, 'repair', '{}' from generate_series(1, 20) n;
insert into repair_item (job_id, run_id, visit, state)
select md5('j' || (n % 20 + 1))::uuid, md5('r' || n)::uuid, 1, 'done'
from generate_series(1, 20000) n;
insert into repair_item (job_id, run_id, visit)
select '00000000-0000-0000-0000-000000000007', md5('r' || n)::uuid, 1
from generate_series(1, 100) n;
insert into kept_entry (journey, contact_id, key, event_id)
select case when n % 200 = 0 then 'rare' else 'common' end, md5('c' || n)::uuid, '', n
from generate_series(1, 20000) n;
"""


def explaining(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of the statements that the module runs from now on."""
    plans: list[str] = []

    async def explain(
        conn: Connection, query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        explained = statements.sql("explain {query}", query=query)
        plans.extend(row[0] for row in await fetch_all(conn, explained, parameters))
        return []

    async def many(
        conn: Connection, _kind: type, query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        return await explain(conn, query, parameters)

    async def one(conn: Connection, query: Sql, parameters: Parameters | None = None) -> Any:
        await explain(conn, query, parameters)
        return (0, 0)

    async def number(conn: Connection, query: Sql, parameters: Parameters | None = None) -> int:
        await explain(conn, query, parameters)
        return 0

    for name, stand_in in (
        ("execute", number), ("fetch_value", number), ("fetch_all", explain),
        ("fetch_all_as", many), ("fetch_one", one),
    ):  # fmt: skip
        if hasattr(module, name):
            monkeypatch.setattr(module, name, stand_in)
    return plans


Work = Callable[[Connection], Awaitable[Any]]


WORKS: Final[tuple[tuple[ModuleType, Work], ...]] = (
    (run_selection, lambda conn: count_runs(conn, RunFilter(action="exit", journey="rare"))),
    (run_selection, lambda conn: choose_runs(
        conn, JOB, RunFilter(action="skip", step="send", held="retry", journey="rare"))),
    (run_selection, lambda conn: choose_runs(
        conn, JOB, RunFilter(action="retry", step="send", code="answer_refused", journey="rare"))),
    (run_selection, lambda conn: sample_runs(
        conn, RunFilter(action="retry", journey="rare"), 20)),
    (run_selection, lambda conn: count_runs(
        conn, RunFilter(action="cancel", contacts=[uuid4()]))),
    (run_selection, lambda conn: count_runs(
        conn, RunFilter(action="retry", runs=[uuid4(), uuid4()]))),
    (job_items, lambda conn: next_items(conn, JOB, 50)),
    (job_items, lambda conn: sending_items(conn, JOB, 50)),
    (job_items, lambda conn: job_items.mark_started(conn, JOB, [])),
    (job_items, lambda conn: refresh_progress(conn, JOB)),
    (job_items, lambda conn: job_items.sent_by(conn, uuid4(), 1)),
    (kept_entries, lambda conn: kept_entries.next_kept(conn, "rare", 0, 200)),
    (kept_entries, lambda conn: kept_entries.count_kept(conn, "rare")),
    (kept_entries, lambda conn: kept_entries.forget_kept(conn, uuid4(), None)),
)  # fmt: skip


async def test_repairs_read_what_they_are_for(crowd: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {module for module, _ in WORKS}
    plans = {module: explaining(module, monkeypatch) for module in modules}
    async with crowd.connection() as conn, conn.transaction():
        await conn.execute("set local plan_cache_mode = force_custom_plan")
        for module, work in WORKS:
            await work(conn)
            plan = "\n".join(plans[module])
            plans[module].clear()
            assert plan
            for table in ("run", "visit", "message", "repair_item", "kept_entry", "contact"):
                assert f"Seq Scan on {table} " not in plan, plan


@pytest.fixture
async def crowd(pool: Pool) -> Pool:
    """Many runs, few of which are meant."""
    async with pool.connection() as conn, conn.transaction():
        for each in CROWD.split(";"):
            if each.strip():
                await conn.execute(each.encode())
    async with pool.connection() as conn:
        await conn.execute("analyze")
    return pool
