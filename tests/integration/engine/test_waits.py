"""Waits: what ends one, what it is called, and that nothing falls between two of them.

Closing late, after an outage, is in `test_late_wakes`; thousands of races are in `test_races`.
"""

import asyncio
import random
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool

from activities.waiting.waits import close, plan
from journeys.protocol.payloads import StepInput, StepResult
from store.events.attribute_changes import change_attributes
from store.events.recording import NewEvent, record_events
from tests.support.engine import Engine, accept, activate
from tests.support.racing import Bare, bare_runs, context_of, eventually_none, in_turn


def journey(steps: str, rules: str = "") -> str:
    return f"journey: waits\nentry: {{event: Begun}}\n{rules}\nsteps:\n{steps}"


async def together(engine: Engine, contact: UUID, *names: str) -> list[int]:
    """Accept events at once, before anybody can act on the first; their ids."""
    async with engine.pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        ids = await record_events(conn, contact, [NewEvent(name, {}) for name in names])
    engine.dispatcher.nudge()
    return ids


async def begun(engine: Engine, text: str, step: str, **columns: Any) -> UUID:
    """A contact whose run stands at a step."""
    await engine.activate(text)
    contact = await engine.contact(**columns)
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, step)
    return contact


async def test_whole_runs_miss_nothing_and_count_nothing_twice(engine: Engine) -> None:
    await engine.activate(
        journey(
            "  - {id: first, wait: {event: Ping}}\n"
            "  - {id: second, wait: {event: Ping}}\n"
            "  - {id: third, wait: {event: Pong}}\n"
        )
    )
    contacts = [await engine.contact() for _ in range(60)]
    turns = random.Random(5)

    async def one(contact: UUID, order: list[str]) -> None:
        await engine.event(contact, "Begun")
        for name in order:
            await engine.event(contact, name)

    orders = [["Ping", "Ping", "Pong"] for _ in contacts]
    for order in orders:
        if turns.random() < 0.5:
            # A Pong too early, when the run waits for something else, counts for nothing.
            order.insert(0, "Pong")
    await in_turn(8, [partial(one, *each) for each in zip(contacts, orders, strict=True)])
    await eventually_none(
        engine.pool,
        "select from contact c where not exists"
        " (select from run r where r.contact_id = c.id and r.state = 'ended')",
    )
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            """
            select array_agg((v.facts->>'event_id')::bigint order by v.visit),
                   (select array_agg(e.id order by e.id) from event e
                    where e.contact_id = r.contact_id)
            from run r join visit v on v.run_id = r.id group by r.id
            """
        )
        rows = await cursor.fetchall()
    assert len(rows) == len(contacts)
    assert all(ended_by == events[-3:] for ended_by, events in rows)


TWO = journey("  - {id: first, wait: {event: A}}\n  - {id: second, wait: {event: B}}\n")


async def test_events_in_one_burst_end_two_waits_in_a_row(engine: Engine) -> None:
    contact = await begun(engine, TWO, "first")
    await together(engine, contact, "A", "B")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("first", "happened"), ("second", "happened")]


async def test_an_event_before_the_one_that_ended_the_last_wait_ends_no_other(
    engine: Engine,
) -> None:
    contact = await begun(engine, TWO, "first")
    await together(engine, contact, "B", "A")
    run = await engine.standing_at(contact, "second")
    later = await engine.event(contact, "B")
    await engine.ended(contact)
    [_, second] = await engine.visits(run["id"])
    assert (second["outcome"], second["facts"]["event_id"]) == ("happened", later)


async def test_a_wait_since_entry_counts_what_came_during_earlier_waits(engine: Engine) -> None:
    contact = await begun(
        engine,
        journey(
            "  - {id: first, wait: {event: A}}\n  - {id: second, wait: {event: B, since: entry}}\n"
        ),
        "first",
    )
    [early, _] = await together(engine, contact, "B", "A")
    run = await engine.ended(contact)
    assert (await engine.visits(run["id"]))[1]["facts"]["event_id"] == early


async def test_a_wait_since_now_counts_only_what_comes_once_it_has_begun(engine: Engine) -> None:
    contact = await begun(
        engine,
        journey(
            "  - {id: first, wait: {event: A}}\n  - {id: second, wait: {event: B, since: now}}\n"
        ),
        "first",
    )
    await together(engine, contact, "A", "B")
    run = await engine.standing_at(contact, "second")
    later = await engine.event(contact, "B")
    await engine.ended(contact)
    assert (await engine.visits(run["id"]))[1]["facts"]["event_id"] == later


async def test_the_entry_event_itself_ends_no_wait(engine: Engine) -> None:
    contact = await begun(engine, journey("  - {id: again, wait: {event: Begun}}\n"), "again")
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("again", "happened")]


async def test_a_wait_for_any_ends_by_the_name_of_the_first(engine: Engine) -> None:
    contact = await begun(
        engine,
        journey(
            "  - id: which\n"
            "    wait:\n"
            "      any:\n"
            "        - {name: demo, event: Demo, where: {size: {gte: 3}}}\n"
            "        - {name: rich, if: {attribute: score, gte: 100}}\n"
            "        - {name: call, event: Call}\n"
            "      up_to: 1d\n"
            "  - {id: kept, update: {set: {size: {step: which, property: event.size}}}}\n"
        ),
        "which",
    )
    await engine.event(contact, "Demo", size=2)
    await engine.event(contact, "Demo", size=3)
    await engine.event(contact, "Call")
    run = await engine.ended(contact)
    assert (await engine.path(run["id"]))[0] == ("which", "demo")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select attributes from contact where id = %s", (contact,))
        assert await cursor.fetchone() == ({"size": 3},)


async def test_a_wait_ends_by_its_time_and_leaves_later_events_to_the_next(engine: Engine) -> None:
    contact = await begun(
        engine,
        journey("  - {id: short, wait: {event: A, up_to: 1s}}\n  - {id: next, wait: {event: A}}\n"),
        "next",
    )
    await engine.event(contact, "A")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("short", "timed_out"), ("next", "happened")]


# ------------------------------------------------------------------------------ message statuses

STATUS = journey(
    "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}\n"
    "  - {id: ready, wait: {event: Ready}}\n"
    "  - {id: opened, wait: {message: mail, is: opened, up_to: 1d}}\n"
    "  - {id: again, wait: {message: mail, is: opened, up_to: 1d}}\n"
)


async def test_a_message_status_counts_since_its_send_and_ends_several_waits(
    engine: Engine,
) -> None:
    contact = await begun(engine, STATUS, "ready", email="ada@example.com")
    await engine.event(contact, "Message Opened", step="mail")
    await engine.event(contact, "Ready")
    run = await engine.ended(contact)
    assert (await engine.path(run["id"]))[2:] == [("opened", "happened"), ("again", "happened")]


async def test_a_message_that_a_machine_opened_was_not_opened(engine: Engine) -> None:
    contact = await begun(engine, STATUS, "ready", email="ada@example.com")
    await engine.event(contact, "Message Opened", step="mail", by="machine")
    await engine.event(contact, "Ready")
    await engine.standing_at(contact, "opened")
    await engine.event(contact, "Message Opened", step="mail", by="unknown")
    run = await engine.ended(contact)
    assert (await engine.path(run["id"]))[2] == ("opened", "happened")


async def test_a_wait_on_a_message_that_was_not_sent_times_out_at_once(engine: Engine) -> None:
    contact = await begun(engine, STATUS, "ready")
    await engine.event(contact, "Ready")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [
        ("mail", "skipped"),
        ("ready", "happened"),
        ("opened", "timed_out"),
        ("again", "timed_out"),
    ]


# ------------------------------------------------------------------------------------- conditions

BECOMES = journey("  - {id: gold, wait: {if: {attribute: plan, is: gold}, up_to: 1d}}\n")


async def test_a_wait_for_what_is_true_already_ends_at_once(engine: Engine) -> None:
    await engine.activate(BECOMES)
    contact = await engine.contact(attributes={"plan": "gold"})
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("gold", "happened")]


async def test_a_wait_for_a_condition_ends_once_a_change_makes_it_true(engine: Engine) -> None:
    contact = await begun(engine, BECOMES, "gold", attributes={"plan": "free"})
    await engine.event(contact, "Anything")
    for plan_ in ("silver", "gold"):
        async with engine.pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where id = %s for no key update", (contact,))
            await change_attributes(conn, contact, set_={"plan": plan_}, unset=[], add={}, depth=0)
        engine.dispatcher.nudge()
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("gold", "happened")]


# ----------------------------------------------------------------- an event at the due time itself


@pytest.mark.parametrize(
    ("after", "outcome", "following"),
    [
        ("-1 microsecond", "happened", None),
        ("0", "happened", None),
        ("1 microsecond", "timed_out", "happened"),
    ],
)
async def test_an_event_at_the_due_time_wins_and_a_later_one_is_left_for_the_next_wait(
    pool: AsyncConnectionPool[Any], after: str, outcome: str, following: str | None
) -> None:
    await activate(
        pool,
        journey(
            "  - {id: first, wait: {event: A, up_to: 1h}}\n"
            "  - {id: second, wait: {event: A, up_to: 1h}}\n"
        ),
    )
    [run] = await bare_runs(pool, "waits", 1)
    planned = await planned_at(pool, run, 1, "first")
    await accept(pool, run.contact_id, "A", {})
    async with pool.connection() as conn:
        await conn.execute(
            "update event set stamped_at = %s::timestamptz + %s::interval", (planned.due, after)
        )
        # Woken by the timer, hours late.
        given = StepInput(
            run_id=run.run_id, visit=1, step="first", now=datetime.now(UTC), due=planned.due
        )
        closed = await close(conn, context_of(pool), given)
    assert closed == StepResult(outcome=outcome)
    assert (await planned_at(pool, run, 2, "second")).outcome == following


async def planned_at(
    pool: AsyncConnectionPool[Any], run: Bare, visit: int, step: str
) -> StepResult:
    """Plan a wait."""
    given = StepInput(run_id=run.run_id, visit=visit, step=step, now=datetime.now(UTC))
    async with pool.connection() as conn:
        return await plan(conn, context_of(pool), given)


async def test_a_wait_after_a_late_one_begins_where_that_was_due(
    pool: AsyncConnectionPool[Any],
) -> None:
    await activate(pool, journey("  - {id: day, wait: 1d}\n  - {id: hour, wait: 1h}\n"))
    [run] = await bare_runs(pool, "waits", 1)
    day = await planned_at(pool, run, 1, "day")
    assert day.due is not None
    async with pool.connection() as conn:
        # As if the day had been over for two hours when somebody noticed.
        await conn.execute(
            "update visit set started_at = started_at - interval '26 hours',"
            " due_at = due_at - interval '26 hours' returning due_at"
        )
        [[due]] = await (await conn.execute("select due_at from visit")).fetchall()
        given = StepInput(run_id=run.run_id, visit=1, step="day", now=datetime.now(UTC), due=due)
        assert await close(conn, context_of(pool), given) == StepResult(outcome="elapsed")
    hour = await planned_at(pool, run, 2, "hour")
    assert hour.due is not None
    assert (hour.due - due).total_seconds() == 3600
    assert hour.due < datetime.now(UTC)


async def test_a_wait_planned_twice_at_once_is_planned_once(
    pool: AsyncConnectionPool[Any],
) -> None:
    await activate(pool, journey("  - {id: first, wait: {event: A, up_to: 1h}}\n"))
    runs = await bare_runs(pool, "waits", 20)
    for run in runs:
        results = await asyncio.gather(*(planned_at(pool, run, 1, "first") for _ in range(3)))
        assert results[0].due is not None
        assert all(result == results[0] for result in results)
