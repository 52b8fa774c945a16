"""What operators read costs what they are shown, however many runs and events there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.reports.log import DEPTH, WantedLog, read_log
from store.reports.message_listing import Place, list_messages
from store.reports.run_listing import list_runs
from store.timeline.timeline import ITEM_TYPES, ItemType, read_timeline
from tests.support.engine import activate

Pool = AsyncConnectionPool[AsyncConnection[Any]]

RUNS: Final = 30_000
BUSY_EVENTS: Final = 20_000
BUSY: Final = UUID(int=8)
JOURNEY: Final = """
journey: welcome
entry: {event: Joined}
steps:
  - {id: hello, email: {subject: S, text: T, transactional: true}}
  - {id: pause, wait: 2d}
"""
# No trigger counts them: figures have tests of their own. The contact that is busy has 300 runs.
FILLED: Final = (
    "set session_replication_role = replica",
    (
        "insert into contact (id, external_id) select md5('c' || n)::uuid, 'c' || n"
        " from generate_series(1, {runs}) n"
    ),
    "insert into contact (id, external_id) values ('{busy}', 'busy')",
    (
        "insert into event (contact_id, name, message_id, stamped_at)"
        " select '{busy}', 'Kind ' || n % 20, 'b' || n, now() - n * interval '1 minute'"
        " from generate_series(1, {busy_events}) n"
    ),
    (
        "insert into event (contact_id, name, message_id, stamped_at)"
        " select id, 'Joined', external_id, now() - interval '20 days' from contact"
        " where external_id <> 'busy'"
    ),
    (
        "insert into run (id, journey, version, contact_id, key, entry_ref, ref, visit, step,"
        " state, started_at) select lpad(to_hex(n), 32, '0')::uuid, 'welcome', 1,"
        " case when n % 200 = 0 then '{busy}' else md5('c' || n)::uuid end, n::text, 0, 0, 2,"
        " case when n in (7, 8, 9) then 'rare' else 'pause' end,"
        " case when n % 2 = 0 then 'active' else 'ended' end, now() - n * interval '1 minute'"
        " from generate_series(1, {runs}) n"
    ),
    (
        "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at)"
        " select id, v, 'hello', 'email', 'sent', started_at, started_at"
        " from run, generate_series(1, 2) v where contact_id = '{busy}' or step = 'rare'"
    ),
    (
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
        " claimed_at, first_attempt_at) select md5('m' || id)::uuid, id, 1, 'hello', contact_id,"
        " 'email', 'sent', 't', started_at, started_at from run"
    ),
    "set session_replication_role = origin",
    "vacuum (analyze) run, visit, message, event, contact",
)


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to a database with many runs, and with a contact of many events."""
    await activate(pool, JOURNEY)
    async with pool.connection() as conn:
        for each in FILLED:
            filled = each.format(runs=RUNS, busy=BUSY, busy_events=BUSY_EVENTS)
            await conn.execute(filled.encode())
        # What parallel workers read is not counted.
        await conn.execute("set max_parallel_workers_per_gather = 0")
        yield conn
        await conn.execute("reset max_parallel_workers_per_gather")


async def rows_read(
    conn: AsyncConnection[Any], read: Callable[[], Awaitable[Any]]
) -> dict[str, int]:
    """The rows of each table that a reading takes, by an index or without one."""
    async with conn.transaction():
        before = await rows_until_now(conn)
        await read()
        after = await rows_until_now(conn)
    read_now = {table: rows - before.get(table, 0) for table, rows in after.items()}
    return {table: rows for table, rows in read_now.items() if rows}


async def rows_until_now(conn: AsyncConnection[Any]) -> dict[str, int]:
    """The rows of each table that this transaction has read."""
    cursor = await conn.execute(
        "select relname, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int"
        " from pg_stat_xact_user_tables"
    )
    return dict(await cursor.fetchall())


async def test_a_page_of_a_timeline_reads_no_more_than_some_pages_of_each_kind(
    conn: AsyncConnection[Any],
) -> None:
    shown: list[frozenset[ItemType]] = [frozenset(ITEM_TYPES), frozenset({"message"})]
    for types in shown:
        read = await rows_read(conn, partial(read_timeline, conn, BUSY, limit=51, types=types))
        assert max(read.values()) < 1_200, (types, read)
    first = await read_timeline(conn, BUSY, limit=51)
    assert len(first) == 51
    later = first[-1].place
    read = await rows_read(conn, lambda: read_timeline(conn, BUSY, before=later, limit=51))
    assert max(read.values()) < 1_200, read


async def test_a_page_of_the_log_reads_no_more_of_a_contact_than_of_all(
    conn: AsyncConnection[Any],
) -> None:
    wanted = WantedLog(contact=BUSY, references=["busy"])
    read = await rows_read(conn, partial(read_log, conn, wanted, None, 51))
    # The ids of its events come from their index, which a table as small as this one need not use.
    assert read.pop("event") <= RUNS + BUSY_EVENTS + DEPTH + 100, read
    assert max(read.values()) <= 600, read
    page = await read_log(conn, wanted, None, 51)
    assert len(page.items) == 51
    assert page.next is not None


async def test_runs_at_a_step_are_found_in_pages_that_look_at_a_bounded_number(
    conn: AsyncConnection[Any],
) -> None:
    for journey, state in (("welcome", "active"), ("welcome", None), (None, "ended"), (None, None)):
        filters: dict[str, Any] = {"journey": journey, "state": state, "step": "rare"}
        found: list[UUID] = []
        cursor: str | None = None
        pages = 0
        while True:
            async with conn.transaction():
                before = await rows_until_now(conn)
                page = await list_runs(conn, **filters, cursor=cursor, limit=2)
                after = await rows_until_now(conn)
            # 5,000 of each state; of any journey, every other one is of the wrong state.
            read = after["run"] - before.get("run", 0)
            assert read <= 10_100, (filters, read)
            found += [run.id for run in page.items]
            pages += 1
            if page.next is None:
                break
            cursor = str(page.next)
        expected = await conn.execute(
            "select id from run where step = 'rare'"
            " and (%(state)s::text is null or state = %(state)s) order by id desc",
            filters,
        )
        assert found == [run for (run,) in await expected.fetchall()]
        assert pages > 2


async def test_runs_that_came_to_a_step_are_found_by_looking_at_a_bounded_number(
    conn: AsyncConnection[Any],
) -> None:
    find = partial(list_runs, conn, journey="welcome", reached="hello", took="never", limit=2)
    read = await rows_read(conn, find)
    # 5,000 of each state, and of these the visits that they have.
    assert read.get("run", 0) <= 10_100, read
    assert read["visit"] <= 1_000, read
    page = await find()
    assert page.items == []
    assert page.next is not None
    found = await list_runs(conn, journey="welcome", reached="hello", took="sent", limit=2)
    assert len(found.items) == 2


async def test_messages_are_found_in_pages_that_look_at_a_bounded_number(
    conn: AsyncConnection[Any],
) -> None:
    await conn.execute(
        "update message set state = 'refused' where run_id in"
        " (select id from run where step = 'rare')"
    )
    for journey in ("welcome", None):
        found: list[UUID] = []
        before: Place | None = None
        pages = 0
        while True:
            async with conn.transaction():
                rows = await rows_until_now(conn)
                page = await list_messages(
                    conn, journey=journey, status="refused", before=before, limit=2
                )
                after = await rows_until_now(conn)
            read = {table: after[table] - rows.get(table, 0) for table in ("run", "message")}
            assert max(read.values()) <= 5_100, (journey, read)
            found += [message.run_id for message in page.items]
            pages += 1
            if page.next is None:
                break
            before = page.next
        expected = await conn.execute("select id from run where step = 'rare' order by id desc")
        assert found == [run for (run,) in await expected.fetchall()]
        assert pages > 3


async def test_merges_and_erasures_find_what_is_targeted_by_an_index(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into figure_delta (journey, version, step, fact, label, at, entered_at, count,"
            " targeted) select 'welcome', 1, 's', 'message_sent', 'email', now(), now(), 1,"
            " md5('c' || n)::uuid from generate_series(1, 20000) n"
        )
        await conn.execute("analyze figure_delta")
        cursor = await conn.execute(
            "explain update figure_delta set targeted = %s where targeted = %s", (BUSY, BUSY)
        )
        plan = "\n".join(line for (line,) in await cursor.fetchall())
    assert "figure_delta_targeted" in plan, plan
