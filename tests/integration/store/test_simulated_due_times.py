"""What a simulation asks for in one statement: whether a drainer may find something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, LiteralString

import pytest
from psycopg_pool import AsyncConnectionPool

from store.simulation.due_times import is_work_due
from store.simulation.simulated_database import stop_clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = "2026-05-01 12:01+00"
WORK: dict[str, LiteralString] = {
    "an event": "insert into outbox (contact_id, event_id) values (gen_random_uuid(), 1)",
    "an event to be retried": """
        insert into outbox (contact_id, event_id, not_before)
        values (gen_random_uuid(), 1, parcours.clock() + interval '1 minute')
    """,
    "a workflow to start": """
        insert into run (id, contact_id, journey, version, entry_ref, ref, start_workflow)
        values (gen_random_uuid(), gen_random_uuid(), 'welcome', 1, 0, 0, true)
    """,
    "a workflow to stop": """
        insert into run (id, contact_id, journey, version, entry_ref, ref, state, stop_workflow)
        values (gen_random_uuid(), gen_random_uuid(), 'welcome', 1, 0, 0, 'ended', true)
    """,
    "a running job": """
        insert into job (id, kind, state, journey) values (gen_random_uuid(), 'fill', 'running', '')
    """,
    "a condition on a catalog that has changed": """
        insert into listener (run_id, visit, slot, contact_id, match, ref, rest, catalog_revision)
        select gen_random_uuid(), 1, 0, gen_random_uuid(), '{}', 0, true, revision - 1 from catalog
    """,
}
"""What is always to be looked at."""
IN_TIME: dict[str, LiteralString] = {
    "a call to make again": """
        insert into parked_call (run_id, kind, not_before) values (gen_random_uuid(), 'wake', %s)
    """,
    "a condition": """
        insert into listener (run_id, visit, slot, contact_id, match, ref, rest, due_at)
        values (gen_random_uuid(), 1, 0, gen_random_uuid(), '{}', 0, true, %s)
    """,
    "a segment": """
        insert into segment_due (contact_id, segment, due_at)
        values (gen_random_uuid(), 'best', %s)
    """,
    "a segment that could not be judged": """
        insert into segment_due (contact_id, segment, due_at, lane, take_at)
        values (gen_random_uuid(), 'best', '2026-01-01', 3, %s)
    """,
    "a date": """
        insert into date_entry (contact_id, journey, slot, due_at, since, value, look_at)
        values (gen_random_uuid(), 'birthday', 0, '2026-06-01', '2026-01-01', '', %s)
    """,
}
"""What is to be looked at from a time on."""


async def test_nothing_is_due_in_a_database_without_work(pool: AsyncConnectionPool[Any]) -> None:
    async with pool.connection() as conn:
        await stop_clock(conn, NOON)
        assert not await is_work_due(conn)


@pytest.mark.parametrize("insert", WORK.values(), ids=WORK.keys())
async def test_work_is_due(insert: LiteralString, pool: AsyncConnectionPool[Any]) -> None:
    async with pool.connection() as conn:
        await stop_clock(conn, NOON)
        await conn.execute("set session_replication_role = replica")
        await conn.execute(insert)
        assert await is_work_due(conn)


@pytest.mark.parametrize("insert", IN_TIME.values(), ids=IN_TIME.keys())
async def test_work_is_due_when_its_time_has_come(
    insert: LiteralString, pool: AsyncConnectionPool[Any]
) -> None:
    async with pool.connection() as conn:
        await stop_clock(conn, NOON)
        await conn.execute("set session_replication_role = replica")
        async with conn.transaction(force_rollback=True):
            await conn.execute(insert, [LATER])
            assert not await is_work_due(conn)
        await conn.execute(insert, [NOON])
        assert await is_work_due(conn)
