"""A provider's report and the record of the attempt, in every order: the same message and visit."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.counters.folding import fold_all
from store.counters.reading import read_days
from store.events.message_events import MessageEvent, record_message_events, take_message_events
from store.messages.claims import (
    AttemptResult,
    Settled,
    claim_message,
    record_result,
    record_result_and_lock,
)
from store.simulation.simulated_database import set_clock, stop_clock
from tests.support.conditions import eventually
from tests.support.messages import add_contact, rows

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Record = Callable[[AsyncConnection[Any], AttemptResult], Awaitable[Any]]
Order = Literal["report first", "report, then record", "record, then report", "record first"]
"""`then`: the second begins while the first is written and not committed."""

# What the attempt found, and what must stand in the end: a report proves that the provider took the
# message, and the visit keeps what the run goes on with.
RECORDS: Final[list[tuple[Settled, str | None, str]]] = [
    ("sent", "sent", "sent"),
    ("refused", "failed", "sent"),
    ("released", None, "sent"),
    ("unknown", "unknown", "sent"),
    ("unknown", None, "sent"),
]
ORDERS: Final[list[Order]] = [
    "report first",
    "report, then record",
    "record, then report",
    "record first",
]
BOTH_WAYS = pytest.mark.parametrize("record", [record_result, record_result_and_lock])
RACES = 400


async def claim(pool: Pool) -> tuple[UUID, UUID]:
    """A message that was just claimed, and its run."""
    contact, run, message = await add_contact(pool), uuid4(), uuid4()
    await rows(
        pool,
        "insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " values (%s, 'j', 1, %s, 0, 0)",
        run, contact,
    )  # fmt: skip
    async with pool.connection() as conn:
        await claim_message(
            conn,
            message_id=message,
            run_id=run,
            visit=1,
            step="hello",
            contact_id=contact,
            channel="email",
            topic=None,
            transactional=False,
            class_="marketing",
            token="t",
            started=(await rows(pool, "select parcours.clock()"))[0][0],
            facts={},
        )
    return message, run


def result(run: UUID, state: Settled, outcome: str | None, token: str = "t") -> AttemptResult:
    return AttemptResult(
        run_id=run,
        visit=1,
        token=token,
        state=state,
        outcome=outcome,
        provider_id="0102",
        facts={"seen": True},
    )


def report(message: UUID) -> MessageEvent:
    return MessageEvent(message_id=message, name="Message Delivered", id=f"{message}")


async def settled(pool: Pool, run: UUID) -> tuple[Any, ...]:
    """The message's state and id at its provider, whether it arrived, and its visit."""
    (row,) = await rows(
        pool,
        "select m.state, m.provider_id, m.delivered_at is not null, m.settled_at is not null,"
        " v.outcome, v.facts from message m join visit v using (run_id, visit) where run_id = %s",
        run,
    )
    return row


async def one_after_another(
    pool: Pool,
    first: Callable[[AsyncConnection[Any]], Awaitable[Any]],
    second: Callable[[AsyncConnection[Any]], Awaitable[Any]],
    *,
    waits: bool,
) -> None:
    """Commit two transactions in order; `waits`: the second waits for a lock of the first."""

    async def write(conn: AsyncConnection[Any]) -> None:
        async with conn.transaction():
            await second(conn)

    async with pool.connection() as one, pool.connection() as other:
        async with one.transaction():
            await first(one)
            if waits:
                task = asyncio.create_task(write(other))

                async def blocked() -> bool:
                    found = await rows(pool, "select pg_blocking_pids(%s)", other.info.backend_pid)
                    return found == [([one.info.backend_pid],)]

                await eventually(blocked, what="the second transaction to wait")
        await (task if waits else write(other))


@BOTH_WAYS
@pytest.mark.parametrize("order", ORDERS)
async def test_a_report_and_the_record_settle_a_message_alike_in_any_order(
    pool: Pool, record: Record, order: Order
) -> None:
    for state, outcome, in_the_end in RECORDS:
        message, run = await claim(pool)
        given = result(run, state, outcome)

        async def recording(conn: AsyncConnection[Any], given: AttemptResult = given) -> None:
            assert await record(conn, given)

        async def reporting(conn: AsyncConnection[Any], message: UUID = message) -> None:
            await record_message_events(conn, [report(message)], source="provider:ses")

        pair = (reporting, recording) if order.startswith("report") else (recording, reporting)
        await one_after_another(pool, *pair, waits="then" in order)
        facts = {} if outcome is None else {"seen": True}
        assert await settled(pool, run) == (in_the_end, "0102", True, True, outcome, facts), state


@BOTH_WAYS
async def test_a_report_beside_the_record_never_costs_an_outcome(
    pool: Pool, record: Record
) -> None:
    chance = random.Random(9)
    claimed = [await claim(pool) for _ in range(RACES)]
    turn = asyncio.Semaphore(8)

    async def recorded(run: UUID, state: Settled, outcome: str | None, after: float) -> None:
        async with pool.connection() as conn:
            await conn.execute("select pg_sleep(%s)", (after,))
            async with conn.transaction():
                await record(conn, result(run, state, outcome))

    async def reported(message: UUID, after: float) -> None:
        async with pool.connection() as conn:
            await conn.execute("select pg_sleep(%s)", (after,))
        await take_message_events(pool, [report(message)], source="provider:ses")

    async def race(message: UUID, run: UUID, number: int) -> tuple[Any, ...]:
        state, outcome, in_the_end = RECORDS[number % len(RECORDS)]
        async with turn:
            await asyncio.gather(
                recorded(run, state, outcome, chance.uniform(0, 0.004)),
                reported(message, chance.uniform(0, 0.004)),
            )
        found = await settled(pool, run)
        return found[0] == in_the_end, found[4] == outcome, found[1]

    ended = [race(message, run, number) for number, (message, run) in enumerate(claimed)]
    assert set(await asyncio.gather(*ended)) == {(True, True, "0102")}


async def test_a_record_after_another_attempt_ended_the_visit_changes_no_outcome(
    pool: Pool,
) -> None:
    message, run = await claim(pool)
    await take_message_events(pool, [report(message)], source="provider:ses")
    await rows(pool, "update visit set outcome = 'sent' where run_id = %s", run)
    async with pool.connection() as conn:
        assert not await record_result(conn, result(run, "refused", "failed"))
        assert not await record_result(conn, result(run, "sent", "sent", token="another"))
    assert await settled(pool, run) == ("sent", None, True, True, "sent", {})


@BOTH_WAYS
async def test_a_contact_is_targeted_on_the_day_of_the_report_alone(
    pool: Pool, record: Record
) -> None:
    midnight = datetime(2026, 3, 7, tzinfo=UTC)
    async with pool.connection() as conn:
        await stop_clock(conn, midnight - timedelta(seconds=2))
    message, run = await claim(pool)
    async with pool.connection() as conn:
        await set_clock(conn, midnight - timedelta(seconds=1))
        async with conn.transaction():
            await record_message_events(conn, [report(message)], source="test")
        await set_clock(conn, midnight + timedelta(seconds=1))
        async with conn.transaction():
            await record(conn, result(run, "sent", "sent"))
        for folded in (False, True):
            if folded:
                await fold_all(conn, "UTC")
            days = await read_days(
                conn, midnight - timedelta(days=2), midnight + timedelta(days=2),
                ["message_sent"], "UTC",
            )  # fmt: skip
            assert [
                (each.fact, each.begins_at, each.count) for each in days if not each.standing
            ] == [
                ("targeted", midnight - timedelta(days=1), 1),
                ("message_sent", midnight - timedelta(days=1), 1),
            ]
