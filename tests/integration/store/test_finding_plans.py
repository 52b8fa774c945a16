"""How contacts, and runs at a deferred send, are found among many: by indexes alone."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.contacts import finding
from store.contacts.finding import Wanted, find_page
from store.reports import run_listing
from store.reports.run_listing import list_runs
from store.sql import Connection, Parameters, Sql, fetch_all

Pool = AsyncConnectionPool[AsyncConnection[Any]]
PEOPLE = """
insert into contact (id, external_id, email, phone)
select uuidv7(), 'u' || n, 'a' || n || '@example.com', '+336' || lpad(n::text, 8, '0')
from generate_series(1, 30000) n
"""


def plans_of(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[str]:
    """The lines of the plans of what a module reads from now on, which is not read."""
    plans: list[str] = []

    async def explained(
        conn: Connection, kind: type[Any], query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        explain = statements.sql("explain {query}", query=query)
        plans.extend(row[0] for row in await fetch_all(conn, explain, parameters))
        return []

    monkeypatch.setattr(module, "fetch_all_as", explained)
    return plans


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(email="A77@example.com"), "contact_by_email"),
        (Wanted(phone="+33600000077"), "contact_by_phone"),
        (Wanted(q="u2999"), "contact_external_id_key"),
        (Wanted(q="u"), "contact_pkey"),
        (Wanted(), "contact_pkey"),
    ],
)
async def test_contacts_are_found_without_reading_all_of_them(
    pool: Pool, wanted: Wanted, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(PEOPLE.encode())
        await conn.execute("analyze contact")
        await conn.execute("set local plan_cache_mode = force_custom_plan")
        plans = plans_of(monkeypatch, finding)
        await find_page(conn, wanted, None, 51)
    plan = "\n".join(plans)
    assert "Seq Scan on contact" not in plan, plan
    assert index in plan, plan


RUNS = """
with made as (
    insert into run
      (id, journey, version, contact_id, key, state, step, visit, entry, entry_ref, ref, started_at)
    select uuidv7(), 'j' || n % 3, 1, c.id, '', 'active', 'mail', 1, '{}', 0, 0, parcours.clock()
    from (select id, row_number() over () as n from contact) c
    returning id
)
insert into visit (run_id, visit, step, kind, outcome, started_at, held, facts)
select id, 1, 'mail', 'email', null, parcours.clock(),
       case when row_number() over () % 100 = 0 then 'retry' end, '{}'
from made
"""


@pytest.mark.parametrize(
    "filters", [{"held": "retry"}, {"code": "timeout"}, {"held": "cap", "journey": "j1"}]
)
async def test_runs_at_a_deferred_send_are_found_without_reading_all_of_them(
    pool: Pool, filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(PEOPLE.encode())
        await conn.execute(RUNS.encode())
        await conn.execute("analyze contact, run, visit")
        await conn.execute("set local plan_cache_mode = force_custom_plan")
        plans = plans_of(monkeypatch, run_listing)
        await list_runs(conn, limit=50, **filters)
    plan = "\n".join(plans)
    assert not re.search("Seq Scan on (run|visit|contact)", plan), plan
    assert "visit_deferred" in plan or "run_listing" in plan, plan
