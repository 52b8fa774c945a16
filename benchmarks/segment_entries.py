"""Benchmark of an entry by segment: event → segment entered → run → provider called.

It is compared with an entry by the event itself, on a quiet system.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from benchmarks.instant import instant_adapters
from benchmarks.latency import milliseconds
from benchmarks.report import Figure
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from dispatch.jobs import start_job
from infra.clients import connect_temporal
from journeys.model.journey import Journey
from store.segments.generations import begin_generations
from worker import serving

TRIES = 100
_SEGMENT = "buyers"
_BOUGHT = "Bought"


async def measure() -> list[Figure]:
    """Measure the ratio of the medians; both sides alternate."""
    calls: asyncio.Queue[float] = asyncio.Queue()
    async with servers() as running:
        settings = running.settings
        client = await connect_temporal(settings)
        async with (
            serving(settings, client, adapters=instant_adapters(calls.put_nowait)),
            await AsyncConnection.connect(settings.database_url, autocommit=True) as conn,
        ):
            await activate(conn, sample(pause="1d"))
            await activate(conn, _by_segment())
            async with conn.transaction():
                await conn.execute(
                    "insert into document (kind, key, document, source, sha256)"
                    " values ('segment', %s, %s, '', '')",
                    (_SEGMENT, Jsonb({"segment": _SEGMENT, "if": {"event": _BOUGHT}})),
                )
                await conn.execute("update catalog set revision = revision + 1")
                jobs = await begin_generations(conn)
            for job in jobs:
                await start_job(conn, client, job)
            await _filled(conn)
            contacts = await make_contacts(conn, 2 * (TRIES + 10))
            direct: list[float] = []
            by_segment: list[float] = []
            for one, other in zip(contacts[::2], contacts[1::2], strict=True):
                direct.append(await _time(conn, calls, one, None))
                by_segment.append(await _time(conn, calls, other, _BOUGHT))
    ratio = statistics.median(by_segment[10:]) / statistics.median(direct[10:])
    return [
        Figure(
            "event → segment entered → provider called, against the direct entry's",
            ratio,
            "ratio",
            at_most=2.0,
            detail={
                "by_segment_ms": milliseconds(by_segment[10:]),
                "direct_ms": milliseconds(direct[10:]),
            },
        )
    ]


def _by_segment() -> Journey:
    """The sample journey, entered by the segment."""
    document = sample("by-segment", pause="1d").as_document()
    return Journey.model_validate({**document, "entry": {"segment": _SEGMENT}})


async def _time(
    conn: AsyncConnection[Any], calls: asyncio.Queue[float], contact: UUID, event: str | None
) -> float:
    began = time.perf_counter()
    if event is None:
        await accept(conn, [contact])
    else:
        await accept(conn, [contact], event)
    return await calls.get() - began


async def _filled(conn: AsyncConnection[Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            cursor = await conn.execute("select state from segment")
            if await cursor.fetchall() == [("ready",)]:
                return
            await asyncio.sleep(0.1)
