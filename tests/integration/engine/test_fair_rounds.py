"""Rounds of a dispatcher: bounded, oldest event of each contact first, leased, one set at a time.

No worker is at work: dispatchers are driven by hand.
"""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from dispatch.leases import Leases
from store.definitions.catalog import Catalog
from store.events.dead_events import replay_dead_events
from store.events.outbox import lease_contacts, release_contacts, renew_lease
from store.waits.listener_candidates import fired_among
from store.waits.listeners import first_fired
from tests.support.bystanders import accept_of_each
from tests.support.conditions import eventually
from tests.support.engine import accept, activate, make_contact
from tests.support.racing import Wakes, at_work, entered_runs
from tests.support.segments import SegmentsAtWork
from tests.support.slow_windows import slow_windows

Pool = AsyncConnectionPool[AsyncConnection[Any]]


def journey(key: str, entry: str, rules: str = "") -> str:
    return f"""
journey: {key}
entry: {entry}
re_entry: always
{rules}
steps:
  - {{id: stand, wait: {{event: Never}}}}
"""


class Office:
    """A dispatcher, and what it led to."""

    def __init__(self, pool: Pool, client: Client) -> None:
        self.pool = pool
        self.wakes = Wakes()
        self.client = self.wakes.watched(client)
        self.catalog = Catalog()
        self.dispatcher = Dispatcher(pool, self.client, self.catalog)

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def flood(self, contacts: list[UUID], name: str, properties: str = "{}") -> None:
        async with self.pool.connection() as conn:
            await accept_of_each(conn, contacts, name, properties)

    async def entered(self, contact: UUID) -> int:
        [[count]] = await self.rows("select count(*) from run where contact_id = %s", contact)
        return int(count)


@pytest.fixture
def office(pool: Pool, temporal_client: Client) -> Office:
    return Office(pool, temporal_client)


async def test_a_contact_with_thousands_of_events_takes_one_place_in_a_round(
    office: Office,
) -> None:
    await activate(office.pool, journey("often", "{event: Often}"))
    busy = await make_contact(office.pool)
    others = [await make_contact(office.pool) for _ in range(5)]
    await office.flood([busy] * 3_000, "Often")
    await office.flood(others, "Often")
    await office.dispatcher.round()
    # The busy one has the 3,000 oldest events.
    assert 1 <= await office.entered(busy) <= 10
    assert [await office.entered(contact) for contact in others] == [1] * 5


async def test_an_event_that_enters_many_journeys_takes_several_rounds_and_its_next_waits(
    office: Office,
) -> None:
    for number in range(25):
        await activate(office.pool, journey(f"one-{number}", "{event: All}"))
    await activate(office.pool, journey("after", "{event: After}"))
    contact = await make_contact(office.pool)
    await accept(office.pool, contact, "All", {})
    await accept(office.pool, contact, "After", {})
    counts = []
    while await office.dispatcher.round():
        counts.append(await office.entered(contact))
    assert counts == [10, 20, 26]
    order = await office.rows("select journey from run order by started_at desc limit 1")
    assert order == [("after",)]
    assert await office.rows("select count(*) from run where workflow_started_at is null") == [(0,)]
    assert await office.rows("select 1 from outbox") == []


async def test_an_event_that_ends_many_runs_takes_several_rounds_and_wakes_each_once(
    office: Office,
) -> None:
    rules = "exit: [{event: Stop}]"
    await activate(office.pool, journey("many", "{event: Begun, key: n}", rules))
    await activate(office.pool, journey("after", "{event: Stop}"))
    contact = await make_contact(office.pool)
    for number in range(33):
        await accept(office.pool, contact, "Begun", {"n": number})
    await office.dispatcher.drain()
    assert await office.entered(contact) == 33
    await accept(office.pool, contact, "Stop", {})
    counts = []
    while await office.dispatcher.round():
        counts.append((office.wakes.count, await office.entered(contact)))
    # Exits act first, then entries.
    assert counts == [(10, 33), (20, 33), (30, 33), (33, 34)]


async def test_of_many_journeys_no_more_are_considered_in_a_round_than_it_can_take(
    office: Office,
) -> None:
    for number in range(120):
        entry = f"{{event: All, where: {{n: {number}}}}}"
        await activate(office.pool, journey(f"one-{number:03}", entry))
    contact = await make_contact(office.pool)
    await accept(office.pool, contact, "All", {"n": 110})
    assert await office.dispatcher.round() == 1
    assert await office.rows("select after_journey from outbox") == [("one-099",)]
    await office.dispatcher.drain()
    assert await office.rows("select journey from run") == [("one-110",)]


async def test_entries_wait_for_no_segment_of_a_busy_contact(office: Office) -> None:
    work = SegmentsAtWork(office.pool)
    await work.save_filled("segment: heavy\nif: {event: Hot, within: 1mo, count: {gte: 20}}")
    await activate(office.pool, journey("plain", "{event: Plain}"))
    busy, *others = [await make_contact(office.pool) for _ in range(8)]
    await slow_windows(office.pool, 0.1)
    await office.flood([busy] * 20, "Hot")
    await office.flood(others, "Plain")
    # Judging the busy contact at its events takes twenty seconds and more.
    await office.dispatcher.round()
    assert await office.rows("select count(*) from run") == [(len(others),)]
    assert await work.members("heavy") == set()
    await slow_windows(office.pool, 0)
    await work.drain()
    assert await work.members("heavy") == {busy}
    [(after,)] = await office.rows(
        "select (select max(started_at) from run) < min(recorded_at) from segment_change"
    )
    assert after


async def test_a_later_event_of_the_round_ends_a_run_that_begins_in_it(office: Office) -> None:
    rules = "exit: [{event: Stop, where: {n: {gte: 2}}}]"
    await activate(office.pool, journey("brief", "{event: Begun}", rules))
    contact = await make_contact(office.pool)
    for name, n in (("Begun", 0), ("Stop", 1), ("Stop", 2)):
        await accept(office.pool, contact, name, {"n": n})
    await office.dispatcher.round()
    assert office.wakes.count == 1


async def test_the_lease_of_a_round_is_renewed_and_ended_by_its_owner_alone(office: Office) -> None:
    contact = await make_contact(office.pool)
    await accept(office.pool, contact, "X", {})
    mine, other = uuid4(), uuid4()
    short, long = timedelta(milliseconds=1), timedelta(minutes=1)
    options: Any = {"limit": 10, "events": 10, "depth": 100}
    async with office.pool.connection() as conn:
        assert (await lease_contacts(conn, mine, time=short, **options)).contacts == [contact]

        async def passed_on() -> bool:
            leased = await lease_contacts(conn, other, time=long, **options)
            return leased.contacts == [contact]

        await eventually(passed_on)
        # It was too slow: what it does now must not end the other's lease.
        assert await renew_lease(conn, mine, [contact], long) == 0
        await release_contacts(conn, mine, [contact])
        assert (await lease_contacts(conn, mine, time=long, **options)).contacts == []
        assert await renew_lease(conn, other, [contact], long) == 1
        await release_contacts(conn, other, [contact])
        assert (await lease_contacts(conn, mine, time=long, **options)).contacts == [contact]


async def test_the_end_of_a_lease_waits_for_nothing_that_holds_a_contact(office: Office) -> None:
    contacts = sorted([await make_contact(office.pool) for _ in range(3)])
    for contact in contacts:
        await accept(office.pool, contact, "X", {})
    leases = Leases(office.pool)
    open_leases = "select id from contact where leased_until is not null"
    async with office.pool.connection() as conn:
        leased = await leases.take(conn, 10)
        assert sorted(leased.contacts) == contacts
        async with office.pool.connection() as other, other.transaction():
            await other.execute("select from contact where id = %s for update", (contacts[1],))
            # It ends in any case; that it does so before the transaction above is the point.
            await asyncio.wait_for(leases.release(conn, leased, [], timedelta()), 30)
            assert leases.any_left
            assert await office.rows(open_leases) == [(contacts[1],)]
            assert sorted((await leases.take(conn, 10)).contacts) == [contacts[0], contacts[2]]
        # As soon as it is free, its lease ends, and it is taken in the same round.
        assert (await leases.take(conn, 10)).contacts == [contacts[1]]
    assert not leases.any_left


async def test_a_round_that_takes_longer_than_its_lease_keeps_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await activate(office.pool, journey("slow", "{event: Begun}"))
    contact = await make_contact(office.pool)
    await accept(office.pool, contact, "Begun", {})
    go_on = asyncio.Event()
    reached = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> None:
        reached.set()
        await go_on.wait()

    monkeypatch.setattr("dispatch.round.start_journey", slow)
    monkeypatch.setattr("dispatch.temporal._PATIENCE", 60.0)
    lease = timedelta(milliseconds=300)
    first = Dispatcher(office.pool, office.client, office.catalog, lease=lease)
    async with at_work(first.round()):
        await reached.wait()
        [[begun]] = await office.rows("select now()")

        async def later() -> bool:
            # The second dispatcher gets nothing, also long after the first lease would be over.
            assert await office.dispatcher.round() == 0
            [[now]] = await office.rows("select now()")
            return bool(now - begun > 4 * lease)

        await eventually(later, every=0.1)
        go_on.set()

        async def done() -> bool:
            return await office.rows("select 1 from outbox") == []

        await eventually(done)


async def test_an_event_that_always_fails_is_dead_in_the_end_and_its_contact_goes_on(
    office: Office,
) -> None:
    await activate(office.pool, journey("victim", "{event: Begun}"))
    await activate(office.pool, journey("spared", "{event: Begun}"))
    await office.rows(
        "create function refuse() returns trigger language plpgsql as $$ begin"
        " if new.journey = 'victim' then raise exception 'refused for a test'; end if;"
        " return new; end $$"
    )
    await office.rows(
        "create trigger refuse before insert on run for each row execute function refuse()"
    )
    contact = await make_contact(office.pool)
    failing = await accept(office.pool, contact, "Begun", {})
    last = await accept(office.pool, contact, "Nothing Special", {})
    delays = []
    while await office.dispatcher.round():
        delays += await office.rows(
            "select round(extract(epoch from not_before - now())) from outbox"
            " where not_before > now()"
        )
        await office.rows("update outbox set not_before = now() where event_id = %s", failing)
    assert [int(delay) for [delay] in delays] == [1, 2, 4, 8, 16]
    assert await office.rows("select event_id, contact_id, code from dead_event") == [
        (failing, contact, "internal")
    ]
    # The journey that can take it has it, once.
    assert await office.rows("select journey, entry_event_id from run") == [("spared", failing)]
    assert await office.rows("select 1 from outbox where event_id = %s", last) == []
    [[subject, detail]] = await office.rows("select subject, detail from fault")
    assert subject == f"event {failing}"
    assert "refused for a test" in detail
    # Once the fault is repaired, an operator has it dispatched again: nothing is done twice.
    await office.rows("drop trigger refuse on run")
    for again in ([failing], []):
        async with office.pool.connection() as conn, conn.transaction():
            assert await replay_dead_events(conn, [failing, last]) == again
        while await office.dispatcher.round():
            pass
        assert await office.rows(
            "select journey, entry_event_id from run order by journey desc"
        ) == [("victim", failing), ("spared", failing)]
    assert await office.rows("select 1 from outbox union all select 1 from dead_event") == []


async def test_many_listeners_are_tested_by_one_statement_as_each_alone(office: Office) -> None:
    rules = "exit: [{event: Stop, where: {n: {gt: 5}}}, {event: Stop, where: {n: {lt: 1}}}]"
    await activate(office.pool, journey("many", "{event: Begun}", rules))
    runs = await entered_runs(office.pool, office.catalog, "many", 12)
    for number, run in enumerate(runs):
        await accept(office.pool, run.contact_id, "Stop", {"n": number})
    async with office.pool.connection() as conn:
        exits = (await office.catalog.definition(conn, "many", 1)).exits
        assert exits is not None
        found = await fired_among(conn, exits, [(run.run_id, 0) for run in runs])
        alone = {
            (run.run_id, 0)
            for run in runs
            if await first_fired(conn, exits, run_id=run.run_id, visit=0) is not None
        }
    assert found == alone == {(run.run_id, 0) for run in (runs[0], *runs[6:])}
