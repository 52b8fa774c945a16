"""Work on one contact or run reads no table from end to end, however many others there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from store.events.ingest import take
from store.events.items import Item
from store.operations.faults import record_fault
from store.operations.migration_progress import finish_stragglers, stragglers
from store.reports.run_listing import list_runs, show_run
from store.runs.lifecycle import end_run
from store.timeline.timeline import read_timeline
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Operation = Callable[[Pool], Awaitable[Any]]

OTHERS: Final = 12_000
MORE: Final = {"receipt": 100_000}
"""Tables of which the planner reads so many rows at once that it would rather read all of a few."""
# Changes of counters are folded each second.
FEW_ROWS: Final = {"catalog", "installation", "figure_delta"}
VALUES: Final = {
    "run.state": "case when mod(n, 2) = 0 then 'active' else 'ended' end",
    "journey.state": "'active'",
    "topic_state.state": "'subscribed'",
    "channel_state.state": "'subscribed'",
    "consent_record.state": "'subscribed'",
    "message.state": "'sent'",
    "job.state": "'done'",
    "job.kind": "'move'",
    "parked_call.kind": "'wake'",
    "run_repair.action": "'skip'",
    "repair_item.state": "'done'",
    "marketing_freeze.stops": "'marketing'",
    "test_message.state": "'sent'",
    "key_use.key_id": "md5('api_key' || n)::uuid",
    "console_session.key_id": "md5('api_key' || n)::uuid",
    "api_key.scope": "'read'",
    "audit.via": "'api'",
    "audit.subject_kind": "'contact'",
    "audit.subject": "md5('contact' || n)::uuid::text",
    "contact.external_id": "nullif(n, 8)::text",
    "run.exit_rule": "null",
    "segment.state": "'ready'",
    "segment_change.by": "'event'",
    "kept_content.content": "decode('7801abae0500017500f9', 'hex')",
    "outbox.not_before": "now() + interval '1 day'",
    "figure.cohort": "'occurrence'",
    "figure.span": "'day'",
}
"""What some columns hold, where not every value of their type may stand."""


def value_of(table: str, column: Any) -> str:
    """What a column holds in the row `n`: the same number in a key and where it is referred to."""
    given = VALUES.get(f"{table}.{column.name}")
    if given is not None:
        return given
    if isinstance(column.type, Uuid):
        of = table if column.name == "id" else column.name.removesuffix("_id")
        return f"md5('{of}' || n)::uuid"
    if isinstance(column.type, Text):
        return "n::text"
    if isinstance(column.type, DateTime):
        return "now() - n * interval '1 minute'"
    if isinstance(column.type, Date):
        return "current_date - n"
    if isinstance(column.type, Boolean):
        return "false"
    if isinstance(column.type, JSONB):
        return "jsonb_build_object('id', md5('run' || n)::uuid)"
    if isinstance(column.type, ARRAY):
        return "'{}'"
    if isinstance(column.type, LargeBinary):
        return "'x'"
    return "n" if isinstance(column.type, BigInteger) else "mod(n, 30000)"


@pytest.fixture
async def crowded(pool: Pool) -> list[str]:
    """A database in which every table has rows of many contacts; the tables."""
    filled = []
    async with pool.connection() as conn:
        # The rows are made up, and so would be what triggers count of them.
        await conn.execute("set session_replication_role = replica")
        for table in SQLModel.metadata.sorted_tables:
            if table.name in FEW_ROWS:
                continue
            columns = [
                each
                for each in table.columns
                if each.computed is None and each is not table.autoincrement_column
            ]
            rows = MORE.get(table.name, OTHERS)
            names = ", ".join(f'"{each.name}"' for each in columns)
            values = ", ".join(value_of(table.name, each) for each in columns)
            await conn.execute(
                f'insert into "{table.name}" ({names})'
                f" select {values} from generate_series(1, {rows}) n".encode()
            )
            filled.append(table.name)
        await conn.execute("set session_replication_role = origin")
        await conn.execute("select setval('event_id_seq', 1000000)")
        await conn.execute("analyze")
    return filled


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Pool]:
    """A pool of one connection, so that its statistics can be flushed."""
    async with AsyncConnectionPool[AsyncConnection[Any]](
        database_url,
        min_size=1,
        max_size=1,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": None},
    ) as pool:
        yield pool


async def scanned(pool: Pool) -> dict[str, int]:
    """The tables that were read from end to end so far, and how often."""
    async with pool.connection() as conn:
        await conn.execute("select pg_stat_force_next_flush()")
        cursor = await conn.execute("select relname, seq_scan from pg_stat_user_tables")
        return dict(await cursor.fetchall())


async def id_of(conn: AsyncConnection[Any], kind: str, number: int) -> UUID:
    """The id of a row."""
    cursor = await conn.execute("select md5(%s)::uuid", (f"{kind}{number}",))
    row = await cursor.fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


async def merge(pool: Pool) -> None:
    """An anonymous visitor turns out to be a known contact."""
    item = Item(kind="identify", message_id="merge", user_id="7", anonymous_id="8")
    await take(pool, [item], limit_per_minute=1_000)
    async with pool.connection() as conn:
        cursor = await conn.execute("select from contact where id = md5('contact8')::uuid")
        assert await cursor.fetchone() is None


async def erase_one(pool: Pool) -> None:
    """A contact is erased."""
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, await id_of(conn, "contact", 21))


async def note_faults(pool: Pool) -> None:
    """Faults of a run, of an event and of a contact are recorded."""
    async with pool.connection() as conn:
        run, one = await id_of(conn, "run", 30), await id_of(conn, "contact", 30)
        await record_fault(conn, activity="a", code="internal", detail="b", run_id=run, visit=1)
        await record_fault(conn, activity="a", code="internal", detail="b", event_id=30)
        await record_fault(conn, activity="a", code="internal", detail="b", contact_id=one)


async def show(pool: Pool) -> None:
    """A run is shown, and the runs of its contact are listed."""
    async with pool.connection() as conn:
        assert await show_run(conn, await id_of(conn, "run", 40)) is not None
        assert (await list_runs(conn, contact="40")).items


async def tell(pool: Pool) -> None:
    """The timeline of a contact is read, and a later page of it."""
    async with pool.connection() as conn:
        contact = await id_of(conn, "contact", 45)
        first = await read_timeline(conn, contact, limit=2)
        assert len(first) == 2
        assert await read_timeline(conn, contact, before=first[-1].place, limit=50)


async def end(pool: Pool) -> None:
    """A run ends."""
    async with pool.connection() as conn:
        assert await end_run(conn, await id_of(conn, "run", 50), "exited", None)


async def track(pool: Pool) -> None:
    """An event is recorded."""
    item = Item(kind="track", message_id="new", user_id="60", name="Bought")
    await take(pool, [item], limit_per_minute=1_000)


async def work_on_job(pool: Pool) -> None:
    """A job goes on with the runs that it could not move, and is removed."""
    async with pool.connection() as conn:
        job = await id_of(conn, "job", 70)
        await stragglers(conn, job, 50)
        await finish_stragglers(conn, job, kept=[], ended=[await id_of(conn, "run", 70)])
        await conn.execute("delete from job where id = %s", (job,))


async def test_work_on_one_contact_reads_no_table_from_end_to_end(
    crowded: list[str], single: Pool
) -> None:
    operations: list[Operation] = [
        merge,
        erase_one,
        note_faults,
        show,
        tell,
        end,
        track,
        work_on_job,
    ]
    found = []
    for operation in operations:
        before = await scanned(single)
        await operation(single)
        after = await scanned(single)
        found += [
            f"{operation.__name__}: {table}" for table in crowded if after[table] > before[table]
        ]
    assert found == []


async def test_every_reference_to_a_row_can_be_followed_by_an_index(pool: Pool) -> None:
    # A row that is deleted takes along those that refer to it, or is kept by them.
    async with pool.connection() as conn:
        cursor = await conn.execute(
            """
            select c.conrelid::regclass::text, c.conname from pg_constraint c
            where c.contype = 'f' and c.confdeltype = 'c' and not exists (
                select from pg_index i
                where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1]
                  and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid)
                       = '(' || (select attname from pg_attribute where attrelid = c.conrelid
                                 and attnum = c.conkey[1]) || ' IS NOT NULL)')
            )
            """
        )
        assert await cursor.fetchall() == []
