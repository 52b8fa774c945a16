"""Benchmark of S end to end, many runs at once, against the bare workflow."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection
from temporalio.client import Client

from benchmarks import bare
from benchmarks.bare_activities import BareInput
from benchmarks.process import worker_process
from benchmarks.report import Figure, spread
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from infra.clients import connect_temporal

ROUNDS = 5
AT_ONCE = 300


async def measure() -> list[Figure]:
    """Measure the engine's rate as a share of the bare workflow's: median of interleaved rounds."""
    async with servers() as running:
        settings = running.settings
        client = await connect_temporal(settings)
        with worker_process("bare", settings), worker_process("engine", settings):
            async with await AsyncConnection.connect(
                settings.database_url, autocommit=True
            ) as conn:
                await activate(conn, sample())
                await _bare(client, 20)
                await _engine(conn, 20)
                rates: list[tuple[float, float]] = []
                for _ in range(ROUNDS):
                    plain = AT_ONCE / await _bare(client, AT_ONCE)
                    ours = AT_ONCE / await _engine(conn, AT_ONCE)
                    rates.append((plain, ours))
    ratios = [ours / plain for plain, ours in rates]
    return [
        Figure(
            "S, 300 at once: rate against the bare workflow",
            statistics.median(ratios),
            "ratio",
            at_least=0.8,
            detail={
                "ratios": spread(ratios),
                "bare_per_second": spread([plain for plain, _ in rates]),
                "engine_per_second": spread([ours for _, ours in rates]),
            },
        )
    ]


async def _bare(client: Client, count: int) -> float:
    began = time.perf_counter()
    limit = asyncio.Semaphore(50)

    async def run_one() -> None:
        async with limit:
            handle = await client.start_workflow(
                bare.Bare.run, BareInput(run_id=str(uuid4())), id=str(uuid4()),
                task_queue=bare.QUEUE,
            )  # fmt: skip
        await handle.result()

    await asyncio.gather(*(run_one() for _ in range(count)))
    return time.perf_counter() - began


async def _engine(conn: AsyncConnection[Any], count: int) -> float:
    contacts = await make_contacts(conn, count)
    began = time.perf_counter()
    await accept(conn, contacts)
    while True:
        cursor = await conn.execute(
            "select count(*) from run where contact_id = any(%s) and state = 'ended'", (contacts,)
        )
        row = await cursor.fetchone()
        if row is not None and row[0] == count:
            return time.perf_counter() - began
        await asyncio.sleep(0.05)
