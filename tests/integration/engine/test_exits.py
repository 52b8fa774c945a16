"""Exits: what is accepted before a claim prevents the send; what comes later ends the run."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.sending.claim import Claimed, claim_send
from dispatch.dispatcher import Dispatcher
from infra.clients import open_pool
from infra.settings import Settings
from journeys.protocol.payloads import JourneyResult, StepInput, StepResult
from store.events.recording import NewEvent, record_events
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, activate
from tests.support.racing import (
    CLAIMED,
    Bare,
    Offset,
    Side,
    accept_between,
    at_work,
    context_of,
    entered_runs,
    eventually_none,
    in_turn,
)
from tests.support.smtp import SmtpSink

TRIES = 500
"""Of each kind: with the exits dispatched meanwhile, and without."""

LEAVING = """
journey: leaving
entry: {event: Begun}
exit: [{event: Stop}]
steps:
  - {id: mail, email: {subject: Hello, text: Hello, transactional: true}}
"""
STANDING = """
journey: standing
entry: {event: Begun}
exit: [{event: Stop}]
steps:
  - {id: ready, wait: {event: Ready}}
  - {id: mail, email: {subject: Hello, text: Hello, transactional: true}}
"""


@pytest.mark.parametrize("dispatched", [True, False])
async def test_an_exit_accepted_before_a_claim_prevents_it(
    settings: Settings,
    pool: AsyncConnectionPool[Any],
    temporal_client: Client,
    dispatched: bool,
) -> None:
    await activate(pool, LEAVING)
    context = context_of(pool)
    runs = await entered_runs(pool, context.catalog, "leaving", TRIES)
    dispatcher = Dispatcher(pool, temporal_client, context.catalog, poll=0.05)
    offset = Offset(seed=2)
    first: Counter[Side | None] = Counter()
    wrong: list[tuple[Bare, Side | None, Any]] = []
    async with (
        await open_pool(settings, min_size=8, max_size=8, timeout=60) as senders,
        await open_pool(settings, min_size=8, max_size=8, timeout=60) as clients,
    ):

        async def claim(conn: AsyncConnection[Any], run: Bare) -> Claimed | StepResult:
            if offset.coin():
                await offset.spend(conn)
            given = StepInput(run_id=run.run_id, visit=1, step="mail", now=datetime.now(UTC))
            return await claim_send(conn, context, given, "token")

        async def one(run: Bare) -> None:
            async with senders.connection() as its, clients.connection() as theirs:
                result, side = await asyncio.gather(
                    claim(its, run),
                    accept_between(theirs, offset, run, "Stop", asked=CLAIMED),
                )
            # A claim needs the lock that the event holds: not seen under it, it comes after it.
            side = side or "event"
            first[side] += 1
            exited = StepResult(ended=JourneyResult(outcome="exited", reason="Stop"))
            right = isinstance(result, Claimed) if side == "step" else result == exited
            if not right:
                wrong.append((run, side, result))

        async with at_work(*([dispatcher.run()] if dispatched else [])):
            await in_turn(16, [partial(one, run) for run in runs])
    assert wrong == []
    assert await messages(pool) == first["step"]
    assert min(first["event"], first["step"]) >= TRIES / 5, first


async def messages(pool: AsyncConnectionPool[Any]) -> int:
    """How many messages there are."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select count(*) from message")
        [[count]] = await cursor.fetchall()
    return int(count)


async def test_whole_runs_send_nothing_once_an_exit_was_accepted(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(STANDING)
    people = {await engine.contact(email=f"c{n}@example.com"): n for n in range(48)}
    for contact in people:
        await engine.event(contact, "Begun")
    await eventually_none(
        engine.pool,
        "select from contact c where not exists (select from visit v join run r on r.id = v.run_id"
        " where r.contact_id = c.id and v.step = 'ready')",
    )
    turns = random.Random(3)

    async def leave(contact: UUID, late: bool) -> None:
        await engine.event(contact, "Ready")
        if late:
            # Somewhere between the wait's end and that of the run.
            await eventually_none(
                engine.pool, "select from visit having count(outcome) < 12", timeout=30
            )
        await engine.event(contact, "Stop")

    await in_turn(8, [partial(leave, contact, turns.random() < 0.5) for contact in people])
    await eventually_none(engine.pool, "select from run where state = 'active'")
    sent = [mail.recipients[0] for mail in smtp_sink.messages]
    assert len(sent) == len(set(sent))
    for contact, (stamped_at, claimed_at, outcome) in (await stops(engine.pool)).items():
        # Both are the database's clock, read under the contact's lock.
        before = claimed_at is not None and claimed_at < stamped_at
        assert (claimed_at is not None) == before == (f"c{people[contact]}@example.com" in sent)
        assert outcome == "exited" or before


async def stops(
    pool: AsyncConnectionPool[Any],
) -> dict[UUID, tuple[datetime, datetime | None, str]]:
    """For each contact: when its exit was stamped, when its message was claimed, and the end."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select e.contact_id, e.stamped_at, m.claimed_at, r.outcome from event e"
            " join run r using (contact_id) left join message m using (contact_id)"
            " where e.name = 'Stop'"
        )
        rows = await cursor.fetchall()
    assert len(rows) == 48
    return {contact: (stamped, claimed, outcome) for contact, stamped, claimed, outcome in rows}


async def test_an_exit_ends_a_run_that_stands_at_a_wait(engine: Engine) -> None:
    await engine.activate(STANDING)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    await engine.event(contact, "Stop")
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("exited", "Stop")
    assert await engine.path(run["id"]) == [("ready", "exited")]
    result = await engine.workflow(run).result()
    assert (result["outcome"], result["reason"]) == ("exited", "Stop")


async def test_for_one_event_an_exit_acts_before_a_wait(engine: Engine) -> None:
    await engine.activate(
        """
        journey: both
        entry: {event: Begun}
        exit: [{event: Ping}]
        steps:
          - {id: ping, wait: {event: Ping}}
          - {id: after, update: {set: {waited: true}}}
        """
    )
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ping")
    await engine.event(contact, "Ping")
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("exited", "Ping")
    assert await engine.path(run["id"]) == [("ping", "exited")]


async def test_for_one_event_an_exit_acts_before_an_entry(engine: Engine) -> None:
    await engine.activate(
        """
        journey: cart
        entry: {event: Cart Updated}
        re_entry: always
        exit: [{event: Cart Updated}]
        steps:
          - {id: stand, wait: {event: Never}}
        """
    )
    contact = await engine.contact()
    await engine.event(contact, "Cart Updated", total=1)
    first = await engine.standing_at(contact, "stand")
    await engine.event(contact, "Cart Updated", total=2)

    async def second() -> dict[str, Any] | None:
        run = await engine.run_of(contact)
        return run if run["id"] != first["id"] else None

    run = await eventually(second)
    assert run is not None
    assert run["entry"] == {"total": 2}
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select outcome, reason from run where id = %s", (first["id"],))
        assert await cursor.fetchone() == ("exited", "Cart Updated")


async def test_the_entry_event_itself_satisfies_no_exit(engine: Engine) -> None:
    await engine.activate(
        """
        journey: own
        entry: {event: Begun}
        exit: [{event: Begun}]
        steps:
          - {id: short, wait: 1s}
        """
    )
    contact = await engine.contact()
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    assert run["outcome"] == "completed"


async def test_an_exit_whose_where_asks_of_the_entry_ends_that_run_alone(engine: Engine) -> None:
    await engine.activate(
        """
        journey: orders
        entry: {event: Ordered, key: order}
        re_entry: always
        exit: [{event: Cancelled, where: {order: {entry: order}}}]
        steps:
          - {id: stand, wait: {event: Delivered, where: {order: {entry: order}}}}
        """
    )
    contact = await engine.contact()
    await engine.event(contact, "Ordered", order="a")
    await engine.event(contact, "Ordered", order="b")
    await engine.event(contact, "Cancelled", order="a")
    await engine.event(contact, "Delivered", order="b")
    await engine.ended(contact)

    async def outcomes() -> dict[str, str]:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select key, outcome from run where outcome is not null")
            return dict(await cursor.fetchall())

    await eventually(lambda: _both(outcomes), what="both runs to end")
    assert await outcomes() == {"a": "exited", "b": "completed"}


async def _both(outcomes: Any) -> bool:
    return len(await outcomes()) == 2


async def test_the_steps_of_an_exit_run_before_the_end_and_are_not_asked_about_exits(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        """
        journey: farewell
        entry: {event: Begun}
        exit:
          - event: Stop
            then:
              - {id: bye, email: {subject: Bye, text: Bye, transactional: true}}
              - {id: left, group: {add: [gone]}}
          - {event: Stop Now}
        steps:
          - {id: stand, wait: {event: Never}}
        """
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "stand")
    async with engine.pool.connection() as conn, conn.transaction():
        # Both before anybody can act on either.
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await record_events(conn, contact, [NewEvent("Stop", {}), NewEvent("Stop Now", {})])
    engine.dispatcher.nudge()
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("exited", "Stop")
    assert await engine.path(run["id"]) == [
        ("stand", "exited"),
        ("bye", "sent"),
        ("left", "done"),
    ]
    assert len(smtp_sink.messages) == 1


async def test_an_exit_on_a_condition_fires_once_a_change_makes_it_true(engine: Engine) -> None:
    await engine.activate(
        """
        journey: unpaid
        entry: {event: Begun}
        exit: [{if: {attribute: plan, is: pro}}]
        steps:
          - {id: stand, wait: {event: Never}}
        """
    )
    await engine.activate(
        """
        journey: upgrade
        entry: {event: Upgraded}
        steps:
          - {id: change, update: {set: {plan: pro}}}
        """
    )
    contact = await engine.contact(attributes={"plan": "free"})
    await engine.event(contact, "Begun")
    standing = await engine.standing_at(contact, "stand")
    await engine.event(contact, "Upgraded")
    result = await engine.workflow(standing).result()
    assert (result["outcome"], result["reason"]) == ("exited", "condition")


async def test_an_exit_that_came_while_the_run_moved_is_seen_at_its_end(engine: Engine) -> None:
    await engine.activate(
        """
        journey: quick
        entry: {event: Begun}
        exit: [{event: Stop}]
        steps:
          - {id: mark, update: {set: {seen: true}}}
        """
    )
    contact = await engine.contact()
    async with engine.pool.connection() as conn:
        # Nothing is dispatched until both events are stored.
        await conn.execute(
            "update contact set leased_until = now() + interval '1 minute' where id = %s",
            (contact,),
        )
    await accept(engine.pool, contact, "Begun", {})
    await accept(engine.pool, contact, "Stop", {})
    async with engine.pool.connection() as conn:
        await conn.execute("update contact set leased_until = null where id = %s", (contact,))
    engine.dispatcher.nudge()
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("exited", "Stop")
