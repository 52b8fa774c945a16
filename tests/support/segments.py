"""Segments whose members are kept, on a database whose clock the test may set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.fill_segments import CheckSegmentsActivities, FillSegmentActivities
from dispatch.dispatcher import Dispatcher
from dispatch.segments import segment_queue
from journeys.model.well_known_events import CONTACT_CREATED
from journeys.protocol.payloads import JobInput, JobPage
from store.definitions.catalog import Catalog
from store.definitions.documents import lock_catalog, save_document
from store.operations.jobs import create_job
from store.segments.generations import begin_generations
from store.simulation.simulated_database import set_clock, stop_clock
from tests.support.engine import accept, make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class SegmentsAtWork:
    """What keeps segments: the rounds of the dispatcher, the drainer and the jobs."""

    def __init__(self, pool: Pool, *, judging: float | None = None) -> None:
        """`judging`: seconds of a round in which segments are judged; None: as long as it takes."""
        self.pool = pool
        self.catalog = Catalog()
        # Without journeys nothing is asked of Temporal.
        self.client = cast(Client, None)
        self.dispatcher = Dispatcher(pool, self.client, self.catalog, judging=judging)
        self.queue = segment_queue(pool, self.catalog)
        self._context = Context(pool=pool, catalog=self.catalog, adapters={})

    async def stop_clock(self, at: datetime) -> None:
        """Stop the clock for good."""
        async with self.pool.connection() as conn:
            await stop_clock(conn, at)

    async def to(self, at: datetime) -> None:
        """Set the clock, and do nothing else."""
        async with self.pool.connection() as conn:
            await set_clock(conn, at)

    async def save(self, text: str) -> list[UUID]:
        """Save documents of a YAML text; the jobs that fill segments, which are not begun."""
        async with self.pool.connection() as conn, conn.transaction():
            await lock_catalog(conn)
            topics, places = [], []
            for document in YAML(typ="safe").load_all(text):
                kind = next(iter(document))
                saved = await save_document(conn, kind, document[kind], document, text)
                if kind == "topic" and saved.changed:
                    topics.append(document[kind])
                if kind == "places" and saved.changed:
                    places.append(document[kind])
            return await begin_generations(conn, topics=topics, places=places)

    async def save_filled(self, text: str) -> None:
        """Save documents, and fill their segments."""
        for job in await self.save(text):
            await self.fill(job)

    async def fill(self, job: UUID) -> JobPage:
        """Work through the pages of a job that fills a segment."""
        return await self._pages(FillSegmentActivities(self._context, self.client).page, job)

    async def check(self) -> dict[str, int]:
        """Compare all members with their conditions; how many of each segment were wrong."""
        async with self.pool.connection() as conn:
            job = await create_job(conn, "check", None, subject="now", plan={}, total=0)
        page = await self._pages(CheckSegmentsActivities(self._context, self.client).page, job)
        assert page.state == "done"
        return dict(await self.rows("select s.key, s.corrected from segment s order by s.key"))

    async def _pages(self, work: Callable[[JobInput], Awaitable[JobPage]], job: UUID) -> JobPage:
        while True:
            page = await ActivityEnvironment().run(work, JobInput(job_id=job, subject=""))
            if page.state != "running":
                return page

    async def contact(self, **columns: Any) -> UUID:
        """A contact with these columns, created by an event."""
        contact = await make_contact(self.pool, **columns)
        await self.event(contact, CONTACT_CREATED)
        return contact

    async def event(self, contact: UUID, name: str, **properties: Any) -> int:
        """Record an event of a contact."""
        return await accept(self.pool, contact, name, properties)

    async def dispatch(self) -> None:
        """Dispatch until the outbox is empty."""
        await self.dispatcher.drain()

    async def drain(self) -> int:
        """Judge what is due."""
        return await self.queue.drain()

    async def members(self, segment: str) -> set[UUID]:
        """The contacts in a segment."""
        found = await self.rows("select contact_id from segment_member where segment = %s", segment)
        return {row[0] for row in found}

    async def changes(self, segment: str, contact: UUID) -> list[tuple[bool, datetime, str]]:
        """Whether the contact entered, when, and by what, in the order of recording."""
        found = await self.rows(
            "select entered, at, by from segment_change where segment = %s and contact_id = %s"
            " order by id",
            segment,
            contact,
        )
        return [(entered, at, by) for entered, at, by in found]

    async def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(query.encode(), parameters)
            return await cursor.fetchall()
