"""Statements about segments: as few as can be, and none reads a table from end to end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection, AsyncCursor, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

from dispatch.segments import judge_events
from store.events.outbox import OutboxEvent
from store.segments import due, membership
from store.segments.judging import begin_judging, judge_contacts
from store.sql import Sql
from store.tables.segments import DueLane
from tests.support.conditions import eventually
from tests.support.segments import SegmentsAtWork

Pool = AsyncConnectionPool[AsyncConnection[Any]]
CONTACTS = 5_000
FORMS = (
    "{event: Bought, within: %dd}",
    "{event: Bought, where: {total: {gte: %d}}, count: {gte: 2}, within: 30d}",
    "{all: [{event: Bought}, {attribute: country, is: FR}, {attribute: score, gte: %d}]}",
    "{event: Bought, sum: {total: {gte: %d0}}}",
    "{not: {event: Bought, within: %dh}}",
)
FIFTY = "\n---\n".join(
    f"segment: s{number}\nif: {FORMS[number % 5] % (number + 1)}" for number in range(50)
)


@pytest.fixture
async def crowd(pool: Pool) -> SegmentsAtWork:
    """Contacts with events, and members of segments."""
    work = SegmentsAtWork(pool)
    async with pool.connection() as conn:
        for query in (
            (
                "insert into contact (id, external_id)"
                " select gen_random_uuid(), n::text from generate_series(1, 5000) n"
            ),
            (
                "insert into event (id, contact_id, name, message_id, source)"
                " select nextval('event_id_seq'), id, 'Bought', id::text || n, 'x'"
                " from contact, generate_series(1, 4) n"
            ),
            (
                "insert into segment_due (contact_id, segment, due_at)"
                " select id, 's1', parcours.clock() + interval '1 day' from contact"
            ),
            (
                "insert into segment_member (segment, contact_id, generation)"
                " select 's2', id, 1 from contact"
            ),
            (
                "insert into segment_change (contact_id, segment, entered, by)"
                " select id, 's2', true, 'fill' from contact"
            ),
            "analyze",
        ):
            await conn.execute(query.encode())
    return work


async def test_fifty_segments_are_judged_by_one_statement_that_is_planned_once(
    crowd: SegmentsAtWork,
) -> None:
    await crowd.save(FIFTY)
    contacts = [row[0] for row in await crowd.rows("select id from contact limit 3")]
    async with crowd.pool.connection() as conn:
        for contact in contacts:
            await crowd.event(contact, "Bought", total=1)
            async with conn.transaction():
                await begin_judging(conn)
                await judge_contacts(conn, crowd.catalog, [contact])
        cursor = await conn.execute(
            "select statement, generic_plans, custom_plans from pg_prepared_statements"
            " where statement like '%with ordinality k(contact_id, at, n)%'"
        )
        [(statement, generic, custom)] = await cursor.fetchall()
        assert (generic, custom) == (3, 0)
        async with conn.transaction():
            await begin_judging(conn)
            async with AsyncRawCursor(conn) as raw:
                await raw.execute(b"explain (generic_plan) " + statement.encode())
                plan = "\n".join(row[0] for row in await raw.fetchall())
    assert "event_by_time" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    ("query", "index", "most"),
    [
        (due._TAKE[DueLane.TIME], "segment_due_by_time", 0),
        (due._TAKE[DueLane.SLOW], "segment_due_by_lane", 0),
        (due._STILL[DueLane.TIME], "segment_due_pkey", 0),
        (due._NEXT[DueLane.TIME], "segment_due_by_time", 1),
        (due._NEXT[DueLane.AGAIN], "segment_due_by_lane", 0),
        (membership._PAGE, "segment_member", 10),
        (membership._CHANGES, "segment_change", 10),
    ],
)
async def test_a_page_reads_no_more_than_it_shows(
    crowd: SegmentsAtWork, query: Sql, index: str, most: int
) -> None:
    async with crowd.pool.connection() as conn:
        cursor = await conn.execute(
            f"explain (analyze, format json) {query}".encode(),
            {
                "limit": 10,
                "segment": "s2",
                "after": "00000000-0000-0000-0000-000000000000",
                "before": 2**62,
                "contacts": [UUID(int=0)],
                "segments": ["s2"],
            },
        )
        row = await cursor.fetchone()
    assert row is not None
    nodes = list(_nodes(row[0][0]["Plan"]))
    assert not [each for each in nodes if each["Node Type"] == "Seq Scan"]
    found = [each for each in nodes if each.get("Index Name", "").startswith(index)]
    assert found
    read = [each["Actual Rows"] + each.get("Rows Removed by Filter", 0) for each in found]
    assert sum(read) <= most


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(each for child in node.get("Plans", []) for each in _nodes(child))]


async def test_events_on_which_no_segment_depends_cost_no_statement(
    crowd: SegmentsAtWork,
) -> None:
    await crowd.save("segment: buyers\nif: {event: Bought}")
    [(contact, revision)] = await crowd.rows(
        "select id, (select revision from catalog) from contact limit 1"
    )
    asked: list[object] = []

    class Recording(AsyncCursor[Any]):
        async def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            asked.append(query)
            return await super().execute(query, *arguments, **options)

    def event(name: str) -> OutboxEvent:
        now = datetime.now(UTC)
        return OutboxEvent(1, contact, name, {}, None, 0, 0, now, now, None, None, None)

    async with crowd.pool.connection() as conn:
        # The first round reads the segments.
        await judge_events(conn, crowd.catalog, [event("Seen")], revision, [])
        conn.cursor_factory = Recording
        try:
            await judge_events(conn, crowd.catalog, [event("Seen")], revision, [])
            assert asked == []
            await judge_events(conn, crowd.catalog, [event("Bought")], revision, [])
            assert asked
        finally:
            conn.cursor_factory = AsyncCursor


async def test_a_fill_that_is_killed_goes_on_where_it_was(crowd: SegmentsAtWork) -> None:
    [job] = await crowd.save("segment: buyers\nif: {event: Bought}")

    async def done() -> int:
        [(count,)] = await crowd.rows("select done from job where id = %s", job)
        return int(count)

    for part in (1, 2, 3):
        filling = asyncio.create_task(crowd.fill(job))

        async def reached(least: int = part * 600) -> bool:
            return await done() >= least

        await eventually(reached, timeout=60)
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        assert await done() < CONTACTS
    assert (await crowd.fill(job)).state == "done"
    assert await crowd.rows("select done, total from job") == [(CONTACTS, CONTACTS)]
    assert len(await crowd.members("buyers")) == CONTACTS
    twice = "select count(*), count(distinct contact_id) from segment_change where segment = %s"
    assert await crowd.rows(twice, "buyers") == [(CONTACTS, CONTACTS)]
    events = "select count(*), count(distinct contact_id) from event where name = 'Segment Entered'"
    assert await crowd.rows(events) == [(CONTACTS, CONTACTS)]
