"""Benchmark of the time from an accepted event to the provider's call, on a quiet system.

It is compared with the time from the start of a bare workflow to its first activity.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from uuid import uuid4

from psycopg import AsyncConnection
from temporalio import activity
from temporalio.client import Client

from benchmarks import bare
from benchmarks.bare_activities import BareInput, BareResult
from benchmarks.instant import instant_adapters
from benchmarks.process import bare_worker
from benchmarks.report import Figure, percentile
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from infra.clients import connect_temporal
from worker import serving

TRIES = 100


async def measure() -> list[Figure]:
    """Measure the ratio of the medians; both sides alternate."""
    calls: asyncio.Queue[float] = asyncio.Queue()
    bare_calls: asyncio.Queue[float] = asyncio.Queue()

    @activity.defn(name="bare_send")
    async def bare_send(request: BareInput) -> BareResult:
        bare_calls.put_nowait(time.perf_counter())
        return BareResult(outcome="sent")

    async with servers() as running:
        settings = running.settings
        client = await connect_temporal(settings)
        async with (
            serving(settings, client, adapters=instant_adapters(calls.put_nowait)),
            bare_worker(client, send=bare_send),
            await AsyncConnection.connect(settings.database_url, autocommit=True) as conn,
        ):
            # With a long wait nothing but the first send happens during the measurement.
            await activate(conn, sample(pause="1d"))
            contacts = await make_contacts(conn, TRIES + 10)
            for contact in contacts[:10]:
                await _bare(client, bare_calls)
                await accept(conn, [contact])
                await calls.get()
            plain: list[float] = []
            ours: list[float] = []
            for contact in contacts[10:]:
                plain.append(await _bare(client, bare_calls))
                began = time.perf_counter()
                await accept(conn, [contact])
                ours.append(await calls.get() - began)
    ratio = statistics.median(ours) / statistics.median(plain)
    return [
        Figure(
            "event accepted → provider called, against a bare start → activity",
            ratio,
            "ratio",
            at_most=1.0,
            detail={
                "engine_ms": milliseconds(ours),
                "bare_ms": milliseconds(plain),
            },
        )
    ]


async def _bare(client: Client, calls: asyncio.Queue[float]) -> float:
    began = time.perf_counter()
    await client.start_workflow(
        bare.Bare.run,
        BareInput(run_id=str(uuid4()), pause=86_400.0),
        id=str(uuid4()),
        task_queue=bare.QUEUE,
    )
    return await calls.get() - began


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """The median and the 99th percentile of times in seconds."""
    return {
        "p50": round(statistics.median(seconds) * 1_000, 2),
        "p99": round(percentile(seconds, 0.99) * 1_000, 2),
    }
