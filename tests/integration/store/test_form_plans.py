"""How the contact of a form is found among many: by indexes alone."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.forms import submissions
from store.sql import Connection, Parameters, Sql, fetch_all
from tests.integration.store.test_finding_plans import PEOPLE


@pytest.mark.parametrize(
    ("traits", "index"),
    [
        ({"email": "A77@example.com"}, "contact_by_email"),
        ({"phone": "+33600000077"}, "contact_by_phone"),
    ],
)
async def test_the_contact_of_a_form_is_found_without_reading_all(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    traits: dict[str, str],
    index: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans: list[str] = []

    async def explained(
        conn: Connection, query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        explain = statements.sql("explain {query}", query=query)
        plans.extend(row[0] for row in await fetch_all(conn, explain, parameters))
        return []

    async with pool.connection() as conn, conn.transaction():
        await conn.execute(PEOPLE.encode())
        await conn.execute("analyze contact")
        monkeypatch.setattr(submissions, "fetch_column", explained)
        await submissions._found_by_address(conn, traits)
        await conn.execute("set local plan_cache_mode = force_generic_plan")
        await submissions._found_by_address(conn, traits)
    plan = "\n".join(plans)
    assert "Seq Scan" not in plan, plan
    assert plan.count(index) >= 2, plan
