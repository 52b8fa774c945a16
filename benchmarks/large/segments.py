"""Segments over many contacts: previewed, filled, judged at events, and drained by time."""

from __future__ import annotations

import time
from typing import Any, Final, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.fill_segments import FillSegmentActivities
from benchmarks.large.data import ORDER, VIEW, contact_id
from benchmarks.report import Figure, percentile, spread
from dispatch.segments import segment_queue
from journeys.model.documents import Segment
from journeys.protocol.payloads import JobInput
from store.definitions.catalog import Catalog
from store.definitions.documents import lock_catalog, save_document
from store.events.recording import NewEvent, record_events
from store.operations.jobs import read_job
from store.segments.generations import begin_generations
from store.segments.judging import begin_judging, judge_contacts
from store.segments.preview import preview_condition

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_DEPENDENT: Final = 50
_TRIES: Final = 500
_WARM: Final = 30
_DUE: Final = 20_000
_ONE_FILL: Final = "orders-of-a-month"
_PREVIEWS: Final[list[dict[str, Any]]] = [
    {"attribute": "plan", "is": "gold"},
    {"all": [{"attribute": "plan", "is": "pro"}, {"attribute": "visits", "gte": 90}]},
    {"attribute": "country", "is": "DE"},
    {"event": ORDER, "within": "30d"},
    {"event": ORDER, "count": {"gte": 2}, "where": {"total": {"gte": 50}}},
    {"all": [{"attribute": "plan", "is": "gold"}, {"event": VIEW, "within": "90d"}]},
    {"not": {"event": ORDER, "within": "60d"}},
]


async def measure_previews(pool: Pool) -> Figure:
    """Seconds of counting for how many contacts a condition holds, with a sample."""
    took: list[float] = []
    counts: list[int] = []
    for _ in range(3):
        for condition in _PREVIEWS:
            segment = Segment.model_validate({"segment": "preview", "if": condition})
            began = time.perf_counter()
            async with pool.connection() as conn:
                found = await preview_condition(conn, segment.if_, timeout="120s")
            took.append(time.perf_counter() - began)
            counts.append(found.count)
    return Figure(
        "preview of a segment",
        percentile(took, 0.95),
        "s at p95",
        detail={**spread(took), "members": counts[: len(_PREVIEWS)]},
    )


async def measure_fill(pool: Pool, contacts: int, seconds: float) -> Figure:
    """Contacts per second that a new segment is filled from; it is stopped after the seconds."""
    [job_id] = await _save(
        pool, {_ONE_FILL: {"event": ORDER, "within": "30d", "count": {"gte": 1}}}
    )
    activities = FillSegmentActivities(_context(pool), cast(Client, None))
    began = time.perf_counter()
    while True:
        page = await ActivityEnvironment().run(
            activities.page, JobInput(job_id=job_id, subject=_ONE_FILL)
        )
        took = time.perf_counter() - began
        if page.state != "running" or took > seconds:
            break
    async with pool.connection() as conn:
        job = await read_job(conn, job_id)
        cursor = await conn.execute("select count(*) from segment_member")
        row = await cursor.fetchone()
    assert job is not None
    assert row is not None
    return Figure(
        f"filling a segment over {contacts:,} contacts",
        job.done / took,
        "contacts per second",
        detail={
            "judged": job.done,
            "state": page.state,
            "seconds": round(took, 1),
            "members": row[0],
        },
    )


async def measure_judging(pool: Pool, contacts: int) -> Figure:
    """Milliseconds of judging the contact of an event by 50 segments that depend on it."""
    await _save(
        pool,
        {
            f"spent-{number}": {
                "event": ORDER,
                "where": {"total": {"gte": number}},
                "within": f"{number + 10}d",
                "count": {"gte": 1 + number % 3},
            }
            for number in range(_DEPENDENT)
        },
    )
    catalog = Catalog()
    took: list[float] = []
    changes = 0
    step = max(contacts // (_WARM + _TRIES), 1)
    tried = [contact_id(number * step % contacts) for number in range(_WARM + _TRIES)]
    async with pool.connection() as conn:
        # Filled for the contacts that have an event below, and for no others.
        for start in range(0, len(tried), 100):
            async with conn.transaction():
                await begin_judging(conn, timeout="60s")
                await judge_contacts(conn, catalog, set(tried[start : start + 100]), by="fill")
        await conn.execute("update segment set state = 'ready', filled_at = now()")
        await conn.execute("update job set state = 'done' where kind = 'segment'")
        for number, contact in enumerate(tried):
            await _order(conn, contact, number)
            began = time.perf_counter()
            async with conn.transaction():
                await begin_judging(conn)
                judged = await judge_contacts(conn, catalog, [contact])
            if number >= _WARM:
                took.append((time.perf_counter() - began) * 1_000)
                changes += len(judged.changes)
    return Figure(
        f"{_DEPENDENT} dependent segments judged for one event, among {contacts:,} contacts",
        percentile(took, 0.99),
        "ms at p99",
        at_most=20.0,
        detail={**spread(took), "changes": changes},
    )


async def measure_due(pool: Pool, contacts: int) -> Figure:
    """Contacts per second that are judged because time may have changed their membership."""
    due = min(_DUE, contacts)
    async with pool.connection() as conn:
        await conn.execute("delete from segment_due where due_at <= now()")
        await conn.execute(
            "insert into segment_due (contact_id, segment, due_at)"
            " select id, %s, now() - interval '1 second' from contact order by id limit %s"
            " on conflict (contact_id, segment) do update set due_at = excluded.due_at",
            (_ONE_FILL, due),
        )
        await conn.execute("analyze segment_due")
    began = time.perf_counter()
    drained = await segment_queue(pool, Catalog()).drain()
    took = time.perf_counter() - began
    return Figure(
        "due times of segments drained",
        drained / took,
        "per second",
        detail={"due": due, "drained": drained, "seconds": round(took, 2)},
    )


async def _order(conn: AsyncConnection[Any], contact: UUID, number: int) -> None:
    """Record an order under its contact's lock, as ingest does."""
    async with conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await record_events(conn, contact, [NewEvent(ORDER, {"total": number % 100})])


async def _save(pool: Pool, conditions: dict[str, dict[str, Any]]) -> list[UUID]:
    """Save segments; the jobs that fill them, which are not begun."""
    async with pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        for key, condition in conditions.items():
            document = {"segment": key, "if": condition}
            Segment.model_validate(document)
            await save_document(conn, "segment", key, document, "")
        return await begin_generations(conn)


def _context(pool: Pool) -> Context:
    return Context(pool=pool, catalog=Catalog(), adapters={})
