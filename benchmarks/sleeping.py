"""Benchmark of a sleeping run: its bytes in Temporal's database and in Postgres."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import uuid4

from psycopg import AsyncConnection

from benchmarks import bare
from benchmarks.bare_activities import BareInput
from benchmarks.instant import instant_adapters
from benchmarks.process import bare_worker
from benchmarks.report import Figure
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import Servers, servers
from benchmarks.waiting import timers, until
from infra.clients import connect_temporal
from worker import serving

RUNS = 500
_SIZE = (
    "select sum(pg_total_relation_size(c.oid)) from pg_class c where relkind = 'r'"
    " and relname in ('run', 'visit', 'listener', 'message', 'outbox')"
)


async def measure() -> list[Figure]:
    """Measure both sides, each on servers of its own, so that neither counts the other's bytes."""
    async with servers() as running:
        before = _bytes(running.temporal_file)
        await _sleep_bare(running)
        plain = (_bytes(running.temporal_file) - before) / RUNS
    async with servers() as running:
        before = _bytes(running.temporal_file)
        rows = await _sleep_engine(running)
        ours = (_bytes(running.temporal_file) - before) / RUNS
    return [
        Figure(
            "a sleeping run: bytes in Temporal against a bare workflow's",
            ours / plain,
            "ratio",
            at_most=1.2,
            detail={"engine_bytes": round(ours), "bare_bytes": round(plain)},
        ),
        Figure("a sleeping run: bytes in Postgres", rows, "bytes", at_most=4 * 1024),
    ]


async def _sleep_bare(running: Servers) -> None:
    client = await connect_temporal(running.settings)
    async with bare_worker(client):
        for _ in range(RUNS):
            await client.start_workflow(
                bare.Bare.run,
                BareInput(run_id=str(uuid4()), pause=86_400.0 * 30),
                id=f"journey.sample.{uuid4()}",
                task_queue=bare.QUEUE,
            )
        # A run is asleep once it has its timer, because the activity before it is done then.
        await until(lambda: _all_asleep(running.temporal_file), every=0.2)


async def _all_asleep(file: Path) -> bool:
    return timers(file) >= RUNS


async def _sleep_engine(running: Servers) -> float:
    settings = running.settings
    client = await connect_temporal(settings)
    async with (
        serving(settings, client, adapters=instant_adapters()),
        await AsyncConnection.connect(settings.database_url, autocommit=True) as conn,
    ):
        await activate(conn, sample(pause="30d"))
        contacts = await make_contacts(conn, RUNS)
        before = await _number(conn, _SIZE)
        await accept(conn, contacts)
        await until(lambda: _all_asleep(running.temporal_file), every=0.2)
        return (await _number(conn, _SIZE) - before) / RUNS


async def _number(conn: AsyncConnection, query: str) -> float:
    cursor = await conn.execute(query)
    row = await cursor.fetchone()
    return float(row[0]) if row else 0.0


def _bytes(file: Path) -> int:
    """Bytes of the pages in use, including those in the write-ahead log."""
    with sqlite3.connect(file, timeout=30) as conn:
        conn.execute("pragma wal_checkpoint(passive)").fetchall()
        [pages] = conn.execute("pragma page_count").fetchone()
        [free] = conn.execute("pragma freelist_count").fetchone()
        [size] = conn.execute("pragma page_size").fetchone()
    return int((pages - free) * size)
