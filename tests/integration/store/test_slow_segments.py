"""A segment that takes long: nothing but its own members waits for it, and those are exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.contact_merging import merge_contacts
from store.events.transactions import repeating
from tests.support.segments import SegmentsAtWork
from tests.support.slow_windows import slow_windows

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Only a window of the calendar is worked out by the function that is slowed down.
SEGMENTS = """\
segment: heavy
if: {event: Hot, within: 1mo}
---
segment: light
if: {event: Hot, count: {gte: 3}}
---
segment: plain
if: {event: Plain}
"""


@pytest.fixture
async def work(pool: Pool) -> SegmentsAtWork:
    """What keeps segments; its rounds have half a second for judging."""
    found = SegmentsAtWork(pool, judging=0.5)
    await found.stop_clock(NOON)
    await found.save_filled(SEGMENTS)
    return found


async def test_others_are_judged_in_the_round_in_which_one_contact_is_put_off(
    work: SegmentsAtWork,
) -> None:
    busy = await work.contact()
    others = [await work.contact() for _ in range(15)]
    await work.dispatch()
    await slow_windows(work.pool, 0.2)
    for _ in range(20):
        await work.event(busy, "Hot")
    for other in others:
        await work.event(other, "Plain")
    # The busy contact's events come first, and would take four seconds.
    await work.dispatcher.round()
    assert await work.members("plain") == set(others)
    waiting = "select 1 from outbox o join event e on e.id = o.event_id where e.name like any(%s)"
    assert await work.rows(waiting, ["Hot", "Plain"]) == []
    behind = "select distinct contact_id from segment_due where lane > 0"
    assert await work.rows(behind) == [(busy,)]
    await slow_windows(work.pool, 0)
    await work.drain()
    assert await work.rows(behind) == []
    assert await work.members("light") == await work.members("heavy") == {busy}
    assert set((await work.check()).values()) == {0}


async def test_a_slow_segment_leaves_the_round_and_comes_back_once_it_is_quick(
    work: SegmentsAtWork,
) -> None:
    contact = await work.contact()
    await work.dispatch()
    await slow_windows(work.pool, 0.15)
    for minute in range(4):
        await work.to(NOON + timedelta(minutes=minute))
        await work.event(contact, "Hot")
        await work.dispatch()
        await work.drain()
    # It was found to be slow: only its own members wait from now on, exactly as they should be.
    await work.event(contact, "Hot")
    await work.dispatch()
    assert await work.rows("select segment, lane from segment_due where lane > 0") == [("heavy", 2)]
    assert await work.rows("select key from segment where slow_at is not null") == [("heavy",)]
    assert await work.rows("select distinct subject, contact_id, code from fault") == [
        ("segment heavy", None, "takes_long")
    ]
    await slow_windows(work.pool, 0)
    for _ in range(4):
        await work.drain()
        await work.event(contact, "Hot")
        await work.dispatch()
    assert await work.rows("select 1 from segment_due where lane > 0") == []
    assert await work.changes("heavy", contact) == [(True, NOON, "event")]
    assert await work.changes("light", contact) == [(True, NOON + timedelta(minutes=2), "event")]


async def test_what_was_put_off_is_judged_as_of_its_own_time(pool: Pool) -> None:
    work = SegmentsAtWork(pool, judging=0.0)
    await work.stop_clock(NOON)
    await work.save_filled("segment: recent\nif: {event: Hot, within: 1h}")
    contact = await work.contact()
    for hours in (0, 3, 7):
        await work.to(NOON + timedelta(hours=hours))
        await work.event(contact, "Hot")
        await work.dispatch()
    assert await work.members("recent") == set()
    await work.to(NOON + timedelta(hours=9))
    await work.drain()
    assert await work.changes("recent", contact) == [
        (entered, NOON + timedelta(hours=hours), "event" if entered else "time")
        for hours in (0, 3, 7)
        for entered, hours in ((True, hours), (False, hours + 1))
    ]
    causes = "select count(*) from event where name = 'Segment Entered' and cause_id is not null"
    assert await work.rows(causes) == [(3,)]


async def test_contacts_that_are_merged_while_judging_is_put_off_are_judged_as_one(
    pool: Pool,
) -> None:
    work = SegmentsAtWork(pool, judging=0.0)
    await work.stop_clock(NOON)
    await work.save_filled(SEGMENTS)
    one = await work.contact(external_id="one")
    other = await work.contact(external_id="other")
    for contact in (one, other, one, other):
        await work.event(contact, "Hot")
    await work.dispatch()
    await repeating(pool, lambda conn: merge_contacts(conn, ("one", "other")))
    await work.dispatch()
    await work.drain()
    [(left,)] = await work.rows("select id from contact")
    assert await work.members("light") == await work.members("heavy") == {left}
    assert await work.rows("select 1 from segment_due where lane > 0") == []
    assert set((await work.check()).values()) == {0}


async def test_a_segment_that_is_changed_while_judging_is_put_off_is_filled_in_order(
    pool: Pool,
) -> None:
    work = SegmentsAtWork(pool, judging=0.0)
    await work.stop_clock(NOON)
    await work.save_filled("segment: often\nif: {event: Hot}")
    contact = await work.contact()
    await work.event(contact, "Hot")
    await work.dispatch()
    await work.to(NOON + timedelta(hours=1))
    await work.save_filled("segment: often\nif: {event: Hot, count: {gte: 2}}")
    assert await work.changes("often", contact) == [
        (True, NOON, "event"),
        (False, NOON + timedelta(hours=1), "fill"),
    ]
    await work.to(NOON + timedelta(hours=2))
    await work.event(contact, "Hot")
    await work.dispatch()
    # Before it is judged at this event, the condition changes once more, and nothing fills.
    await work.to(NOON + timedelta(hours=3))
    await work.save("segment: often\nif: {event: Hot, count: {gte: 5}}")
    await work.drain()
    assert (await work.changes("often", contact))[2:] == [
        (True, NOON + timedelta(hours=2), "event"),
        (False, NOON + timedelta(hours=3), "fill"),
    ]
    assert await work.rows("select 1 from segment_due where lane > 0") == []
