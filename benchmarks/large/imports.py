"""An import of contacts, against COPY of the rows that it has written."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any, Final, cast
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.import_contacts import ImportContactsActivities
from benchmarks.report import Figure
from journeys.protocol.payloads import JobInput
from store.definitions.catalog import Catalog
from store.imports.encodings import EncodingFinder
from store.imports.files import FileWriter, add_chunk, finish_file, make_file, read_file
from store.imports.jobs import create_import
from store.imports.mapping import map_columns
from store.imports.plans import ImportPlan
from store.imports.records import WINDOW, open_records

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_BLOCK: Final = 1 << 18
_LINES: Final = 5_000
_TABLES: Final = {
    "contact": "id in (select contact_id from import_change where job_id = {job})",
    "event": "contact_id in (select contact_id from import_change where job_id = {job})",
    "import_change": "job_id = {job}",
}
_COLUMNS: Final = """
select attname from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''
order by attnum
"""


async def measure_import(pool: Pool, lines: int) -> Figure:
    """Lines per second as a share of the rows per second of COPY into the same tables."""
    began = time.perf_counter()
    job_id = await _receive(pool, lines)
    received = time.perf_counter() - began
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    # Its segments' events begin nothing, so that nothing is asked of Temporal.
    page = ImportContactsActivities(context, cast(Client, None)).page
    began = time.perf_counter()
    while (await ActivityEnvironment().run(page, JobInput(job_id=job_id, subject=""))).state == (
        "running"
    ):
        pass
    took = time.perf_counter() - began
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select count(*) from import_change where job_id = %s and created", (job_id,)
        )
        row = await cursor.fetchone()
        if row is None or row[0] != lines:
            raise RuntimeError(f"the import made {row} contacts of {lines}")
        copied, contacts_alone = await _copy_again(conn, job_id)
    return Figure(
        f"import of {lines:,} new contacts: rate against COPY of the same rows",
        copied / took,
        "ratio",
        at_least=0.25,
        detail={
            "lines_per_second": round(lines / took),
            "seconds": round(took, 2),
            "seconds_to_receive": round(received, 2),
            "seconds_of_copy": round(copied, 2),
            "against_copy_of_contacts_alone": round(contacts_alone / took, 3),
        },
    )


async def _receive(pool: Pool, lines: int) -> UUID:
    """Store the file as the API does, and make its job."""
    job_id = uuid4()
    finder, writer = EncodingFinder("utf-8"), FileWriter(job_id)
    async with pool.connection() as conn:
        await make_file(conn, job_id, "contacts.csv", "text/csv")
        for block in _blocks(lines):
            for number, part in writer.take(finder.take(block)):
                await add_chunk(conn, job_id, number, part)
        for number, part in [*writer.take(finder.take(b"", final=True)), *writer.end()]:
            await add_chunk(conn, job_id, number, part)
        final = writer.size <= WINDOW
        opening = open_records(writer.first[:WINDOW], finder.encoding, final=final, delimiter=None)
        assert opening.columns is not None
        plan = ImportPlan(
            what="contacts",
            dialect=opening.dialect,
            columns=tuple(map_columns(opening.columns, "contacts", given={}, preset=None)),
            start=opening.place,
        )
        async with conn.transaction():
            await finish_file(conn, job_id, size=writer.size, lines=writer.lines)
            file = await read_file(conn, job_id)
            assert file is not None
            await create_import(conn, file, plan)
    return job_id


def _blocks(lines: int) -> Iterator[bytes]:
    yield b"external_id,email,first_name,plan,visits:number\n"
    for start in range(0, lines, _LINES):
        yield "".join(
            f"i{n},i{n}@example.com,Ada {n % 1000},{'pro' if n % 3 else 'free'},{n % 50}\n"
            for n in range(start, min(start + _LINES, lines))
        ).encode()


async def _copy_again(conn: AsyncConnection[Any], job_id: UUID) -> tuple[float, float]:
    """Seconds of COPY of the rows into empty tables with the same indexes; of contacts alone."""
    seconds: dict[str, float] = {}
    await conn.execute("create schema plain")
    for table, which in _TABLES.items():
        names = [row[0] for row in await (await conn.execute(_COLUMNS, (table,))).fetchall()]
        listed = SQL(", ").join([Identifier(each) for each in names])
        found = SQL("copy (select {} from {} where {}) to stdout").format(
            listed, Identifier(table), SQL(which).format(job=str(job_id))
        )
        into = SQL("copy {}.{} ({}) from stdin").format(
            Identifier("plain"), Identifier(table), listed
        )
        await conn.execute(
            SQL("create table {}.{} (like {} including all)").format(
                Identifier("plain"), Identifier(table), Identifier(table)
            )
        )
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            async with conn.cursor() as cursor, cursor.copy(found) as out:
                async for data in out:
                    file.write(data)
            file.seek(0)
            began = time.perf_counter()
            async with conn.cursor() as cursor, cursor.copy(into) as copy:
                while block := file.read(_BLOCK):
                    await copy.write(block)
            seconds[table] = time.perf_counter() - began
    await conn.execute("drop schema plain cascade")
    return sum(seconds.values()), seconds["contact"]
