"""Plans of what reads figures: none reads all counters, or all messages of other journeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.counters import reading
from store.reports import message_listing

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
async def many(pool: Pool) -> Pool:
    """Counters of 40 journeys over 60 days, and 8,000 runs with a message each."""
    async with pool.connection() as conn:
        await conn.execute(
            "insert into figure (journey, span, cohort, begins_at, version, step, fact, label,"
            " count) select 'j' || j, span, cohort,"
            " timestamptz '2026-11-30' - d * interval '1 day', 1, '', fact, '', 1"
            " from generate_series(1, 40) j, generate_series(0, 60) d,"
            " unnest(array['day', 'quarter']) span, unnest(array['occurrence', 'entered']) cohort,"
            " unnest(array['reached', 'entered']) fact"
        )
        await conn.execute(
            "insert into journey (key, state) select 'j' || j, 'active'"
            " from generate_series(1, 40) j"
        )
        await conn.execute("set session_replication_role = replica")
        await conn.execute(
            "insert into run (id, journey, version, contact_id, key, state, entry_ref, ref)"
            " select gen_random_uuid(), 'j' || n % 40, 1, gen_random_uuid(), '',"
            " case when n % 3 = 0 then 'active' else 'ended' end, 0, 0"
            " from generate_series(1, 8000) n"
        )
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
            " select gen_random_uuid(), id, 1, 's1', contact_id, 'email', 'sent', '' from run"
        )
        await conn.execute("insert into contact (id) select contact_id from run")
        await conn.execute("set session_replication_role = origin")
        await conn.execute("analyze figure, run, message, contact, journey")
    return pool


async def plan_of(pool: Pool, query: object, parameters: dict[str, Any]) -> str:
    async with pool.connection() as conn:
        cursor = await conn.execute(f"explain {query}".encode(), parameters)
        return "\n".join(line for (line,) in await cursor.fetchall())


async def test_statistics_read_the_counters_of_one_journey(many: Pool) -> None:
    for span in ("total", "day", "quarter"):
        parameters = {
            "journey": "j7", "version": None, "span": span, "cohort": "entered",
            "begins_at": NOW - timedelta(days=7), "ends_at": NOW, "by": "day", "zone": "UTC",
        }  # fmt: skip
        plan = await plan_of(many, reading._CELLS, parameters)
        assert "Seq Scan on figure f" not in plan
        assert "figure_pkey" in plan
        assert "journey = 'j7'" in plan


async def test_the_dashboard_reads_the_days_of_its_trend(many: Pool) -> None:
    parameters = {
        "begins_at": NOW - timedelta(days=13), "ends_at": NOW, "facts": ["entered"],
        "since": [NOW - timedelta(days=13)], "standing": ["entered"], "zone": "UTC",
    }  # fmt: skip
    plan = await plan_of(many, reading._DAYS, parameters)
    assert "Seq Scan on figure " not in plan, plan
    assert "figure_days" in plan


async def test_recipients_are_read_run_by_run_of_their_journey(many: Pool) -> None:
    parameters = {
        "journey": "j7", "version": None, "step": None, "channel": None, "status": "opened",
        "run": None, "visit": None, "limit": 100,
    }  # fmt: skip
    plan = await plan_of(many, message_listing._OF_JOURNEY, parameters)
    assert "Seq Scan" not in plan, plan
    # In their order, and no more of them than the page needs.
    assert "Merge Append" in plan, plan
    assert "message_of_visit" in plan, plan
