"""Marketing that is held: by a freeze of an operator or by itself, and by a daily ceiling."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from activities.sending.claim import Claimed
from dispatch.held_marketing import freeze_bad_channels
from infra.settings import Settings
from journeys.protocol.payloads import StepResult
from journeys.schedule.ceilings import DailyCeiling
from store.messages.daily_counts import counted_today
from store.messages.freezes import freeze, unfreeze
from tests.integration.engine.test_holds import Pool, claims
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.smtp import SmtpSink


async def rows(pool: Pool, statement: str) -> list[Any]:
    async with pool.connection() as conn:
        return await (await conn.execute(statement.encode())).fetchall()


@pytest.mark.parametrize("channel", ["email", "all"])
async def test_frozen_marketing_is_held_and_goes_out_after_the_freeze(
    engine: Engine, smtp_sink: SmtpSink, channel: str
) -> None:
    await engine.activate(
        "topic: offers\ndefault: opt_out\n---\njourney: j\nentry: {event: Begun}\n"
        "steps:\n  - {id: mail, email: {subject: Offer, text: Hi, topic: offers}}\n"
        "---\njourney: owed\nentry: {event: Paid}\n"
        "steps:\n  - {id: mail, email: {subject: Receipt, text: Hi, transactional: true}}\n"
        "---\njourney: service\nentry: {event: Changed}\n"
        "steps:\n  - {id: mail, email: {subject: News, text: Hi, topic: offers, class: service}}\n"
    )
    async with engine.pool.connection() as conn:
        assert await freeze(conn, channel, "wrong prices", by="key") is not None
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "mail")
    [visit] = await engine.visits(run["id"])
    assert (visit["held"], visit["due_at"]) == ("frozen", None)
    for event in ("Paid", "Changed"):
        await engine.event(contact, event)
    await smtp_sink.wait_for(2)
    async with engine.pool.connection() as conn:
        assert await unfreeze(conn, channel, "right again", by="key") is not None
    messages = await smtp_sink.wait_for(3)
    assert sorted(mail.message["subject"] for mail in messages[:2]) == ["News", "Receipt"]
    assert messages[2].message["subject"] == "Offer"

    async def over() -> bool:
        return bool((await engine.visits(run["id"]))[0]["outcome"] == "sent")

    await eventually(over)


async def test_a_freeze_of_everything_holds_what_is_owed_as_well(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        "topic: offers\ndefault: opt_out\n---\njourney: j\nentry: {event: Begun}\n"
        "steps:\n  - {id: mail, email: {subject: Offer, text: Hi, topic: offers}}\n"
        "---\njourney: owed\nentry: {event: Paid}\n"
        "steps:\n  - {id: receipt, email: {subject: Receipt, text: Hi, transactional: true}}\n"
    )
    async with engine.pool.connection() as conn:
        assert await freeze(conn, "all", "wrong sender", by="key", stops="everything") is not None
        assert await freeze(conn, "email", "wrong prices", by="key") is not None
    contact = await engine.contact(email="ada@example.com")
    runs = []
    for event, step in (("Begun", "mail"), ("Paid", "receipt")):
        await engine.event(contact, event)
        runs.append(await engine.standing_at(contact, step))

    async def held() -> bool:
        found = await rows(engine.pool, "select from visit where held = 'frozen'")
        return len(found) == 2

    await eventually(held)
    assert smtp_sink.messages == []
    async with engine.pool.connection() as conn:
        assert await unfreeze(conn, "all", "right again", by="key") is None
        assert await unfreeze(conn, "all", "ok", by="key", stops="everything") is not None
    [receipt] = await smtp_sink.wait_for(1)
    assert receipt.message["subject"] == "Receipt"
    # Marketing is still frozen by itself.
    assert (await engine.visits(runs[0]["id"]))[0]["held"] == "frozen"
    async with engine.pool.connection() as conn:
        assert await unfreeze(conn, "email", "right again", by="key") is not None
    await smtp_sink.wait_for(2)


async def test_a_freeze_of_another_channel_holds_nothing(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h") as at:
        async with pool.connection() as conn:
            await freeze(conn, "sms", "costs", by="key")
        assert isinstance(await at.claim(await at.run()), Claimed)


async def test_a_freeze_that_outlasts_a_send_skips_it(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h") as at:
        async with pool.connection() as conn:
            await freeze(conn, "email", "costs", by="key")
        run = await at.run()
        given = datetime.now(UTC)
        held = await at.claim(run, now=given)
        assert held == StepResult(held="frozen", due=given + timedelta(hours=1), late=True)
        async with pool.connection() as conn:
            await conn.execute("update visit set started_at = started_at - interval '1 hour'")
        assert await at.claim(run) == StepResult(outcome="skipped")
        assert (await at.visit(run))["facts"]["reason"] == "frozen"


async def sent(pool: Pool, count: int, **marks: int) -> None:
    """So many marketing mails, and so many of them with a mark, in no order."""
    places = random.Random(7).sample(range(count), sum(marks.values()))
    async with pool.connection() as conn, conn.transaction():
        ids: list[UUID] = [uuid4() for _ in range(count)]
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, class, state,"
            " token)"
            " select id, gen_random_uuid(), 1, 'mail', gen_random_uuid(), 'email', 'marketing',"
            " 'sent', 't' from unnest(%s::uuid[]) as id",
            (ids,),
        )
        for column, number in marks.items():
            chosen = [ids[place] for place in places[:number]]
            places = places[number:]
            await conn.execute(
                f"update message set {column} = parcours.clock() where id = any(%s)",
                (chosen,),
            )


@pytest.mark.parametrize(
    ("count", "marks", "freezes"),
    [
        (1_000, {"bounced_at": 50, "complained_at": 3}, False),
        (1_000, {"bounced_at": 51}, True),
        (1_000, {"complained_at": 4}, True),
        (60, {"bounced_at": 51}, True),
        (10, {"bounced_at": 5, "complained_at": 2}, False),
    ],
)
async def test_marketing_freezes_by_itself_beyond_its_bounds(
    pool: Pool, count: int, marks: dict[str, int], freezes: bool
) -> None:

    await sent(pool, count, **marks)
    async with pool.connection() as conn:
        await freeze_bad_channels(conn)
        await freeze_bad_channels(conn)
    found = await rows(pool, "select channel, automatic, figures from marketing_freeze")
    figures = {
        "sends": count,
        "bounces": marks.get("bounced_at", 0),
        "complaints": marks.get("complained_at", 0),
    }
    assert found == ([("email", True, figures)] if freezes else [])
    faults = await rows(pool, "select subject, code from fault")
    assert faults == ([("channel email", "frozen")] if freezes else [])
    changes = await rows(pool, "select actor, via, subject from audit where action like 'channel%'")
    assert changes == ([("engine", "engine", "email")] if freezes else [])


async def test_what_came_before_the_last_thousand_or_the_last_freeze_does_not_count(
    pool: Pool,
) -> None:
    await sent(pool, 200, bounced_at=51)
    await sent(pool, 1_000)
    async with pool.connection() as conn:
        await freeze_bad_channels(conn)
        assert await rows(pool, "select from marketing_freeze") == []
        await sent(pool, 100, complained_at=4)
        await freeze_bad_channels(conn)
        assert len(await rows(pool, "select from marketing_freeze where ended_at is null")) == 1
        await unfreeze(conn, "email", "cleaned the list", by="key")
        await freeze_bad_channels(conn)
        assert await rows(pool, "select from marketing_freeze where ended_at is null") == []
        await sent(pool, 100, complained_at=4)
        await freeze_bad_channels(conn)
    assert len(await rows(pool, "select from marketing_freeze where ended_at is null")) == 1


async def test_a_message_that_bounced_softly_counts_as_none(pool: Pool) -> None:
    await sent(pool, 100, bounced_at=60)
    async with pool.connection() as conn:
        await conn.execute("update message set soft_bounced_at = bounced_at")
        await freeze_bad_channels(conn)
    assert await rows(pool, "select from marketing_freeze") == []


async def test_a_ceiling_holds_marketing_alone_and_counts_all(pool: Pool) -> None:
    async with claims(pool, "up_to: 1d") as at:
        limited = replace(at, context=replace(at.context, ceilings={"email": DailyCeiling(10)}))
        results = [await limited.claim(await limited.run()) for _ in range(11)]
        assert [isinstance(result, Claimed) for result in results] == [True] * 9 + [False] * 2
        held = results[-1]
        assert isinstance(held, StepResult)
        assert (held.held, held.late) == ("ceiling", True)
        # Another attempt at a message, and messages of yesterday, do not count.
        async with pool.connection() as conn:
            assert await counted_today(conn, "email") == 9
            await conn.execute("update daily_count set day = day - 1")
        assert isinstance(await limited.claim(await limited.run()), Claimed)


async def test_what_a_ceiling_held_goes_out_once_there_is_room(
    engine_settings: Settings, pool: Pool, temporal_client: Client, smtp_sink: SmtpSink
) -> None:
    settings = engine_settings.model_copy(update={"send_ceiling_email": 10})
    async with engine_at_work(settings, pool, temporal_client, reconcile_every=0.5) as engine:
        await engine.activate(
            "topic: offers\ndefault: opt_out\n---\njourney: j\nentry: {event: Begun}\n"
            "steps:\n  - {id: mail, email: {subject: Offer, text: Hi, topic: offers}}\n"
            "---\njourney: owed\nentry: {event: Paid}\n"
            "steps:\n  - {id: mail, email: {subject: Receipt, text: Hi, transactional: true}}\n"
        )
        for number in range(14):
            contact = await engine.contact(email=f"c{number}@example.com")
            await engine.event(contact, "Begun")
            if number == 8:
                await smtp_sink.wait_for(9, timeout=30.0)

        async def at_ceiling() -> bool:
            found = await rows(pool, "select count(*) from visit where held = 'ceiling'")
            return bool(found == [(5,)])

        await eventually(at_ceiling, 30.0)
        await engine.event(contact, "Paid")
        await engine.event(await engine.contact(email="d@example.com"), "Paid")
        await smtp_sink.wait_for(11, timeout=30.0)
        assert await rows(pool, "select count(*) from visit where held = 'ceiling'") == [(5,)]
        async with pool.connection() as conn:
            await conn.execute("update daily_count set day = day - 1")
        messages = await smtp_sink.wait_for(16, timeout=30.0)
    assert [mail.message["subject"] for mail in messages].count("Receipt") == 2
