"""Pausing holds every send from its answer on; resuming lets them go by the policy, each once.

`CROWD=5000` plays the test of whole runs with as many, which takes seven minutes.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.client import Client

from activities.context import Context
from activities.sending.claim import Claimed, claim_send
from infra.settings import Settings
from journeys.protocol.payloads import StepInput, StepResult
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually
from tests.support.crowds import Member, Pool, gather_crowd, let_go, write_crowd
from tests.support.engine import Engine, activate
from tests.support.moves import SEND, SKIP, ended, paused, resumed, spread
from tests.support.smtp import SmtpSink

JOURNEY = """
journey: crowd
entry: {event: Never}
defaults: {transactional: true}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: letter, email: {subject: A letter, text: Dear you}}
"""
CROWD = 5_000
WHOLE = int(os.environ.get("CROWD", "100"))
A_SECOND = 20
"""Whole runs that send in a second; a machine of two cores has some to spare."""
HELD = "select count(*) from visit where held = 'paused' and outcome is null"
SENT = "select count(*) from message where state = 'sent'"


async def value(pool: Pool, statement: str, *arguments: Any) -> Any:
    """The first column of the first row."""
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def reached(pool: Pool, count: int, statement: str, timeout: float = 120) -> None:
    async def look() -> bool:
        return bool(await value(pool, statement) >= count)

    await eventually(look, timeout, every=0.1, what=f"{count} by {statement}")


async def held_crowd(engine: Engine, size: int) -> list[Member]:
    """Runs whose send a pause holds."""
    await activate(engine.pool, JOURNEY)
    members = await gather_crowd(engine.pool, engine.client, "crowd", "quiet", size)
    await paused(engine.pool, "crowd")
    await let_go(engine.pool, members)
    engine.dispatcher.nudge()
    await reached(engine.pool, size, HELD)
    return members


def receivers(sink: SmtpSink) -> list[str]:
    return sorted(mail.recipients[0] for mail in sink.messages)


def addresses(members: Sequence[Member]) -> list[str]:
    return sorted(member.email for member in members)


async def test_no_claim_is_later_than_the_answer_of_a_pause_among_five_thousand(
    pool: Pool,
) -> None:
    await activate(pool, JOURNEY)
    members = await write_crowd(pool, "crowd", "quiet", CROWD)
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    waiting = list(members)
    came: list[Claimed | StepResult] = []

    async def claim_next() -> None:
        async with pool.connection() as conn:
            while waiting:
                run = waiting.pop().run_id
                given = StepInput(run_id=run, visit=2, step="letter", now=datetime.now(UTC))
                came.append(await claim_send(conn, context, given, "attempt"))

    async def pause_in_the_middle() -> datetime:
        await eventually(lambda: len(came) >= CROWD / 5, timeout=120)
        await paused(pool, "crowd")
        answered: datetime = await value(pool, "select parcours.clock()")
        return answered

    answered, *_ = await asyncio.gather(pause_in_the_middle(), *(claim_next() for _ in range(8)))
    claimed = [each for each in came if isinstance(each, Claimed)]
    held = [each for each in came if isinstance(each, StepResult)]
    assert len(claimed) + len(held) == CROWD
    assert len(claimed) >= CROWD / 5
    assert len(held) >= CROWD / 5
    assert {each.held for each in held} == {"paused"}
    assert await value(pool, "select max(claimed_at) from message") <= answered
    assert await value(pool, HELD) == len(held)


async def test_a_pause_waits_for_a_claim_under_way_and_the_next_claim_for_the_pause(
    pool: Pool, database_url: str
) -> None:
    await activate(pool, JOURNEY)
    first, second = await write_crowd(pool, "crowd", "quiet", 2)
    context = Context(pool=pool, catalog=Catalog(), adapters={})

    def claim(conn: AsyncConnection[Any], member: Member) -> Any:
        given = StepInput(run_id=member.run_id, visit=2, step="letter", now=datetime.now(UTC))
        return claim_send(conn, context, given, "attempt")

    async def waiting() -> bool:
        return bool(await value(pool, "select count(*) from pg_locks where not granted"
                                " and locktype = 'advisory'") == 1)  # fmt: skip

    async with await AsyncConnection.connect(database_url, autocommit=True) as conn:
        async with conn.transaction():
            # An outer transaction keeps the claim's open.
            assert isinstance(await claim(conn, first), Claimed)
            pausing = asyncio.create_task(paused(pool, "crowd"))
            await eventually(waiting)
            assert not pausing.done()
        await pausing
        assert (await claim(conn, second)).held == "paused"


async def test_a_spread_gives_each_tenth_of_its_time_its_share_of_five_thousand(
    engine: Engine,
) -> None:
    await activate(engine.pool, JOURNEY)
    members = await write_crowd(engine.pool, "crowd", "quiet", CROWD)
    await paused(engine.pool, "crowd")
    async with engine.pool.connection() as conn:
        await conn.execute("update visit set outcome = 'happened'")
        await conn.execute("update run set visit = 2")
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, held)"
            " select id, 2, 'letter', 'email', 'paused' from run"
        )
    hour = Overdue("spread", timedelta(hours=1))
    first = await resumed(engine.pool, engine.client, "crowd", hour)
    await eventually(lambda: value(engine.pool, "select spreading from job"), timeout=60)
    since = await value(engine.pool, "select resumed_at from journey")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select due_at from visit where visit = 2")
        tenths = Counter(
            int((due - since) / timedelta(minutes=6)) for (due,) in await cursor.fetchall()
        )
    assert sorted(tenths) == list(range(10))
    assert all(0.08 * CROWD <= share <= 0.12 * CROWD for share in tenths.values()), tenths
    # Another pause meanwhile holds the rest again, and ends the job.
    await paused(engine.pool, "crowd")
    assert (await ended(engine.pool, first)).state == "superseded"
    # A tenth of them is woken: their job lets a set number go in a second.
    left = members[: CROWD // 10]
    async with engine.pool.connection() as conn:
        await conn.execute(
            "update visit set outcome = 'skipped', held = null, due_at = null"
            " where visit = 2 and run_id <> all(%s)",
            ([member.run_id for member in left],),
        )
    second = await resumed(engine.pool, engine.client, "crowd", spread(3))
    done = await ended(engine.pool, second, timeout=240)
    assert (done.state, done.done, done.total) == ("done", len(left), len(left))
    since = await value(engine.pool, "select resumed_at from journey")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select r.contact_id, v.due_at from run r join visit v on v.run_id = r.id"
            " where v.visit = 2 and v.outcome is null"
        )
        turns = dict(await cursor.fetchall())
    assert turns == {
        member.contact: spread(3).turn(member.contact, "crowd", since) for member in left
    }


async def test_whole_runs_paused_while_they_send_go_on_each_at_its_turn(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await activate(engine.pool, JOURNEY)
    members = await gather_crowd(engine.pool, engine.client, "crowd", "quiet", WHOLE)
    await let_go(engine.pool, members)
    engine.dispatcher.nudge()
    await reached(engine.pool, WHOLE // 5, "select count(*) from message", timeout=600)
    await paused(engine.pool, "crowd")
    answered = await value(engine.pool, "select parcours.clock()")
    await reached(
        engine.pool,
        WHOLE,
        "select count(*) from visit"
        " where step = 'letter' and (held = 'paused' or outcome = 'sent')",
        timeout=600,
    )
    assert await value(engine.pool, "select max(claimed_at) from message") <= answered
    held = await value(engine.pool, HELD)
    assert held + await value(engine.pool, SENT) == WHOLE
    assert held >= WHOLE / 5
    over = held / A_SECOND
    await resumed(engine.pool, engine.client, "crowd", spread(over))
    since = await value(engine.pool, "select resumed_at from journey")
    await reached(engine.pool, WHOLE, SENT, timeout=60 + 2 * over)
    assert receivers(smtp_sink) == addresses(members)
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select contact_id, claimed_at from message where claimed_at > %s", (answered,)
        )
        claims = dict(await cursor.fetchall())
    assert len(claims) == held
    assert [
        contact
        for contact, claimed in claims.items()
        if claimed < spread(over).turn(contact, "crowd", since)
    ] == []
    tenths = Counter(
        int((claimed - since).total_seconds() / over * 10) for claimed in claims.values()
    )
    print(f"{held} of {WHOLE} held; sent by tenths of {over:g} s: {sorted(tenths.items())}")  # noqa: T201


async def test_under_send_what_was_held_goes_out_now(engine: Engine, smtp_sink: SmtpSink) -> None:
    members = await held_crowd(engine, 10)
    job = await resumed(engine.pool, engine.client, "crowd", SEND)
    assert (await ended(engine.pool, job)).done == 10
    await reached(engine.pool, 10, SENT)
    assert receivers(smtp_sink) == addresses(members)


async def test_under_skip_what_was_held_is_skipped_and_what_comes_later_is_not(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await held_crowd(engine, 10)
    late = await engine.contact(email="late@example.com")
    await activate(engine.pool, JOURNEY.replace("event: Never", "event: Letter Asked"))
    await resumed(engine.pool, engine.client, "crowd", SKIP)
    await reached(engine.pool, 10, "select count(*) from run where state = 'ended'")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select distinct outcome, facts->>'reason', held from visit where step = 'letter'"
        )
        assert await cursor.fetchall() == [("skipped", "paused", None)]
    await engine.event(late, "Letter Asked")
    await engine.standing_at(late, "quiet")
    await engine.event(late, "Go")
    assert (await engine.ended(late))["outcome"] == "completed"
    assert receivers(smtp_sink) == ["late@example.com"]


async def test_a_run_that_is_woken_too_early_waits_for_its_turn(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    [member] = await held_crowd(engine, 1)
    await resumed(engine.pool, engine.client, "crowd", spread(3600))
    workflow = engine.client.get_workflow_handle(f"journey.crowd.{member.run_id}")
    before = (await workflow.describe()).history_length
    await workflow.signal("wake", {"visit": 2})

    async def looked() -> bool:
        return (await workflow.describe()).history_length > before + 6

    await eventually(looked)
    [_, letter] = await engine.visits(member.run_id)
    since = await value(engine.pool, "select resumed_at from journey")
    turn = spread(3600).turn(member.contact, "crowd", since)
    assert (letter["held"], datetime.fromisoformat(letter["due_at"])) == ("paused", turn)
    assert smtp_sink.messages == []


@pytest.mark.long
async def test_a_worker_killed_while_a_spread_goes_on_leaves_it_to_another(
    engine_settings: Settings, pool: Pool, temporal_client: Client, smtp_sink: SmtpSink
) -> None:
    await activate(pool, JOURNEY)
    async with worker_process(engine_settings) as worker:
        members = await gather_crowd(pool, temporal_client, "crowd", "quiet", 60)
        await paused(pool, "crowd")
        await let_go(pool, members)
        await reached(pool, 60, HELD)
        job = await resumed(pool, temporal_client, "crowd", spread(10))
        await reached(pool, 5, SENT)
        worker.kill()
        await worker.wait()
    async with worker_process(engine_settings):
        assert (await ended(pool, job, timeout=120)).state == "done"
        await reached(pool, 60, "select count(*) from visit where step = 'letter'"
                      " and outcome is not null")  # fmt: skip
    unknown = await value(pool, "select count(*) from message where state = 'unknown'")
    assert await value(pool, SENT) + unknown == 60
    # A call that was cut off may have reached the server or not; no other mail is lost or doubled.
    assert len(set(receivers(smtp_sink))) == len(receivers(smtp_sink)) >= 60 - unknown
