"""The kept plan of the fast path: made for empty tables, it is right for full ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.combined_tracks import CombinedTracks
from store.events.fast_path import SESSION_OPTIONS
from store.events.ingest import take
from store.events.items import Accepted, Item

Pool = AsyncConnectionPool[AsyncConnection[Any]]

ROWS = 30_000
BATCH = 1_000


@pytest.fixture
async def fast(database_url: str) -> AsyncIterator[Pool]:
    """A connection as the fast path has it, which keeps the first plan of each statement."""

    async def configure(conn: AsyncConnection[Any]) -> None:
        for option, value in {**SESSION_OPTIONS, "plan_cache_mode": "force_generic_plan"}.items():
            await conn.execute("select set_config(%s, %s, false)", (option, value))

    async with AsyncConnectionPool[AsyncConnection[Any]](
        database_url,
        min_size=1,
        max_size=1,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0},
        configure=configure,
    ) as pool:
        yield pool


async def reads(pool: Pool) -> dict[str, tuple[int, int]]:
    """How often each table was read from end to end, and how many rows indexes found in it."""
    async with pool.connection() as conn:
        await conn.execute("select pg_stat_force_next_flush()")
        cursor = await conn.execute(
            "select relname, seq_scan, idx_tup_fetch from pg_stat_user_tables"
            " where relname in ('contact', 'receipt')"
        )
        return {name: (scans, rows) for name, scans, rows in await cursor.fetchall()}


def tracks(count: int, contact: str) -> list[Item]:
    """An event of each of so many contacts."""
    return [
        Item("track", f"{contact}{number}", f"{contact}{number}", name="Bought")
        for number in range(count)
    ]


async def test_a_plan_made_for_empty_tables_reads_no_more_of_full_ones(
    fast: Pool, pool: Pool
) -> None:
    combined = CombinedTracks(fast)
    await take(pool, tracks(1, "first"), limit_per_minute=100, fast=combined)
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id) select gen_random_uuid(), 'known' || n"
            " from generate_series(0, %s) n",
            (ROWS,),
        )
        await conn.execute(
            "insert into receipt (message_id) select 'receipt' || n from generate_series(0, %s) n",
            (ROWS,),
        )
    before = await reads(fast)
    items = [*tracks(BATCH, "known"), *tracks(10, "receipt")]
    answers = await take(pool, items, limit_per_minute=100, fast=combined)
    after = await reads(fast)
    new = [isinstance(answer, Accepted) and answer.new for answer in answers]
    assert new == [True] * BATCH + [False] * 10
    for table in before:
        assert after[table][0] == before[table][0], f"{table} was read from end to end"
        # A contact is found to be locked, and to be changed; ids are checked on the way.
        assert after[table][1] - before[table][1] <= 4 * (BATCH + 10), table
