"""Entries by date and by schedule on a clock that the test sets, without workers.

The dispatcher, the drainer of dates and the pages of jobs are those of production; the test calls
them. Workflows of runs are started and do not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.registry import JOB_ACTIVITIES
from dispatch.date_entries import date_queue, make_date_fills
from dispatch.dispatcher import Dispatcher
from dispatch.occurrences import begin_occurrences
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.protocol.payloads import JobInput
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from store.definitions.journeys import activate, archive, save_version
from store.definitions.pausing import pause, resume
from store.events.ingest import take
from store.events.items import Item, Rejected
from store.operations.jobs import JobRow, read_job, running_jobs
from store.simulation.simulated_database import set_clock, stop_clock


@dataclass
class TimedEngine:
    """A database whose clock stands still until the test sets it."""

    pool: AsyncConnectionPool[AsyncConnection[Any]]
    client: Client
    now: datetime
    catalog: Catalog = field(default_factory=Catalog)
    begun_until: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    async def begin(
        cls, pool: AsyncConnectionPool[AsyncConnection[Any]], client: Client, now: datetime
    ) -> TimedEngine:
        """Stop the clock at an instant."""
        async with pool.connection() as conn:
            await stop_clock(conn, now)
        return cls(pool, client, now)

    async def apply(self, text: str) -> None:
        """Save the documents of a YAML text, and make its journeys live."""
        await apply(self.pool, text)

    async def pause(self, journey: str) -> None:
        """Pause a journey."""
        async with self.pool.connection() as conn, conn.transaction():
            await pause(conn, journey)

    async def resume(self, journey: str) -> None:
        """Resume a journey."""
        async with self.pool.connection() as conn, conn.transaction():
            await resume(conn, journey, Overdue())

    async def archive(self, journey: str) -> None:
        """Archive a journey."""
        async with self.pool.connection() as conn, conn.transaction():
            await archive(conn, journey)

    async def contacts(self, count: int, **columns: Sequence[Any]) -> list[UUID]:
        """Contacts that were there before: columns by name, a value for each contact."""
        ids = sorted(uuid4() for _ in range(count))
        async with self.pool.connection() as conn, conn.cursor() as cursor:
            for place, contact in enumerate(ids):
                row = {name: values[place] for name, values in columns.items()}
                attributes = Jsonb(row.pop("attributes", {}))
                known = {"id": contact, "external_id": str(contact), "attributes": attributes}
                known |= row
                await cursor.execute(
                    f"insert into contact ({', '.join(known)})"
                    f" values ({', '.join(f'%({name})s' for name in known)})",
                    known,
                )
        return ids

    async def identify(self, external_id: str, traits: Mapping[str, Any]) -> None:
        """An identify call, which is dispatched by the next `work`."""
        [answer] = await take(
            self.pool,
            [Item("identify", str(uuid4()), user_id=external_id, traits=dict(traits))],
            limit_per_minute=1_000_000,
        )
        assert not isinstance(answer, Rejected), answer

    async def set(self, now: datetime) -> None:
        """Set the clock; nothing is at work, as in an outage."""
        self.now = now
        async with self.pool.connection() as conn:
            await set_clock(conn, now)

    async def at(self, now: datetime) -> None:
        """Set the clock, and do all that is to be done by then."""
        await self.set(now)
        await self.work()

    async def work(self) -> None:
        """Do all that is to be done by now: dispatch, dates, occurrences, jobs."""
        dispatcher = Dispatcher(self.pool, self.client, self.catalog)
        queue = date_queue(self.pool, self.catalog, lambda: None)
        async with self.pool.connection() as conn:
            await make_date_fills(conn)
            active = await self.catalog.active(conn, await _revision(conn))
            for journey in active.scheduled:
                since = self.begun_until.get(journey, datetime.fromisoformat("2000-01-01T00:00Z"))
                while since < self.now:
                    _, since = await begin_occurrences(
                        conn, None, self.catalog, journey, since=since, until=self.now
                    )
                self.begun_until[journey] = since
        while True:
            await dispatcher.drain()
            worked = await self.pages()
            if not worked + await queue.drain():
                break
        await dispatcher.drain()

    async def pages(self) -> int:
        """Work through the pages of the jobs that need not rest; how many pages there were."""
        context = Context(pool=self.pool, catalog=self.catalog, adapters={})
        done = 0
        async with self.pool.connection() as conn:
            jobs = [job for job, _ in await running_jobs(conn)]
        for job in jobs:
            page = JOB_ACTIVITIES[job.kind](context, self.client).page
            while True:
                answer = await ActivityEnvironment().run(page, JobInput(job_id=job.id, subject=""))
                if answer.state != "running" or answer.rest > 0:
                    break
                done += 1
        return done

    async def jobs(self, kind: str) -> list[JobRow]:
        """The jobs of a kind, oldest first."""
        async with self.pool.connection() as conn:
            rows = await (
                await conn.execute(
                    "select id from job where kind = %s order by started_at, id", (kind,)
                )
            ).fetchall()
            return [job for (job_id,) in rows if (job := await read_job(conn, job_id))]

    async def runs(self) -> list[tuple[UUID, str, datetime]]:
        """Contact, key and start of each run, in the order of their starts."""
        return await self._rows(
            "select contact_id, key, started_at from run order by started_at, contact_id"
        )

    async def refusals(self) -> list[tuple[UUID, str, str]]:
        """Contact, key and reason of each refused entry, in order."""
        return await self._rows("select contact_id, key, code from refusal order by id")

    async def _rows(self, query: str, *values: Any) -> list[Any]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(query.encode(), values or None)
            while cursor.nextset():
                pass
            return list(await cursor.fetchall())


async def apply(pool: AsyncConnectionPool[AsyncConnection[Any]], text: str) -> None:
    """Save the documents of a YAML text, and make its journeys live, as the API does."""
    async with pool.connection() as conn, conn.transaction():
        for document in YAML(typ="safe").load_all(text):
            kind = next(iter(document))
            if kind != "journey":
                await conn.execute(
                    "insert into document (kind, key, document, source, sha256)"
                    " values (%s, %s, %s, '', '')",
                    (kind, document[kind], Jsonb(document)),
                )
                continue
            journey = Journey.model_validate(document)
            program = compile_program(journey).model_dump(mode="json")
            saved = await save_version(conn, journey.key, journey.as_document(), program, "")
            await activate(conn, journey.key, saved.version)
        await conn.execute("update catalog set revision = revision + 1")


async def _revision(conn: AsyncConnection[Any]) -> int:
    row = await (await conn.execute("select revision from catalog")).fetchone()
    assert row is not None
    return int(row[0])
