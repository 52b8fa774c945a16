"""Benchmark of wake-ups: how late the sample's wait ends while many other runs are asleep.

Runs of the sample begin at a quarter of the rate that the machine does, so as many wake up. Then
the bare workflow does the same, among the same sleepers.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from temporalio.client import Client

from benchmarks import bare
from benchmarks.bare_activities import BareInput
from benchmarks.process import worker_process
from benchmarks.report import Figure, percentile
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from benchmarks.waiting import timers, until
from infra.clients import connect_temporal
from journeys.model.journey import Journey

ASLEEP = int(os.environ.get("BENCH_ASLEEP", "20000"))
"""Runs that sleep meanwhile."""
SETUP_SECONDS = 1_200.0
"""For their starts. Where the server takes fewer in this time, the benchmark fails."""
SECONDS = 20
"""How long runs begin, on each side."""
_ROUND = 250
_EVENT = "Fell Asleep"


async def measure() -> list[Figure]:
    """Measure the 99th percentile of the lateness of both sides."""
    async with servers() as running:
        settings = running.settings
        client = await connect_temporal(settings)
        with worker_process("engine", settings), worker_process("bare", settings):
            async with await AsyncConnection.connect(
                settings.database_url, autocommit=True
            ) as conn:
                await activate(conn, sample())
                await _sample_rate(conn, 30)
                rate = await _sample_rate(conn, 100) / 4
                asleep = await _send_to_sleep(conn, running.temporal_file)
                late = await _engine(conn, rate)
                plain = await _bare(client, rate)
    return [
        Figure("runs asleep during the wake-ups", asleep, "runs", at_least=ASLEEP),
        Figure(
            f"wake-ups among {asleep:,} sleeping runs: seconds late, p99",
            percentile(late, 0.99),
            "s",
            detail={
                "p50": round(percentile(late, 0.5), 3),
                "bare_p99": round(percentile(plain, 0.99), 3),
                "bare_p50": round(percentile(plain, 0.5), 3),
                "wake_ups": len(late),
                "per_second": round(rate, 1),
                "aim": "p99 ≤ 1 s",
            },
        ),
    ]


async def _sample_rate(conn: AsyncConnection[Any], count: int) -> float:
    """Runs of the sample that end in a second, so many at once."""
    contacts = await make_contacts(conn, count)
    began = time.perf_counter()
    await accept(conn, contacts)
    await _ended(conn, contacts)
    return count / (time.perf_counter() - began)


async def _send_to_sleep(conn: AsyncConnection[Any], file: Path) -> int:
    """Start runs that sleep for a month; returns how many there are."""
    asleep = {
        "journey": "asleep",
        "entry": {"event": _EVENT},
        "steps": [{"id": "pause", "wait": "720h"}],
    }
    await activate(conn, Journey.model_validate(asleep))
    end = time.monotonic() + SETUP_SECONDS
    before = timers(file)
    accepted = 0

    async def all_accepted() -> bool:
        nonlocal accepted
        # So many at once keep the dispatcher at work, and no workflow task waits too long.
        if accepted - (timers(file) - before) < 2 * _ROUND:
            count = min(_ROUND, ASLEEP - accepted)
            await accept(conn, await make_contacts(conn, count), _EVENT)
            accepted += count
        return accepted == ASLEEP or time.monotonic() > end

    async def all_asleep() -> bool:
        return timers(file) - before >= accepted

    await until(all_accepted)
    await until(all_asleep)
    await conn.execute("analyze")
    return accepted


async def _engine(conn: AsyncConnection[Any], rate: float) -> list[float]:
    contacts = await make_contacts(conn, int(rate * SECONDS) + 1)
    began = time.perf_counter()
    for number, contact in enumerate(contacts):
        await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
        await accept(conn, [contact])
    await _ended(conn, contacts)
    cursor = await conn.execute(
        "select extract(epoch from o.started_at - p.due_at)::float8 from run r"
        " join visit p on p.run_id = r.id and p.step = 'pause'"
        " join visit o on o.run_id = r.id and o.step = 'opened' where r.contact_id = any(%s)",
        (contacts,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _ended(conn: AsyncConnection[Any], contacts: list[UUID]) -> None:
    query = "select count(*) from run where contact_id = any(%s) and state = 'ended'"

    async def all_ended() -> bool:
        cursor = await conn.execute(query, (contacts,))
        return await cursor.fetchone() == (len(contacts),)

    await until(all_ended, every=0.05)


async def _bare(client: Client, rate: float) -> list[float]:
    began = time.perf_counter()
    running = []
    for number in range(int(rate * SECONDS) + 1):
        await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
        handle = await client.start_workflow(
            bare.Bare.run, BareInput(run_id=str(uuid4())), id=str(uuid4()), task_queue=bare.QUEUE
        )
        running.append(asyncio.create_task(handle.result()))
    return [result.late for result in await asyncio.gather(*running)]
