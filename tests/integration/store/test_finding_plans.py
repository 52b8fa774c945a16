"""How contacts are found among many: by indexes alone."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.contacts import finding
from store.contacts.finding import Wanted, find_page
from store.sql import Connection, Parameters, Sql, fetch_all

Pool = AsyncConnectionPool[AsyncConnection[Any]]
PEOPLE = """
insert into contact (id, external_id, email, phone)
select uuidv7(), 'u' || n, 'a' || n || '@example.com', '+336' || lpad(n::text, 8, '0')
from generate_series(1, 30000) n
"""


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
    plans: list[str] = []

    async def explained(
        conn: Connection, kind: type[Any], query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        explain = statements.sql("explain {query}", query=query)
        plans.extend(row[0] for row in await fetch_all(conn, explain, parameters))
        return []

    async with pool.connection() as conn, conn.transaction():
        await conn.execute(PEOPLE.encode())
        await conn.execute("analyze contact")
        await conn.execute("set local plan_cache_mode = force_custom_plan")
        monkeypatch.setattr(finding, "fetch_all_as", explained)
        await find_page(conn, wanted, None, 51)
    plan = "\n".join(plans)
    assert "Seq Scan on contact" not in plan, plan
    assert index in plan, plan
