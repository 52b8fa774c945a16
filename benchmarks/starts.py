"""Benchmark of starts: many events at once begin runs that wait, against starts into a timer."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection
from temporalio.client import Client

from benchmarks import bare
from benchmarks.bare_activities import BareInput
from benchmarks.process import worker_process
from benchmarks.report import Figure, spread
from benchmarks.sample import accept, activate, make_contacts
from benchmarks.servers import servers
from benchmarks.waiting import timers, until
from infra.clients import connect_temporal
from journeys.model.journey import Journey

ROUNDS = 3
AT_ONCE = int(os.environ.get("BENCH_STARTS", "1000"))
PAUSE = 86_400.0 * 30
_EVENT = "Waited"


async def measure() -> list[Figure]:
    """Measure the engine's rate as a share of the bare workflow's: median of interleaved rounds."""
    async with servers() as running:
        settings = running.settings
        client = await connect_temporal(settings)
        with worker_process("bare", settings), worker_process("engine", settings):
            async with await AsyncConnection.connect(
                settings.database_url, autocommit=True
            ) as conn:
                await activate(conn, _waiting())
                await _bare(client, running.temporal_file, 50)
                await _engine(conn, running.temporal_file, 50)
                rates: list[tuple[float, float]] = []
                for _ in range(ROUNDS):
                    plain = AT_ONCE / await _bare(client, running.temporal_file, AT_ONCE)
                    ours = AT_ONCE / await _engine(conn, running.temporal_file, AT_ONCE)
                    rates.append((plain, ours))
    ratios = [ours / plain for plain, ours in rates]
    return [
        Figure(
            f"starts into a wait, {AT_ONCE:,} at once: rate against bare starts into a timer",
            statistics.median(ratios),
            "ratio",
            at_least=0.6,
            detail={
                "ratios": spread(ratios),
                "bare_per_second": spread([plain for plain, _ in rates]),
                "engine_per_second": spread([ours for _, ours in rates]),
            },
        )
    ]


def _waiting() -> Journey:
    return Journey.model_validate(
        {
            "journey": "waiting",
            "entry": {"event": _EVENT},
            "re_entry": "always",
            "steps": [{"id": "pause", "wait": "720h"}],
        }
    )


async def _bare(client: Client, file: Path, count: int) -> float:
    before = timers(file)
    began = time.perf_counter()
    limit = asyncio.Semaphore(50)

    async def start() -> None:
        async with limit:
            await client.start_workflow(
                bare.BareTimer.run, BareInput(run_id=str(uuid4()), pause=PAUSE), id=str(uuid4()),
                task_queue=bare.QUEUE,
            )  # fmt: skip

    await asyncio.gather(*(start() for _ in range(count)))
    return await _asleep(file, before + count) - began


async def _engine(conn: AsyncConnection[Any], file: Path, count: int) -> float:
    contacts = await make_contacts(conn, count)
    before = timers(file)
    began = time.perf_counter()
    await accept(conn, contacts, _EVENT)
    return await _asleep(file, before + count) - began


async def _asleep(file: Path, count: int) -> float:
    """When so many timers are there."""

    async def all_asleep() -> bool:
        return timers(file) >= count

    await until(all_asleep, every=0.05)
    return time.perf_counter()
