"""Simple tracks that wait for a statement are recorded together, and keep what each is promised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.combined_tracks import MOST, CombinedTracks
from store.events.fast_path import SESSION_OPTIONS
from store.events.ingest import take
from store.events.items import Accepted, Item, Rejected, Sender
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]
LIMIT = 1_000
FIRST = "first"
"""A contact whose batch is under way while the others come."""


@asynccontextmanager
async def connections(database_url: str, **options: str) -> AsyncIterator[Pool]:
    """Connections as the fast path has them, but for some options."""

    async def configure(conn: AsyncConnection[Any]) -> None:
        for option, value in {**SESSION_OPTIONS, **options}.items():
            await conn.execute("select set_config(%s, %s, false)", (option, value))

    async with AsyncConnectionPool[AsyncConnection[Any]](
        database_url,
        min_size=1,
        max_size=4,
        open=False,
        kwargs={"autocommit": True},
        configure=configure,
    ) as pool:
        yield pool


@pytest.fixture
async def fast(database_url: str) -> AsyncIterator[Pool]:
    """Connections that wait for a lock until this test frees it."""
    async with connections(database_url, lock_timeout="0") as pool:
        yield pool


def track(contact: str, message_id: str | None = None) -> Item:
    return Item("track", message_id or uuid4().hex, contact, name="Bought")


async def statements(pool: Pool) -> list[tuple[int, int]]:
    """How many events of this test's contacts each transaction recorded, in order."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select count(*), count(distinct contact_id) from event where source <> 'engine'"
            " group by xmin::text order by min(id)"
        )
        return await cursor.fetchall()


async def together(
    pool: Pool, fast: Pool, batches: list[list[Item]], **others: Any
) -> list[list[Accepted | Rejected]]:
    """The answers of batches that come while the statement of another waits for its contact."""
    tracks = CombinedTracks(fast, at_once=1)
    await take(pool, [track(FIRST)], limit_per_minute=LIMIT)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where external_id = %s for update", (FIRST,))
        under_way = asyncio.create_task(
            take(pool, [track(FIRST)], limit_per_minute=LIMIT, fast=tracks)
        )
        await some_locked_out(pool, 1)
        tasks = [
            asyncio.create_task(
                take(pool, batch, **{"limit_per_minute": LIMIT, "fast": tracks, **others})
            )
            for batch in batches
        ]
        await eventually(lambda: tracks.waiting == len(batches))
    await under_way
    return list(await asyncio.gather(*tasks))


async def locked_out(pool: Pool) -> int:
    """The number of statements that wait for a lock."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select count(*) from pg_stat_activity"
            " where wait_event_type = 'Lock' and datname = current_database()"
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def some_locked_out(pool: Pool, count: int) -> None:
    async def waiting() -> bool:
        return await locked_out(pool) == count

    await eventually(waiting, what=f"{count} statements that wait for a lock")


async def test_batches_that_wait_are_recorded_in_one_statement_and_answered_apart(
    pool: Pool, fast: Pool
) -> None:
    batches = [[track(f"{number}-{each}") for each in range(3)] for number in range(5)]
    answers = await together(pool, fast, batches)
    assert answers == [[Accepted(item.message_id) for item in batch] for batch in batches]
    assert sorted(await statements(pool)) == [(1, 1), (1, 1), (15, 15)]


async def test_batches_of_other_contacts_do_not_wait_for_a_locked_one(
    pool: Pool, database_url: str
) -> None:
    await take(pool, [track(FIRST)], limit_per_minute=LIMIT)
    async with connections(database_url) as fast:
        tracks = CombinedTracks(fast, at_once=1)
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where external_id = %s for update", (FIRST,))
            locked, *others = [
                asyncio.create_task(
                    take(pool, [track(contact)], limit_per_minute=LIMIT, fast=tracks)
                )
                for contact in (FIRST, "a", FIRST, "b")
            ]
            second = others.pop(1)
            for [answer] in await asyncio.gather(*others):
                assert isinstance(answer, Accepted)
            assert not locked.done()
        for [answer] in await asyncio.gather(locked, second):
            assert isinstance(answer, Accepted)


async def test_a_contact_above_its_limit_costs_no_other_batch_an_event(
    pool: Pool, fast: Pool
) -> None:
    batches = [[track("loud") for _ in range(4)], [track("quiet")], [track("silent")]]
    loud, *others = await together(pool, fast, batches, limit_per_minute=3)
    assert [type(answer) for answer in loud] == [Accepted] * 3 + [Rejected]
    assert [[type(answer) for answer in each] for each in others] == [[Accepted], [Accepted]]


async def test_a_message_id_of_two_batches_is_recorded_once(pool: Pool, fast: Pool) -> None:
    batches = [[track("a", "same")], [track("b", "other"), track("a", "same")]]
    answers = await together(pool, fast, batches)
    new = [[isinstance(each, Accepted) and each.new for each in batch] for batch in answers]
    assert new == [[True], [True, False]]


async def test_batches_of_two_senders_are_two_statements(pool: Pool, fast: Pool) -> None:
    tracks = CombinedTracks(fast, at_once=1)
    senders = [Sender("one"), Sender("one"), Sender("two"), Sender("one")]
    answers = await asyncio.gather(
        *(
            take(
                pool,
                [track("a", f"m{number}")],
                limit_per_minute=LIMIT,
                sender=sender,
                fast=tracks,
            )
            for number, sender in enumerate(senders)
        )
    )
    assert all(isinstance(answer, Accepted) and answer.new for [answer] in answers)
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select message_id, source from event where source <> 'engine' order by id"
        )
        assert await cursor.fetchall() == [
            ("m0", "one"), ("m1", "one"), ("m2", "two"), ("m3", "one"),
        ]  # fmt: skip


async def test_a_statement_has_no_more_items_than_it_may(pool: Pool, fast: Pool) -> None:
    batches = [[track(f"{number}-{each}") for each in range(MOST // 2)] for number in range(3)]
    await together(pool, fast, batches)
    assert max(await statements(pool)) == (MOST, MOST)


async def test_a_caller_that_went_away_leaves_the_others_their_answers(
    pool: Pool, fast: Pool
) -> None:
    tracks = CombinedTracks(fast, at_once=1)
    await take(pool, [track("u0")], limit_per_minute=LIMIT)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where external_id = 'u0' for update")
        tasks = [
            asyncio.create_task(
                take(pool, [track(f"u{number}")], limit_per_minute=LIMIT, fast=tracks)
            )
            for number in range(4)
        ]
        await eventually(lambda: tracks.waiting == 3)
        tasks[2].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        list, list, asyncio.CancelledError, list,
    ]  # fmt: skip
    # The next one finds the way free.
    [answer] = await take(pool, [track("next")], limit_per_minute=LIMIT, fast=tracks)
    assert isinstance(answer, Accepted)


async def test_as_many_statements_as_allowed_are_under_way_at_once(pool: Pool, fast: Pool) -> None:
    tracks = CombinedTracks(fast, at_once=2)
    contacts = ["a", "b", "c", "d"]
    await take(pool, [track(contact) for contact in contacts], limit_per_minute=LIMIT)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where external_id in ('a', 'b') for update")
        tasks = [
            asyncio.create_task(take(pool, [track(contact)], limit_per_minute=LIMIT, fast=tracks))
            for contact in contacts
        ]
        await some_locked_out(pool, 2)
        assert tracks.waiting == 2
    for [answer] in await asyncio.gather(*tasks):
        assert isinstance(answer, Accepted)
