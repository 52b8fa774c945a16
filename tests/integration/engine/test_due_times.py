"""Due times: conditions that time alone makes true are noticed at their instants."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.locked_run import lock
from activities.waiting.waits import plan_within
from dispatch.due_times import DueTimes
from journeys.protocol.payloads import StepInput
from journeys.time.durations import Duration
from store.definitions.catalog import Catalog
from store.events.attribute_changes import change_attributes
from store.waits.due_listeners import make_due_by_catalog
from store.waits.listeners import check, keep_looks
from tests.support.clocked import Clocked, PlayedRun, ScriptedEvent
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, activate
from tests.support.racing import Wakes, entered_runs

Pool = AsyncConnectionPool[AsyncConnection[Any]]

ENDS = """
journey: ends
entry: {event: Begun}
steps: [{id: w, wait: {if: {attribute: ends_at, before: now}, up_to: 30d}}]
"""
WAITS = 500


async def rows(pool: Pool, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    async with pool.connection() as conn:
        cursor = await conn.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def value(pool: Pool, query: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    found = await rows(pool, query, *parameters)
    return found[0][0] if found else None


async def test_five_hundred_conditions_are_noticed_within_two_seconds_of_their_instants(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, ENDS)
    noticed: dict[UUID, datetime] = {}

    class Notes(Wakes):
        def note(self, run_id: UUID, visit: int) -> None:
            noticed.setdefault(run_id, datetime.now(UTC))

    catalog = Catalog()
    runs = await entered_runs(pool, catalog, "ends", WAITS)
    draw = random.Random(7)
    soon = datetime.now(UTC) + timedelta(seconds=3)
    instants = {run.run_id: soon + timedelta(milliseconds=draw.randint(0, 8_000)) for run in runs}
    async with pool.connection() as conn:
        await conn.execute(
            "update contact c set attributes = jsonb_build_object('ends_at', i.at)"
            " from unnest(%s::uuid[], %s::text[]) i(id, at) where c.id = i.id",
            (
                [run.contact_id for run in runs],
                [instants[run.run_id].isoformat() for run in runs],
            ),
        )
    await stand(pool)
    due_times = DueTimes(pool, Notes().watched(temporal_client), catalog)
    looking = asyncio.create_task(due_times.run())
    await eventually(lambda: len(noticed) == WAITS, timeout=30)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    late = sorted((noticed[run] - at).total_seconds() for run, at in instants.items())
    assert late[0] > 0
    assert late[WAITS * 99 // 100] < 2.0


async def stand(pool: Pool) -> None:
    """Let every run stand at its wait `w`, which has not been looked at."""
    async with pool.connection() as conn:
        await conn.execute(
            "insert into listener (run_id, visit, slot, contact_id, ref, rest, since, due_at)"
            " select id, 1, 0, contact_id, 0, true, started_at, started_at from run"
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, started_at)"
            " select id, 1, 'w', 'wait', started_at from run"
        )


async def test_a_wait_ends_at_the_instant_that_time_alone_brings(engine: Engine) -> None:
    await engine.activate(ENDS)
    ends_at = datetime.now(UTC) + timedelta(seconds=4)
    contact = await engine.contact(attributes={"ends_at": ends_at.isoformat()})
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "w")
    closed = await engine.ended(contact)
    [visit] = await engine.visits(run["id"])
    assert visit["outcome"] == "happened"
    ended_at = datetime.fromisoformat(visit["ended_at"])
    assert timedelta(0) <= ended_at - ends_at <= timedelta(microseconds=1)
    assert datetime.fromisoformat(closed["ended_at"]) - ended_at < timedelta(seconds=5)


# --------------------------------------------------------------- exact instants

ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata",
    "Australia/Lord_Howe",
)  # fmt: skip
HAPPENED = (
    # The day before clocks go back or forward, the ends of months, a leap day.
    "2026-10-24T23:30", "2026-03-28T02:30", "2026-03-07T02:30", "2026-10-31T01:30",
    "2026-01-31T12:00", "2028-02-29T08:00", "2026-08-31T23:59:59.123457",
)  # fmt: skip


@pytest.mark.parametrize("window", ["30d", "1mo", "1y"])
async def test_a_window_ends_at_its_instant_in_the_contacts_zone(
    pool: Pool, temporal_client: Client, window: str
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(datetime(2026, 1, 1, tzinfo=UTC))
    text: str | None = (
        "journey: window\nentry: {api: true}\nsteps:"
        f" [{{id: w, wait: {{if: {{not: {{event: A, within: {window}}}}}}}}}]"
    )
    for zone in ZONES:
        for local in HAPPENED[:: 1 if zone == "Europe/Paris" else 3]:
            happened = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            await clocked.to(happened)
            run = await clocked.begin(text, "window", timezone=zone)
            text = None
            await accept(pool, run.contact, "A", {})
            await clocked.to(happened + timedelta(seconds=1))
            await run.plan(happened + timedelta(seconds=1))
            assert not run.over
            await run.play([], happened + timedelta(days=400))
            visit = await run.visit()
            expected = Duration.parse(window).add_to(happened, ZoneInfo(zone))
            assert datetime.fromisoformat(visit["ended_at"]) == expected, (zone, local)


async def make_due(pool: Pool) -> None:
    """Let every condition be due."""
    async with pool.connection() as conn:
        await conn.execute("update listener set due_at = parcours.clock() where event_name is null")


# --------------------------------------------------------------- the walk

FIRST = """
journey: first
entry: {api: true}
steps: [{id: w, wait: {if: {event: A, within: 1d, count: {is: 2}}, up_to: 3d}}]
"""
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_a_condition_that_held_for_a_moment_during_an_outage_ends_the_wait_then(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    run = await clocked.begin(FIRST, "first")
    await run.plan(NOON)
    script = [ScriptedEvent(NOON + timedelta(hours=hour), "A") for hour in (1, 2, 3, 4)]
    await run.miss(script, NOON + timedelta(hours=12))
    await run.work(NOON + timedelta(hours=12))
    visit = await run.visit()
    assert visit["outcome"] == "happened"
    assert datetime.fromisoformat(visit["ended_at"]) == NOON + timedelta(hours=2)
    assert visit["facts"]["saw"] == {"event A": 2}
    assert visit["facts"]["due_outcome"] == "timed_out"
    # What came after the wait counts for the next one.
    second = "select id from event where contact_id = %s order by id offset 1 limit 1"
    ref = "select ref from run where id = %s"
    assert await value(pool, ref, run.run_id) == await value(pool, second, run.contact)


async def test_a_limit_that_came_first_wins_after_an_outage(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    run = await clocked.begin(FIRST.replace("3d", "90m"), "first")
    await run.plan(NOON)
    script = [ScriptedEvent(NOON + timedelta(hours=hour), "A") for hour in (1, 2)]
    await run.miss(script, NOON + timedelta(hours=12))
    await run.work(NOON + timedelta(hours=12))
    visit = await run.visit()
    assert visit["outcome"] == "timed_out"
    assert datetime.fromisoformat(visit["ended_at"]) == NOON + timedelta(minutes=90)


async def record(pool: Pool, run: PlayedRun, name: str, count: int, first: int) -> None:
    """Record events of a contact, one a second from noon on, with ids above `first`."""
    async with pool.connection() as conn:
        await conn.execute(
            "with e as (insert into event (id, contact_id, name, properties, stamped_at,"
            " message_id) select g + %s, %s, %s, '{}', %s + g * interval '1 second', %s || g"
            " from generate_series(1, %s) g returning id)"
            " update contact set last_event_id = (select max(id) from e) where id = %s",
            (first, run.contact, name, NOON, name, count, run.contact),
        )


async def test_ten_thousand_events_that_cannot_matter_cost_one_look(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    run = await clocked.begin(FIRST, "first")
    await run.plan(NOON)
    later = NOON + timedelta(hours=12)
    await record(pool, run, "Browsed", 10_000, first=10)
    await record(pool, run, "A", 1_000, first=20_000)
    await clocked.to(later)
    begun = asyncio.get_running_loop().time()
    await rows(
        pool, "update listener set due_at = parcours.clock() where event_name is null returning 1"
    )
    assert await clocked.due_times.drain() == 1
    await run.look(later, None)
    assert asyncio.get_running_loop().time() - begun < 5.0
    visit = await run.visit()
    assert datetime.fromisoformat(visit["ended_at"]) == NOON + timedelta(seconds=2)


async def test_a_look_that_is_too_long_goes_on_where_it_ended(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    run = await clocked.begin(FIRST.replace("is: 2", "is: 500"), "first")
    await run.plan(NOON)
    await record(pool, run, "A", 501, first=10)
    await clocked.to(NOON + timedelta(hours=12))
    await rows(
        pool, "update listener set due_at = parcours.clock() where event_name is null returning 1"
    )
    await run.work(NOON + timedelta(hours=12))
    visit = await run.visit()
    assert datetime.fromisoformat(visit["ended_at"]) == NOON + timedelta(seconds=500)


# ------------------------------------------------- what comes between a look and its record

GOLD = """
journey: golden
entry: {event: Begun}
steps: [{id: w, wait: {if: {attribute: plan, is: gold}, up_to: 1d}}]
"""
MEMBER = """
segment: chosen
if: {attribute: plan, is: gold}
---
journey: member
entry: {event: Begun}
steps: [{id: w, wait: {if: {segment: chosen}, up_to: 1d}}]
"""


async def become_gold(pool: Pool, run: PlayedRun) -> None:
    """The contact's plan becomes gold, and its event waits to be dispatched."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (run.contact,))
        await change_attributes(conn, run.contact, set_={"plan": "gold"}, unset=[], add={}, depth=0)


async def choose_silver(pool: Pool, run: PlayedRun) -> None:
    """The segment becomes one that the contact is in already."""
    await rows(
        pool,
        "update document set document = document || %s where kind = 'segment' returning 1",
        Jsonb({"if": {"attribute": "plan", "is": "silver"}}),
    )
    await rows(pool, "update catalog set revision = revision + 1 returning 1")


@pytest.mark.parametrize(
    ("text", "key", "change"),
    [(GOLD, "golden", become_gold), (MEMBER, "member", choose_silver)],
    ids=["event", "document"],
)
async def test_what_comes_between_a_look_and_its_record_is_looked_at(
    pool: Pool,
    temporal_client: Client,
    text: str,
    key: str,
    change: Callable[[Pool, PlayedRun], Awaitable[None]],
) -> None:
    clocked = Clocked(pool, temporal_client)
    run = await clocked.begin(text, key, attributes={"plan": "silver"})
    request = StepInput(run_id=run.run_id, visit=1, step="w", now=datetime.now(UTC))
    async with pool.connection() as conn:
        async with conn.transaction():
            row = await lock(conn, run.run_id)
            await plan_within(conn, clocked.context, request, row)
        # A wait that was planned just now looks at its condition, with nothing locked.
        query = (await clocked.catalog.definition(conn, key, 1)).wait_query("w")
        assert query is not None
        looked = await check(conn, query, run_id=run.run_id, visit=1)
        assert [each.holds for each in looked.looks] == [False]
        await change(pool, run)
        await clocked.dispatcher.drain()
        await make_due_by_catalog(conn, 10)
        await keep_looks(conn, looked)
    await clocked.due_times.drain()
    assert clocked.wakes.count == 1


# --------------------------------------------------------------- faults

FAULTY = """
journey: faulty
entry: {event: Begun}
steps: [{id: w, wait: {if: {attribute: ends_at, before: now}}}]
"""


BREAK = """
alter function parcours.instant(jsonb, text) rename to instant_of_before;
create function parcours.instant(value jsonb, zone text) returns timestamptz language plpgsql as
$$ begin
    if value = '"broken"' then raise 'broken'; end if;
    return parcours.instant_of_before(value, zone);
end $$
"""
MEND = """
create or replace function parcours.instant(value jsonb, zone text) returns timestamptz
language sql as $$ select '2020-01-01'::timestamptz $$
"""


async def test_a_condition_whose_look_fails_stops_no_other(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, ENDS)
    wakes = Wakes()
    catalog = Catalog()
    runs = await entered_runs(pool, catalog, "ends", 5)
    culprit, document, *others = runs
    await activate(pool, FAULTY)
    await stand(pool)
    await rows(pool, 'update contact set attributes = \'{"ends_at": "2020-01-01"}\' returning 1')
    # One version can't be read, and the statement fails for one contact.
    await rows(pool, "update run set journey = 'faulty' where id = %s returning 1", document.run_id)
    await rows(
        pool,
        "update journey_version set document = '{\"journey\": 7}' where journey = 'faulty'"
        " returning 1",
    )
    await rows(
        pool,
        'update contact set attributes = \'{"ends_at": "broken"}\' where id = %s returning 1',
        culprit.contact_id,
    )
    async with pool.connection() as conn:
        await conn.execute(BREAK)
    due_times = DueTimes(pool, wakes.watched(temporal_client), catalog)
    await due_times.drain()
    for run in others:
        await asyncio.wait_for(wakes.wait(run.run_id, 1), 10)
    faults = await rows(pool, "select run_id, activity, detail from fault order by id")
    assert {run_id for run_id, _, _ in faults} == {document.run_id, culprit.run_id}
    assert any("broken" in detail for _, _, detail in faults)
    assert all(activity == "due_times" for _, activity, _ in faults)
    waiting = (
        "select count(*) = 2 from listener where due_at > parcours.clock() + interval '3 s'"
        " and run_id = any(%s)"
    )
    assert await value(pool, waiting, [document.run_id, culprit.run_id])
    # Once the cause is gone, the next look finds what the first would have found.
    async with pool.connection() as conn:
        await conn.execute(MEND)
    await rows(
        pool, "update listener set due_at = parcours.clock() where event_name is null returning 1"
    )
    await due_times.drain()
    await asyncio.wait_for(wakes.wait(culprit.run_id, 1), 10)


async def test_a_condition_that_fails_for_all_who_listen_is_set_aside_as_one(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, ENDS)
    catalog = Catalog()
    await entered_runs(pool, catalog, "ends", 30)
    await stand(pool)
    async with pool.connection() as conn:
        await conn.execute('update contact set attributes = \'{"ends_at": "broken"}\'')
        await conn.execute(BREAK)
    await DueTimes(pool, temporal_client, catalog).drain()
    later = "select count(*) from listener where due_at > parcours.clock() + interval '3 s'"
    assert await value(pool, later) == 30
    faults = await rows(pool, "select subject from fault order by id")
    # Two listeners were tried alone before the third showed that it is the condition.
    assert len(faults) == 3
    assert faults[-1] == ("condition ends v1 w",)


# --------------------------------------------------------------- facts


async def test_a_fact_says_what_a_wait_would_have_ended_as(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    text = "journey: limited\nentry: {api: true}\nsteps: [{id: w, wait: {event: A, up_to: 1d}}]"
    run = await clocked.begin(text, "limited")
    await run.plan(NOON)
    await run.play([ScriptedEvent(NOON + timedelta(hours=1), "A")], NOON + timedelta(hours=2))
    visit = await run.visit()
    assert visit["outcome"] == "happened"
    assert visit["facts"]["due_outcome"] == "timed_out"
    assert "ends" not in visit["facts"]


async def test_a_wait_that_was_planned_before_ends_as_its_fact_says(
    pool: Pool, temporal_client: Client
) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(NOON)
    text = "journey: limited\nentry: {api: true}\nsteps: [{id: w, wait: {for: 2d, up_to: 1d}}]"
    run = await clocked.begin(text, "limited")
    await run.plan(NOON)
    async with pool.connection() as conn:
        await conn.execute(
            "update visit set facts = facts - 'due_outcome' || '{\"ends\": \"timed_out\"}'"
        )
    await run.play([], NOON + timedelta(days=1))
    assert (await run.visit())["outcome"] == "timed_out"
