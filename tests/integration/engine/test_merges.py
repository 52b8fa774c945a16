"""Contacts that turn out to be one person: what either did counts for the runs that wait."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
from aiosmtpd.smtp import Envelope

from store.events.contact_merging import merge_contacts
from store.events.ingest import take
from store.events.items import Item
from store.events.transactions import repeating
from store.sql import Connection
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

JOURNEY = """
journey: thanks
entry: {event: Signed Up}
steps:
  - {id: bought, wait: {event: Order Completed, where: {total: 20}, up_to: 30d}}
  - {id: customer, group: {add: [customers]}}
"""


async def test_what_a_visitor_did_before_the_merge_ends_the_wait_of_the_known_contact(
    engine: Engine,
) -> None:
    await engine.activate(JOURNEY)
    known = await engine.contact(external_id="ada")
    await engine.event(known, "Signed Up")
    await engine.standing_at(known, "bought")
    items = [
        Item(
            kind="track",
            message_id="m-1",
            anonymous_id="visitor",
            name="Order Completed",
            properties=orjson.Fragment(b'{"total": 20}'),
        ),
        Item(kind="identify", message_id="m-2", user_id="ada", anonymous_id="visitor"),
    ]
    for item in items:
        [answer] = await take(engine.pool, [item], limit_per_minute=1_000)
        assert answer.message_id == item.message_id
    engine.dispatcher.nudge()
    run = await engine.ended(known)
    assert await engine.path(UUID(str(run["id"]))) == [("bought", "happened"), ("customer", "done")]


async def test_a_condition_that_only_both_contacts_together_meet_ends_the_wait_at_the_merge(
    engine: Engine,
) -> None:
    twice = "{event: Order Completed, within: 30d, count: {gte: 2}}"
    await engine.activate(
        JOURNEY.replace(
            "{event: Order Completed, where: {total: 20}, up_to", f"{{if: {twice}, up_to"
        )
    )
    known = await engine.contact(external_id="ada")
    await engine.event(known, "Signed Up")
    await engine.standing_at(known, "bought")
    await engine.event(known, "Order Completed", total=20)
    items = [
        Item(
            kind="track",
            message_id="m-1",
            anonymous_id="visitor",
            name="Order Completed",
            properties=orjson.Fragment(b'{"total": 20}'),
        ),
        Item(kind="identify", message_id="m-2", user_id="ada", anonymous_id="visitor"),
    ]
    for item in items:
        await take(engine.pool, [item], limit_per_minute=1_000)
    engine.dispatcher.nudge()
    run = await engine.ended(known)
    visit = (await engine.visits(UUID(str(run["id"]))))[0]
    assert (visit["outcome"], visit["facts"]["saw"]) == ("happened", {"event Order Completed": 2})


SENDS = """
journey: sends
entry: {event: Begun}
steps:
  - {id: ready, wait: {event: Ready}}
  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}
"""


async def merge(engine: Engine, one: str, other: str) -> None:
    async def act(conn: Connection) -> Any:
        return await merge_contacts(conn, (one, other))

    await repeating(engine.pool, act)
    engine.dispatcher.nudge()


async def track(engine: Engine, user: str, name: str) -> None:
    await take(
        engine.pool,
        [Item("track", str(uuid4()), user_id=user, name=name)],
        limit_per_minute=10_000,
    )
    engine.dispatcher.nudge()


async def test_a_mail_that_is_being_sent_while_its_contact_is_merged_is_sent_once(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SENDS)
    old = await engine.contact(external_id="old")
    young = await engine.contact(external_id="young", email="young@example.com")

    async def answer(_envelope: Envelope) -> str:
        await merge(engine, "young", "old")
        return "250 OK"

    smtp_sink.answer = answer
    await engine.event(young, "Begun")
    await engine.standing_at(young, "ready")
    await engine.event(young, "Ready")
    run = await engine.ended(old)
    assert run["outcome"] == "completed"
    assert await engine.path(UUID(str(run["id"]))) == [("ready", "happened"), ("mail", "sent")]
    assert len(smtp_sink.messages) == 1
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select contact_id, state from message")
        assert await cursor.fetchall() == [(old, "sent")]


async def test_of_two_runs_of_one_journey_the_older_goes_on_and_the_others_workflow_ends(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SENDS)
    old = await engine.contact(external_id="old")
    young = await engine.contact(external_id="young", email="young@example.com")
    runs = []
    for contact in (young, old):
        await engine.event(contact, "Begun")
        runs.append(await engine.standing_at(contact, "ready"))
    first, second = runs
    await merge(engine, "old", "young")

    async def closed() -> bool:
        description = await engine.workflow(second).describe()
        return description.close_time is not None

    await eventually(closed, timeout=30)
    await track(engine, "young", "Ready")

    async def ended() -> Any:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select id, outcome, contact_id from run")
            rows = {row[0]: row[1:] for row in await cursor.fetchall()}
        return rows if rows[first["id"]][0] is not None else None

    assert await eventually(ended, timeout=30) == {
        first["id"]: ("completed", old),
        second["id"]: ("merged", old),
    }
    assert len(smtp_sink.messages) == 1


async def test_events_that_are_dispatched_while_their_contacts_are_merged_are_not_lost(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SENDS)
    people = 15
    for number in range(people):
        await engine.contact(external_id=f"old {number}")
        young = await engine.contact(external_id=f"young {number}", email=f"y{number}@example.com")
        await engine.event(young, "Begun")
        await engine.standing_at(young, "ready")
    calls = [partial(track, engine, f"young {number}", "Ready") for number in range(people)]
    calls += [
        partial(merge, engine, f"young {number}", f"old {number}") for number in range(people)
    ]
    calls += [partial(track, engine, f"old {number}", "Begun") for number in range(people)]
    await asyncio.gather(*(call() for call in calls))

    async def done() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select (select count(*) from outbox),"
                " (select count(*) from run where outcome = 'completed')"
            )
            row = await cursor.fetchone()
        assert row is not None
        return bool(row[0] == 0 and row[1] >= people)

    await eventually(done, timeout=60)
    assert {mail.recipients[0] for mail in smtp_sink.messages} == {
        f"y{number}@example.com" for number in range(people)
    }
