"""Coupons: each code is given once and redeemed once, also under concurrency."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.tracking.items import Envelope, parse_item
from store.contacts.merge import merge_contact
from store.coupons.pools import Pool as Counts
from store.coupons.pools import add_codes, draw, make_pool, read_pool
from store.events.effect_events import EffectRefused
from store.events.ingest import take
from store.events.recording import NewEvent, record_events
from tests.support.conditions import eventually
from tests.support.engine import make_contact
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def fill(pool: Pool, *codes: str, into: str = "spring") -> None:
    async with pool.connection() as conn, conn.transaction():
        await make_pool(conn, into)
        await add_codes(conn, into, codes)


async def drawn(conn: AsyncConnection[Any], contact: UUID) -> str | None:
    return await draw(conn, "spring", contact_id=contact, run_id=uuid4(), visit=1)


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchall()


async def test_codes_are_drawn_in_their_order_until_none_is_left(pool: Pool) -> None:
    await fill(pool, "C", "A")
    await fill(pool, "B")
    async with pool.connection() as conn:
        contact = uuid4()
        assert [await drawn(conn, contact) for _ in range(4)] == ["C", "A", "B", None]
        assert await read_pool(conn, "spring") == Counts("spring", 3, 3, 0, 0)
        assert await draw(conn, "unknown", contact_id=contact, run_id=uuid4(), visit=1) is None


async def test_two_that_draw_at_once_get_two_codes_without_waiting(pool: Pool) -> None:
    await fill(pool, "A", "B")
    async with pool.connection() as one, pool.connection() as two, one.transaction():
        assert await drawn(one, uuid4()) == "A"
        assert await drawn(two, uuid4()) == "B"


async def test_the_last_code_goes_to_the_waiting_draw_if_the_first_does_not_commit(
    pool: Pool,
) -> None:
    await fill(pool, "A")
    async with pool.connection() as one, pool.connection() as two:
        async with one.transaction(force_rollback=True):
            assert await drawn(one, uuid4()) == "A"
            waiting = asyncio.create_task(drawn(two, uuid4()))
            await until_one_waits(pool)
        assert await waiting == "A"


async def test_the_last_code_is_not_given_twice(pool: Pool) -> None:
    await fill(pool, "A")
    async with pool.connection() as one, pool.connection() as two:
        async with one.transaction():
            assert await drawn(one, uuid4()) == "A"
            waiting = asyncio.create_task(drawn(two, uuid4()))
            await until_one_waits(pool)
        assert await waiting is None


async def until_one_waits(pool: Pool) -> None:
    async def look() -> bool:
        return bool(await rows(pool, "select from pg_locks where not granted"))

    await eventually(look, what="somebody who waits for a code")


async def test_many_contacts_on_few_codes_get_each_code_once(pool: Pool) -> None:
    codes = [f"C{number:03}" for number in range(60)]
    await fill(pool, *codes)

    async def one() -> str | None:
        async with pool.connection() as conn, conn.transaction():
            return await drawn(conn, uuid4())

    given = await asyncio.gather(*(one() for _ in range(100)))
    assert sorted(code for code in given if code is not None) == codes
    assert given.count(None) == 40


async def test_a_code_of_a_connection_that_died_is_free_again(
    pool: Pool, database_url: str
) -> None:
    await fill(pool, "A")
    async with await AsyncConnection.connect(database_url) as dying:
        assert await drawn(dying, uuid4()) == "A"
        backend = dying.info.backend_pid
        assert await rows(pool, "select pg_terminate_backend(%s, 5000)", backend) == [(True,)]
        await dying.close()
    async with pool.connection() as conn:
        assert await drawn(conn, uuid4()) == "A"


async def redeem(pool: Pool, contact: UUID, code: Any) -> None:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await record_events(conn, contact, [NewEvent("Coupon Redeemed", {"code": code})])


REDEEMED = "select code, redeemed_at is not null from coupon order by id"


async def test_a_code_is_redeemed_by_whom_it_was_given_and_the_first_time_counts(
    pool: Pool,
) -> None:
    await fill(pool, "A", "B", "C")
    ada, bob = await make_contact(pool), await make_contact(pool)
    async with pool.connection() as conn:
        assert await drawn(conn, ada) == "A"
        assert await drawn(conn, bob) == "B"
    await redeem(pool, ada, "A")
    first = await rows(pool, "select redeemed_at from coupon where code = 'A'")
    for contact, code in ((ada, "A"), (ada, "B"), (ada, "C"), (ada, "of another shop")):
        await redeem(pool, contact, code)
    assert await rows(pool, REDEEMED) == [("A", True), ("B", False), ("C", False)]
    assert await rows(pool, "select redeemed_at from coupon where code = 'A'") == first
    assert await rows(pool, "select count(*) from event") == [(5,)]
    async with pool.connection() as conn:
        assert await read_pool(conn, "spring") == Counts("spring", 3, 2, 1, 1)


async def test_a_tracking_call_redeems(pool: Pool) -> None:
    await fill(pool, "A")
    ada = await make_contact(pool, external_id="ada")
    async with pool.connection() as conn:
        await drawn(conn, ada)
    call = {"type": "track", "userId": "ada", "event": "Coupon Redeemed"}
    raw = {**call, "properties": {"code": "A"}}
    item = parse_item(raw, None, Envelope(received_at=datetime.now(UTC), operate=False))
    [answer] = await take(pool, [item], limit_per_minute=100)
    assert getattr(answer, "new", False)
    assert await rows(pool, REDEEMED) == [("A", True)]


@pytest.mark.parametrize("code", [None, "", 7, ["A"]])
async def test_a_redemption_names_its_code(pool: Pool, code: Any) -> None:
    ada = await make_contact(pool)
    with pytest.raises(EffectRefused, match=r"properties\.code: Coupon Redeemed needs a code"):
        await redeem(pool, ada, code)
    assert await rows(pool, "select count(*) from event") == [(0,)]


async def test_an_erased_contact_s_code_stays_spent_and_forgets_it(pool: Pool) -> None:
    await fill(pool, "A")
    ada = await make_contact(pool)
    async with pool.connection() as conn, conn.transaction():
        assert await drawn(conn, ada) == "A"
        await erase(conn, ada)
    assert await rows(
        pool, "select contact_id, run_id, visit, drawn_at is not null from coupon"
    ) == [(None, None, None, True)]
    async with pool.connection() as conn:
        assert await drawn(conn, uuid4()) is None


async def test_a_merged_contact_s_codes_are_those_of_whom_it_joined(pool: Pool) -> None:
    await fill(pool, "A")
    gone, into = await make_contact(pool), await make_contact(pool)
    async with pool.connection() as conn, conn.transaction():
        await drawn(conn, gone)
        await conn.execute("select from contact order by id for no key update")
        await merge_contact(conn, gone, into)
    await redeem(pool, into, "A")
    assert await rows(pool, REDEEMED) == [("A", True)]
