"""Members of segments: at once on events, exactly on time, and as if no outage had been."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.definitions.documents import lock_catalog
from store.segments.due import take_due_contacts
from store.segments.generations import (
    begin_generations,
    begin_nightly_check,
    has_unknown_segments,
)
from store.tables.segments import DueLane
from tests.support.conditions import eventually
from tests.support.segments import SegmentsAtWork

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ACTIVE = "segment: active\nif: {event: Bought, within: 1h}"


@pytest.fixture
async def work(pool: Pool) -> SegmentsAtWork:
    """What keeps segments, with a clock that stands at noon."""
    found = SegmentsAtWork(pool)
    await found.stop_clock(NOON)
    return found


async def test_an_event_lets_its_contact_enter_and_time_alone_lets_it_leave(
    work: SegmentsAtWork,
) -> None:
    await work.save_filled(ACTIVE)
    contact, other = await work.contact(), await work.contact()
    await work.dispatch()
    assert await work.members("active") == set()
    bought = await work.event(contact, "Bought")
    await work.dispatch()
    assert await work.members("active") == {contact}
    leaves = NOON + timedelta(hours=1)
    assert await work.rows("select contact_id, due_at from segment_due") == [(contact, leaves)]
    await work.to(leaves - timedelta(microseconds=1))
    assert await work.drain() == 0
    await work.to(leaves)
    assert await work.drain() == 1
    assert await work.members("active") == set()
    assert await work.changes("active", contact) == [
        (True, NOON, "event"),
        (False, leaves, "time"),
    ]
    assert await work.changes("active", other) == []
    assert await work.rows(
        "select name, properties, cause_id, occurred_at from event"
        " where name like 'Segment %%' order by id"
    ) == [
        ("Segment Entered", {"segment": "active", "by": "event"}, bought, NOON),
        ("Segment Left", {"segment": "active", "by": "time"}, None, leaves),
    ]
    assert await work.rows("select 1 from segment_due") == []
    assert await work.check() == {"active": 0}


async def test_an_outage_delays_and_changes_no_outcome(work: SegmentsAtWork) -> None:
    await work.save_filled(ACTIVE)
    contact = await work.contact()
    minutes = [0, 30, 70, 200]
    for minute in minutes:
        await work.to(NOON + timedelta(minutes=minute))
        await work.event(contact, "Bought")
    await work.to(NOON + timedelta(hours=12))
    await work.dispatch()
    await work.drain()
    expected = [(True, 0), (False, 130), (True, 200), (False, 260)]
    assert await work.changes("active", contact) == [
        (entered, NOON + timedelta(minutes=minute), "event" if entered else "time")
        for entered, minute in expected
    ]
    assert await work.members("active") == set()


async def test_what_is_drained_before_events_are_dispatched_changes_no_outcome(
    work: SegmentsAtWork,
) -> None:
    await work.save_filled(ACTIVE)
    contact = await work.contact()
    await work.event(contact, "Bought")
    await work.dispatch()
    await work.to(NOON + timedelta(minutes=50))
    second = await work.event(contact, "Bought")
    await work.to(NOON + timedelta(hours=5))
    await work.drain()
    assert await work.changes("active", contact) == [
        (True, NOON, "event"),
        (False, NOON + timedelta(minutes=110), "time"),
    ]
    assert await work.rows("select judged_event_id from contact") == [(second,)]
    await work.dispatch()
    assert len(await work.changes("active", contact)) == 2


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris"])
async def test_a_month_from_the_end_of_february_ends_once(work: SegmentsAtWork, zone: str) -> None:
    local = ZoneInfo(zone)
    await work.to(datetime(2026, 1, 1, tzinfo=UTC))
    await work.save_filled("segment: month\nif: {event: Bought, within: 1mo}")
    contact = await work.contact(timezone=zone)
    bought = datetime(2026, 2, 28, 10, tzinfo=local)
    await work.to(bought)
    await work.event(contact, "Bought")
    for day, hour in ((28, 9), (28, 11), (29, 9), (29, 11), (30, 10), (31, 10)):
        await work.to(datetime(2026, 3, day, hour, tzinfo=local))
        await work.dispatch()
        await work.drain()
    assert await work.changes("month", contact) == [
        (True, bought, "event"),
        (False, datetime(2026, 3, 28, 10, tzinfo=local), "time"),
    ]


async def test_a_changed_segment_is_filled_by_its_new_condition(work: SegmentsAtWork) -> None:
    french = [await work.contact(country="FR") for _ in range(3)]
    belgian = [await work.contact(country="BE") for _ in range(2)]
    await work.dispatch()
    [job] = await work.save("segment: here\nif: {attribute: country, is: FR}")
    state = "select state, generation from segment"
    assert await work.rows(state) == [("filling", 1)]
    assert (await work.fill(job)).state == "done"
    assert await work.rows(state) == [("ready", 1)]
    assert await work.members("here") == set(french)
    [stale] = await work.save("segment: here\nif: {attribute: country, is: DE}")
    [job] = await work.save("segment: here\nif: {attribute: country, in: [BE, DE]}")
    assert (await work.fill(stale)).state == "superseded"
    assert (await work.fill(job)).state == "done"
    assert await work.members("here") == set(belgian)
    assert [(entered, by) for entered, _, by in await work.changes("here", french[0])] == [
        (True, "fill"),
        (False, "fill"),
    ]
    assert await work.save("segment: here\nif: {attribute: country, in: [BE, DE]}") == []


async def test_a_segment_inside_another_takes_it_along(work: SegmentsAtWork) -> None:
    contact = await work.contact(country="FR", attributes={"vip": True})
    await work.dispatch()
    await work.save_filled(
        "segment: here\nif: {attribute: country, is: BE}\n---\n"
        "segment: vips\nif: {all: [{segment: here}, {attribute: vip, is: true}]}"
    )
    assert await work.members("vips") == set()
    await work.save_filled("segment: here\nif: {attribute: country, is: FR}")
    assert await work.members("here") == await work.members("vips") == {contact}
    assert await work.rows("select dependencies from segment where key = 'vips'") == [
        ({"attributes": ["country", "vip"], "segments": ["here"]},)
    ]


async def test_a_changed_default_of_a_topic_refills(work: SegmentsAtWork) -> None:
    contact = await work.contact(email="a@example.com")
    await work.dispatch()
    await work.save_filled(
        "topic: offers\ndefault: opt_in\n---\n"
        "segment: reached\nif: {topic: offers, is: subscribed}\n---\n"
        "segment: others\nif: {attribute: country, is: FR}"
    )
    assert await work.members("reached") == set()
    jobs = await work.save("topic: offers\ndefault: opt_out")
    assert len(jobs) == 1
    await work.fill(jobs[0])
    assert await work.members("reached") == {contact}


async def test_a_contact_that_a_fill_passed_by_unseen_is_judged_with_its_first_event(
    work: SegmentsAtWork,
) -> None:
    """Its transaction was open while the segment was saved and filled."""
    async with work.pool.connection() as late, late.transaction():
        await late.execute(
            "insert into contact (id, external_id, country)"
            " values ('00000000-0000-7000-8000-000000000001', 'late', 'FR')"
        )
        await late.execute(
            "insert into event (id, contact_id, name, message_id, source)"
            " values (nextval('event_id_seq'), '00000000-0000-7000-8000-000000000001',"
            " 'Contact Created', 'late', 'engine')"
        )
        await late.execute(
            "insert into outbox (contact_id, event_id) select contact_id, id from event"
        )
        await work.to(NOON + timedelta(minutes=1))
        await work.save_filled("segment: here\nif: {attribute: country, is: FR}")
        assert await work.members("here") == set()
    await work.to(NOON + timedelta(minutes=2))
    await work.dispatch()
    assert len(await work.members("here")) == 1
    assert await work.check() == {"here": 0}


async def test_a_segment_that_an_older_process_has_saved_is_found(work: SegmentsAtWork) -> None:
    """It wrote the document alone, as before members were kept."""
    await work.save_filled("segment: here\nif: {attribute: country, is: FR}")
    async with work.pool.connection() as conn:
        assert not await has_unknown_segments(conn)
        await conn.execute(
            "insert into document (kind, key, document, source, sha256) values"
            " ('segment', 'there', '{\"segment\": \"there\", \"if\": {\"group\": \"g\"}}', '', ''),"
            " ('segment', 'broken', '{\"segment\": \"broken\"}', '', '')"
        )
        assert await has_unknown_segments(conn)
        async with conn.transaction():
            await lock_catalog(conn)
            assert len(await begin_generations(conn)) == 1
        # What can't be read is not tried again and again.
        assert not await has_unknown_segments(conn)


async def test_the_check_is_made_once_a_night(work: SegmentsAtWork) -> None:
    await work.save_filled(ACTIVE)
    nights = "select subject from job where kind = 'check' order by 1"
    for at in (NOON.replace(hour=1), NOON, NOON.replace(hour=23), NOON + timedelta(days=1)):
        await work.to(at)
        async with work.pool.connection() as conn:
            await begin_nightly_check(conn)
    assert await work.rows(nights) == [("2026-05-01",), ("2026-05-02",)]


async def test_what_another_drained_between_the_look_and_the_lock_is_not_taken(
    work: SegmentsAtWork,
) -> None:
    await work.save_filled("{segment: warm, if: {event: Bought, within: 1d}}")
    contacts = [await work.contact() for _ in range(3)]
    for contact in contacts:
        await work.event(contact, "Bought")
    await work.dispatch()
    await work.to(NOON + timedelta(days=2))
    async with work.pool.connection() as late, work.pool.connection() as gate:
        # A look has seen what is due, and stands still before it locks the contacts.
        await late.execute("set application_name = 'late'")
        await late.execute(
            "create or replace function parcours.clock() returns timestamptz"
            " language plpgsql volatile as $$ begin"
            " if current_setting('application_name') = 'late' then"
            " perform pg_advisory_lock_shared(5); perform pg_advisory_unlock_shared(5); end if;"
            " return (select now from parcours.simulated); end $$"
        )
        await gate.execute("select pg_advisory_lock(5)")
        looking = asyncio.create_task(take_due_contacts(late, 10, DueLane.TIME))
        waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        await eventually(lambda: work.rows(waiting))
        assert await work.drain() == 3
        await gate.execute("select pg_advisory_unlock(5)")
        assert await looking == []
    for contact in contacts:
        assert [entered for entered, _, _ in await work.changes("warm", contact)] == [True, False]
