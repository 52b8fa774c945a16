"""Segments under concurrency, faults and merges: exactly once, and a fault stays where it is."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.contact_merging import merge_contacts
from store.events.ingest import take
from store.events.items import Accepted, Item, Sender
from store.events.transactions import repeating
from store.segments.generations import share_gate
from store.segments.judging import judge_contacts
from store.segments.live import evaluate_segment
from store.segments.membership import members_page
from store.segments.merged_contacts import MergedSegments
from tests.support.segments import SegmentsAtWork

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SEGMENTS = """\
segment: active
if: {event: Bought, within: 1h}
---
segment: buyers
if: {event: Bought}
---
segment: here
if: {attribute: country, is: FR}
"""


@pytest.fixture
async def work(pool: Pool) -> SegmentsAtWork:
    """What keeps segments, with a clock that stands at noon."""
    found = SegmentsAtWork(pool)
    await found.stop_clock(NOON)
    return found


async def alternates(work: SegmentsAtWork) -> bool:
    """Whether entered and left alternate in each history and in events, and agree with members."""
    for table in (
        "select contact_id, segment, entered, id from segment_change",
        """
        select contact_id, properties ->> 'segment', name = 'Segment Entered', id from event
        where name like 'Segment %%'
        """,
    ):
        rows = await work.rows(f"{table} order by 4")
        last: dict[tuple[UUID, str], bool] = {}
        for contact, segment, entered, _ in rows:
            if last.get((contact, segment), False) == entered:
                return False
            last[(contact, segment)] = entered
        members = await work.rows("select contact_id, segment from segment_member")
        if {key for key, entered in last.items() if entered} != set(members):
            return False
    return True


async def test_two_dispatchers_and_drainers_that_are_killed_judge_exactly_once(
    work: SegmentsAtWork, pool: Pool
) -> None:
    await work.save_filled(SEGMENTS)
    contacts = [await work.contact(country="FR") for _ in range(40)]
    others = [SegmentsAtWork(pool) for _ in range(2)]

    async def dispatch(one: SegmentsAtWork) -> None:
        while True:
            await one.dispatch()
            await one.drain()

    for round_number in range(6):
        await work.to(NOON + timedelta(minutes=40 * round_number))
        tasks = [asyncio.create_task(dispatch(each)) for each in others]
        for number, contact in enumerate(contacts):
            if (number + round_number) % 3:
                await work.event(contact, "Bought")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await work.rows("update contact set leased_until = null returning 1")
    await work.to(NOON + timedelta(days=1))
    await work.dispatch()
    await work.drain()
    assert await alternates(work)
    assert await work.members("buyers") == await work.members("here") == set(contacts)
    assert await work.members("active") == set()
    assert set((await work.check()).values()) == {0}
    counts = Counter(
        await work.rows("select segment, contact_id from segment_change where segment <> 'active'")
    )
    assert set(counts.values()) == {1}


async def test_a_stored_condition_that_cannot_be_read_disables_its_segment_alone(
    work: SegmentsAtWork,
) -> None:
    await work.save_filled(SEGMENTS)
    contact = await work.contact(country="FR")
    await work.event(contact, "Bought")
    await work.dispatch()
    await work.rows(
        "update segment_generation set condition = '{\"nonsense\": 1}' where segment = 'active'"
        " returning 1"
    )
    fresh = SegmentsAtWork(work.pool)
    second = await work.contact(country="FR")
    await work.event(second, "Bought")
    await work.to(NOON + timedelta(hours=2))
    await fresh.dispatch()
    await fresh.drain()
    assert await work.members("buyers") == await work.members("here") == {contact, second}
    assert await work.members("active") == {contact}
    # It waits until the segment can be read.
    assert await work.rows("select attempts from segment_due") == [(1,)]
    faults = await work.rows("select distinct subject from fault")
    assert faults == [("segment active",)]
    assert await fresh.drain() == 0


MONTH = """\
segment: month
if: {event: Bought, within: 1mo}
---
segment: buyers
if: {event: Bought}
"""
FAILING_ZONE = """
create or replace function parcours.zone(name text, fallback text) returns text
language plpgsql stable as $$ begin
    if name = '%s' or '%s' = 'all' then raise 'no such zone'; end if;
    return coalesce(name, fallback);
end $$
"""


async def fail_in_zone(work: SegmentsAtWork, zone: str) -> None:
    """Let every condition with a calendar fail for contacts of a zone, or for all."""
    async with work.pool.connection() as conn:
        await conn.execute((FAILING_ZONE % (zone, zone)).encode())


async def test_a_contact_that_a_segment_cannot_judge_is_set_aside_for_it_alone(
    work: SegmentsAtWork,
) -> None:
    await work.save_filled(MONTH)
    healthy, broken = await work.contact(), await work.contact(timezone="Europe/Rome")
    await fail_in_zone(work, "Europe/Rome")
    for contact in (broken, healthy):
        await work.event(contact, "Bought")
    await work.dispatch()
    await work.drain()
    await work.dispatch()
    assert await work.rows("select 1 from outbox") == []
    assert await work.rows("select 1 from dead_event") == []
    assert await work.members("buyers") == {healthy, broken}
    assert await work.members("month") == {healthy}
    assert await work.rows("select subject, contact_id from fault") == [
        (f"segment month contact {broken}", broken)
    ]
    # It is due again, later each time, and nothing else waits for it.
    again = "select attempts, take_at - parcours.clock() from segment_due where contact_id = %s"
    assert await work.rows(again, broken) == [(1, timedelta(seconds=5))]
    await work.to(NOON + timedelta(seconds=5))
    await work.drain()
    [(attempts, delay)] = await work.rows(again, broken)
    assert attempts == 2
    assert delay > timedelta(seconds=5)
    await fail_in_zone(work, "nowhere")
    await work.to(NOON + timedelta(minutes=1))
    await work.drain()
    assert await work.members("month") == {healthy, broken}
    # As of its event, however late that was.
    assert await work.changes("month", broken) == [(True, NOON, "event")]
    assert set((await work.check()).values()) == {0}


async def test_a_fill_leaves_out_the_contact_alone_that_it_cannot_judge(
    work: SegmentsAtWork,
) -> None:
    contacts = sorted([await work.contact() for _ in range(45)])
    culprit = contacts[30]
    for contact in contacts:
        await work.event(contact, "Bought")
    await work.rows("update contact set timezone = 'Asia/Tokyo' where id = %s returning 1", culprit)
    await work.dispatch()
    jobs = await work.save(MONTH)
    await fail_in_zone(work, "Asia/Tokyo")
    for job in jobs:
        assert (await work.fill(job)).state == "done"
    assert await work.members("month") == {*contacts} - {culprit}
    assert await work.rows("select done from job where subject = 'month'") == [(45,)]
    assert await work.rows("select contact_id, attempts from segment_due where attempts > 0") == [
        (culprit, 1)
    ]


async def test_a_segment_that_fails_for_all_is_at_fault_itself(work: SegmentsAtWork) -> None:
    await work.save_filled(MONTH)
    contacts = [await work.contact() for _ in range(25)]
    await fail_in_zone(work, "all")
    for contact in contacts:
        await work.event(contact, "Bought")
    await work.dispatch()
    await work.drain()
    assert await work.members("buyers") == set(contacts)
    assert await work.rows("select count(*) from segment_due where attempts = 1") == [(25,)]
    # Two contacts, until the third says that it is the segment.
    faults = await work.rows("select contact_id is null, count(*) from fault group by 1 order by 1")
    assert faults == [(False, 2), (True, 1)]


async def test_merged_contacts_are_judged_again_by_all_segments(work: SegmentsAtWork) -> None:
    await work.save_filled(
        "segment: often\nif: {event: Bought, count: {gte: 2}, within: 1d}\n---\n"
        "segment: new\nif: {not: {event: Bought}}"
    )
    items = [
        Item(kind="track", message_id="1", name="Bought", anonymous_id="visitor"),
        Item(kind="track", message_id="2", name="Bought", user_id="known"),
    ]
    await take(work.pool, items, limit_per_minute=100)
    await work.dispatch()
    assert await work.members("often") == set()
    await work.to(NOON + timedelta(minutes=1))
    merge = Item(kind="identify", message_id="3", user_id="known", anonymous_id="visitor")
    await take(work.pool, [merge], limit_per_minute=100)
    await work.dispatch()
    await work.drain()
    [(known,)] = await work.rows("select id from contact")
    assert await work.members("often") == {known}
    [(entered, _, by)] = await work.changes("often", known)
    assert (entered, by) == (True, "merge")
    assert await work.rows("select contact_id from segment_due") == [(known,)]
    assert set((await work.check()).values()) == {0}


@pytest.mark.parametrize("called", ["merge", "alias"])
async def test_known_contacts_are_judged_in_the_transaction_that_merges_them(
    work: SegmentsAtWork, pool: Pool, called: str
) -> None:
    await work.save_filled(
        "segment: often\nif: {event: Bought, count: {gte: 2}, within: 1d}\n---\n"
        "segment: once\nif: {event: Bought}\n---\n"
        "segment: recent\nif: {event: Bought, within: 30s}"
    )
    younger, older = (
        await work.contact(external_id="younger"),
        await work.contact(external_id="older", created_at=NOON - timedelta(days=1)),
    )
    for contact in (older, younger):
        await work.event(contact, "Bought")
    # Nothing was dispatched yet: what each of them did comes before what they are together.
    await work.to(NOON + timedelta(minutes=1))
    if called == "merge":
        segments = MergedSegments(work.catalog)
        await repeating(
            pool, lambda conn: merge_contacts(conn, ("younger", "older"), segments=segments)
        )
    else:
        item = Item(kind="alias", message_id="1", user_id="older", previous_id="younger")
        answers = await take(
            pool,
            [item],
            limit_per_minute=100,
            sender=Sender("operate", trusted=True),
            segments=lambda: MergedSegments(work.catalog),
        )
        assert [type(each) for each in answers] == [Accepted], answers
    assert await work.rows("select id from contact") == [(older,)]
    assert await work.members("often") == await work.members("once") == {older}
    assert await work.changes("often", older) == [(True, NOON + timedelta(minutes=1), "merge")]
    assert await work.changes("once", older) == [(True, NOON, "event")]
    assert await work.changes("recent", older) == [
        (True, NOON, "event"),
        (False, NOON + timedelta(seconds=30), "time"),
    ]
    assert await work.rows("select segment from segment_due") == [("often",)]
    await work.dispatch()
    await work.drain()
    assert len(await work.changes("once", older)) == 1
    assert set((await work.check()).values()) == {0}


async def test_a_merge_waits_for_no_segment_that_takes_long(
    work: SegmentsAtWork, pool: Pool
) -> None:
    await work.save_filled(MONTH)
    for name, day in (("older", 1), ("younger", 2)):
        contact = await work.contact(external_id=name, created_at=NOON - timedelta(days=9 - day))
        await work.event(contact, "Bought")
    await fail_in_zone(work, "all")
    segments = MergedSegments(work.catalog)
    await repeating(
        pool, lambda conn: merge_contacts(conn, ("younger", "older"), segments=segments)
    )
    assert await work.rows("select external_id from contact") == [("older",)]
    assert await work.rows("select segment from segment_due") == [("",)]
    await work.drain()
    [(left,)] = await work.rows("select id from contact")
    assert await work.members("buyers") == {left}


async def test_contacts_are_judged_by_another_transaction_with_its_reason(
    work: SegmentsAtWork,
) -> None:
    """As an import does, whose events have no row in the outbox."""
    await work.save_filled(SEGMENTS)
    contact = await work.contact(country="FR")
    async with work.pool.connection() as conn, conn.transaction():
        await share_gate(conn)
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await conn.execute(
            "insert into event (id, contact_id, name, message_id, source, client_at)"
            " values (nextval('event_id_seq'), %s, 'Bought', 'x', 'import', %s)",
            (contact, NOON - timedelta(minutes=20)),
        )
        judged = await judge_contacts(conn, work.catalog, [contact], by="import")
    assert len(judged.changes) == 3
    # What its first event alone brought about is said to be so.
    assert await work.changes("here", contact) == [(True, NOON, "event")]
    assert [each[2] for each in await work.changes("active", contact)] == ["event"]
    await work.to(NOON + timedelta(minutes=40))
    await work.drain()
    assert (await work.changes("active", contact))[1:] == [
        (False, NOON + timedelta(minutes=40), "time")
    ]


async def test_members_are_paged_and_a_segment_is_judged_live(work: SegmentsAtWork) -> None:
    contacts = sorted([await work.contact(country="FR") for _ in range(7)])
    await work.dispatch()
    await work.save_filled(SEGMENTS)
    async with work.pool.connection() as conn:
        first = await members_page(conn, "here", None, 3)
        assert first == contacts[:3]
        assert await members_page(conn, "here", first[-1], 10) == contacts[3:]
        assert await evaluate_segment(conn, work.catalog, "here", contacts) == set(contacts)
        await conn.execute("update contact set country = 'BE' where id = %s", (contacts[0],))
        live = await evaluate_segment(conn, work.catalog, "here", contacts)
        assert live == set(contacts[1:])
        with pytest.raises(LookupError):
            await evaluate_segment(conn, work.catalog, "nowhere", contacts)
    # No event said so: the check finds it.
    assert (await work.check())["here"] == 1
    assert await work.members("here") == set(contacts[1:])
