"""Plans of the statements by which time begins runs: none reads a whole table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.dates import due_dates, occurrence_pages

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
async def many(pool: Pool) -> Pool:
    """20,000 contacts, of whom the dates of a few are due."""
    async with pool.connection() as conn:
        await conn.execute("insert into journey (key, state) values ('birthday', 'active')")
        await conn.execute(
            "insert into contact (id) select gen_random_uuid() from generate_series(1, 20000)"
        )
        await conn.execute(
            "insert into date_entry (contact_id, journey, slot, due_at, since, value, look_at)"
            " select id, 'birthday', 0, at, at, '', at from (select id, parcours.clock()"
            " + random() * interval '300 days' - interval '1 hour' as at from contact) dated"
        )
        await conn.execute("analyze contact, date_entry")
    return pool


BOUNDED = ("_TAKE", "_TAKE_AGAIN", "_WITHIN_A_DAY")
"""Those that read no more of the index than what is due."""


@pytest.mark.parametrize("name", [*BOUNDED, "_SECONDS", "_SECONDS_AGAIN"])
async def test_what_is_due_is_found_by_its_index(many: Pool, name: str) -> None:
    query = str(getattr(due_dates, name))
    async with many.connection() as conn:
        cursor = await conn.execute(
            f"explain {query}".encode(), {"limit": 200, "journey": "birthday"}
        )
        plan = "\n".join(line for (line,) in await cursor.fetchall())
    assert "Seq Scan" not in plan
    assert re.search(r"Index (Only )?Scan (using|on) date_entry_due", plan), plan
    if name in BOUNDED:
        assert re.search(r"Index Cond: .*look_at <", plan), plan


async def test_who_has_moved_is_found_by_when(many: Pool) -> None:
    async with many.connection() as conn:
        await conn.execute(
            "insert into zone_change (contact_id, changed_at)"
            " select id, parcours.clock() - random() * interval '7 days' from contact"
        )
        await conn.execute("analyze zone_change")
        cursor = await conn.execute(
            f"explain (analyze, buffers, format json) {occurrence_pages._MOVED}".encode(),
            {
                "journey": "birthday",
                "key": "2027-03-28T02:30:00",
                "since": datetime.now(UTC) - timedelta(hours=26),
                "after": UUID(int=0),
                "limit": 200,
            },
        )
        row = await cursor.fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    assert "Seq Scan" not in str(plan)
    assert "zone_change_by_time" in str(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 3_000
