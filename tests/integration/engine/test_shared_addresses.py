"""Contacts that share an address get one copy of an occurrence of a schedule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.messages.shared_addresses import take_address

Pool = AsyncConnectionPool[AsyncConnection[Any]]
FIRST = datetime(2026, 12, 7, 9, tzinfo=UTC)
SECOND = datetime(2026, 12, 14, 9, tzinfo=UTC)


async def add_run(pool: Pool, occurrence: datetime | None, journey: str = "digest") -> UUID:
    contact, run = uuid4(), uuid4()
    async with pool.connection() as conn:
        await conn.execute("insert into contact (id) values (%s)", (contact,))
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry, entry_ref, ref, occurrence)"
            " values (%s, %s, 1, %s, '{}', 0, 0, %s)",
            (run, journey, contact, occurrence),
        )
    return run


async def claim(
    pool: Pool, run: UUID, address: str = "family@example.com", channel: str = "email"
) -> bool:
    async with pool.connection() as conn, conn.transaction():
        taken = await take_address(conn, run, channel, address)
        # Others come between this statement and the commit.
        await conn.execute("select 1")
        return taken


async def test_of_fifty_claims_at_once_one_takes_the_address(pool: Pool) -> None:
    runs = [await add_run(pool, FIRST) for _ in range(50)]
    taken = await asyncio.gather(*(claim(pool, run) for run in runs))
    assert sum(taken) == 1
    # It keeps it for its later messages, and the others stay without.
    assert [await claim(pool, run) for run in runs] == taken


async def test_a_claim_that_is_rolled_back_leaves_the_address_to_the_next(pool: Pool) -> None:
    first, second = [await add_run(pool, FIRST) for _ in range(2)]
    async with pool.connection() as conn, conn.transaction(force_rollback=True):
        assert await take_address(conn, first, "email", "family@example.com")
    assert await claim(pool, second)
    assert not await claim(pool, first)


async def test_other_occurrences_journeys_channels_and_runs_are_never_asked(pool: Pool) -> None:
    assert await claim(pool, await add_run(pool, FIRST))
    assert not await claim(pool, await add_run(pool, FIRST), "Family@Example.com ")
    assert await claim(pool, await add_run(pool, FIRST), "other@example.com")
    assert await claim(pool, await add_run(pool, SECOND))
    assert await claim(pool, await add_run(pool, FIRST, "news"))
    assert await claim(pool, await add_run(pool, FIRST), channel="sms")
    assert await claim(pool, await add_run(pool, None))
    assert await claim(pool, await add_run(pool, None))


async def test_the_address_is_kept_as_a_hash_and_goes_with_its_run(pool: Pool) -> None:
    run = await add_run(pool, FIRST)
    await claim(pool, run)
    async with pool.connection() as conn:
        rows = await (
            await conn.execute("select to_jsonb(a)::text from occurrence_address a")
        ).fetchall()
        assert len(rows) == 1
        assert "family" not in rows[0][0]
        await conn.execute("delete from run")
        left = await (await conn.execute("select count(*) from occurrence_address")).fetchone()
    assert left == (0,)
