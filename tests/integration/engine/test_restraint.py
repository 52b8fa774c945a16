"""Restraint: caps of all channels, and the least time between two messages to a contact."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from activities.sending.claim import Claimed
from journeys.protocol.payloads import StepResult
from tests.integration.engine.test_holds import Claims, Pool, claims


async def change(at: Claims, run: UUID, column: str, value: object) -> None:
    """Let the run's message be another one."""
    async with at.pool.connection() as conn:
        await conn.execute(
            f'update message set "{column}" = %s where run_id = %s',
            (value, run),
        )


@pytest.mark.parametrize("count", ["channel", "all"])
async def test_fifty_sends_at_once_get_exactly_the_two_places_of_a_cap(
    pool: Pool, count: str
) -> None:
    async with claims(pool, f"cap: {{max: 2, per: 7d, count: {count}}}") as at:
        runs = [await at.run() for _ in range(50)]
        results = await asyncio.gather(*map(at.claim, runs))
    assert sum(isinstance(result, Claimed) for result in results) == 2
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select outcome, facts->>'reason', count(*) from visit group by 1, 2 order by 3"
        )
        assert await cursor.fetchall() == [(None, None, 2), ("skipped", "cap", 48)]
        cursor = await conn.execute("select count(*) from message")
        assert await cursor.fetchone() == (2,)


@pytest.mark.parametrize(
    ("count", "column", "value", "counted"),
    [
        ("all", "channel", "sms", True),
        ("channel", "channel", "sms", False),
        ("all", "class", "service", False),
        ("channel", "class", "service", True),
        ("all", "transactional", True, False),
        ("channel", "transactional", True, False),
    ],
)
async def test_a_cap_counts_its_channel_or_the_marketing_of_all(
    pool: Pool, count: str, column: str, value: object, counted: bool
) -> None:
    async with claims(pool, f"cap: {{max: 1, per: 1h, count: {count}}}") as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        await change(at, first, column, value)
        result = await at.claim(second)
    assert isinstance(result, StepResult if counted else Claimed)


@pytest.mark.parametrize(("own", "held_up"), [("class: marketing", True), ("up_to: 7d", False)])
async def test_a_cap_of_all_marketing_holds_up_no_service_message(
    pool: Pool, own: str, held_up: bool
) -> None:
    channel = "channel: email\nclass: service\ncap: {max: 1, per: 1h, count: all}\n---\n"
    async with claims(pool, own, channel) as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        await change(at, first, "class", "marketing")
        result = await at.claim(second)
    assert isinstance(result, StepResult if held_up else Claimed)


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_two_messages_to_a_contact_keep_their_distance(pool: Pool, channel: str) -> None:
    async with claims(pool, "apart: 4h") as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        await change(at, first, "channel", channel)
        await at.settle(first, "sent", timedelta(minutes=239))
        held = await at.claim(second)
        assert isinstance(held, StepResult)
        assert (held.held, held.late) == ("apart", False)
        assert held.due is not None
        async with pool.connection() as conn:
            cursor = await conn.execute(
                "select claimed_at + interval '4 hours' from message where run_id = %s", (first,)
            )
            assert await cursor.fetchone() == (held.due,)
        assert (await at.visit(second))["held"] == "apart"
        await at.settle(first, "sent", timedelta(minutes=241))
        assert isinstance(await at.claim(second), Claimed)


async def test_sends_that_come_at_once_go_out_one_by_one_at_their_distance(pool: Pool) -> None:
    async with claims(pool, "apart: 4h") as at:
        runs = [await at.run() for _ in range(10)]
        results = await asyncio.gather(*map(at.claim, runs))
    assert sum(isinstance(result, Claimed) for result in results) == 1
    waiting = {result.due for result in results if isinstance(result, StepResult)}
    assert len(waiting) == 1


async def test_a_distance_beyond_the_limit_of_a_send_makes_it_late(pool: Pool) -> None:
    async with claims(pool, "apart: 4h, up_to: 1h") as at:
        assert isinstance(await at.claim(await at.run()), Claimed)
        held = await at.claim(await at.run())
    assert isinstance(held, StepResult)
    assert (held.held, held.late) == ("apart", True)


async def test_a_transactional_send_ignores_the_distance_of_its_channel(pool: Pool) -> None:
    channel = "channel: email\napart: 4h\n---\n"
    async with claims(pool, "transactional: true", channel) as at:
        claimed = [await at.claim(await at.run()) for _ in range(2)]
    assert all(isinstance(result, Claimed) for result in claimed)
    async with pool.connection() as conn:
        cursor = await conn.execute("select distinct class from message")
        assert await cursor.fetchall() == [("service",)]
