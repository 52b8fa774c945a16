"""Benchmark of what operators read, among many runs: figures, explanations, timelines, lists.

`SIZE=2m` before `python -m benchmarks figures` has 2 million runs with 10 million visits and
events; by default it is a tenth of that. `BENCH_DATA=DIR` keeps the rows in a directory: the next
measurement of the same size takes them from there. Budgets hold for 2 million runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import psutil
from psycopg import AsyncConnection
from pydantic import SecretStr

from api.app import create_app
from benchmarks.large.counting import count_rows
from benchmarks.large.journeys import LARGE, fill_journeys
from benchmarks.large.measure import contacts_of
from benchmarks.large.memory import table_sizes
from benchmarks.reads import Read, reads
from benchmarks.report import Figure, percentile
from benchmarks.servers import database
from infra.garbage import spare_what_stays
from infra.settings import Settings
from store.operations.api_keys import create_key

ZONE: Final = ZoneInfo("Europe/Paris")
_TIMES: Final = int(os.environ.get("BENCH_TIMES", "40"))
_UNFOLDED: Final = 3_000
"""Changes of counters that are not folded: those of the last second, where much happens."""
_BUDGETED: Final = 2_000_000
_LARGE: Final = ("contact", "event", "run", "visit", "message", "figure", "refusal", "audit", "job")
_SCANS: Final = "select relname, seq_scan from pg_stat_user_tables where relname = any(%s)"
_DELTAS: Final = """
insert into figure_delta
    (journey, version, step, fact, label, at, entered_at, count)
select journey, version, step, fact, label, parcours.clock(), parcours.clock(), 0
from (select * from figure where span = 'day' and fact <> 'in_journeys' limit %s) f
"""
_WAY: Final = os.environ.get("BENCH_READS", "")
"""Only the reads whose names have this in them."""


async def measure() -> list[Figure]:
    """Make the rows, count them, and time each read through the API."""
    runs = contacts_of(os.environ.get("SIZE") or "200k")
    began = time.perf_counter()
    async with _filled(runs) as (url, made):
        settings = Settings(
            database_url=url,
            temporal={"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "default",
                      "TEMPORAL_CONFIG_FILE": os.devnull},
            from_address="bench@example.com",
            public_url="https://links.example.com",
            link_keys=(SecretStr("the key of the links of a benchmark"),),
            spool=Path(tempfile.gettempdir()) / "parcours-bench-spool",
            timezone=ZONE.key,
        )  # fmt: skip
        async with await AsyncConnection.connect(url, autocommit=True) as conn:
            wanted = [each for each in await _reads(conn) if _WAY in each.name]
            await conn.execute("truncate figure_delta")
            await conn.execute(_DELTAS, (_UNFOLDED,))
            before = await _scans(conn)
            figures = await _measure(settings, conn, wanted, runs)
            after = await _scans(conn)
            sizes = await table_sizes(conn)
    scans = {table: after[table] - before.get(table, 0) for table in after}
    figures.append(
        Figure(
            "sequential scans of large tables by these reads",
            float(sum(scans.values())),
            "scans",
            at_most=0.0 if runs >= _BUDGETED else None,
            detail={table: count for table, count in scans.items() if count},
        )
    )
    whole = time.perf_counter() - began
    figures.append(
        Figure("making the rows, and everything", whole, "s", detail={**made, "tables_mb": sizes})
    )
    return figures


@asynccontextmanager
async def _filled(runs: int) -> AsyncIterator[tuple[str, dict[str, float]]]:
    """The address of a database with so many runs, and how long making them took."""
    kept = os.environ.get("BENCH_DATA")
    with tempfile.TemporaryDirectory(prefix="parcours-bench-") as name:
        directory = Path(kept or name) / str(runs)
        async with database(directory) as postgres:
            marker = directory / "filled"
            made: dict[str, float] = {}
            if not marker.exists():
                made["seconds_of_filling"] = await _timed(fill_journeys(postgres.url(), runs))
                _say(f"{runs:,} runs in {made['seconds_of_filling']:.0f} s")
                made["seconds_of_counting"] = await _timed(count_rows(postgres.url(), ZONE.key))
                _say(f"counted in {made['seconds_of_counting']:.0f} s")
                marker.touch()
            yield postgres.url(), made


async def _reads(conn: AsyncConnection[Any]) -> list[Read]:
    cursor = await conn.execute(
        "select id::text, (select id::text from message where run_id = r.id limit 1) from run r"
        " where journey = %s and state = 'active' order by r.id desc limit 1",
        (LARGE,),
    )
    [(run, message)] = await cursor.fetchall()
    day = (datetime.now(UTC).astimezone(ZONE) - timedelta(days=13)).date()
    return reads(day.isoformat(), run[:10], message)


async def _measure(
    settings: Settings, conn: AsyncConnection[Any], wanted: list[Read], runs: int
) -> list[Figure]:
    # As the process of the API does.
    spare_what_stays()
    key = await create_key(conn, "operate")
    app = create_app(settings)
    figures = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://bench",
            headers={"Authorization": f"Bearer {key}"},
            timeout=300,
        ) as client,
    ):
        row = await (await conn.execute("select pg_backend_pid()")).fetchone()
        assert row is not None
        server = psutil.Process(row[0]).parent()
        assert server is not None
        for read in wanted:
            figure = await _time(client, read, runs, server)
            _say(f"{figure.name}: {figure.value:.0f} ms, {figure.detail}")
            figures.append(figure)
    return figures


async def _time(client: httpx.AsyncClient, read: Read, runs: int, server: psutil.Process) -> Figure:
    took: list[float] = []
    size = 0
    cpu = 0.0
    for number in range(_TIMES + 2):
        if number == 2:
            cpu = _cpu_seconds(server)
        contact = str((number * 7_919 + 17) % (runs // 2))
        path = read.path.replace("{n}", contact)
        parameters = {
            name: value.replace("{n}", contact) for name, value in read.parameters.items()
        }
        began = time.perf_counter()
        answer = await client.get(path, params=parameters)
        took.append((time.perf_counter() - began) * 1_000)
        answer.raise_for_status()
        size = len(answer.content)
    cpu = (_cpu_seconds(server) - cpu) / _TIMES * 1_000
    # The first ones read from the disk, and compile what is kept from then on.
    first, measured = took[0], took[2:]
    return Figure(
        f"{read.name}, p95",
        percentile(measured, 0.95),
        "ms",
        at_most=read.at_most if runs >= _BUDGETED else None,
        detail={
            "p50": round(percentile(measured, 0.5), 1),
            "first": round(first, 1),
            "cpu": round(cpu, 1),
            "budget": read.at_most,
            "bytes": size,
        },
    )


def _cpu_seconds(server: psutil.Process) -> float:
    """The processor time of this process, which is the API, and of PostgreSQL.

    Unlike the time that a read takes, it hardly depends on what else the machine does.
    """
    used = 0.0
    for process in (psutil.Process(), *server.children()):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


async def _scans(conn: AsyncConnection[Any]) -> dict[str, int]:
    """How often large tables were read as a whole, by connections that were closed."""
    await conn.execute("select pg_stat_force_next_flush()")
    cursor = await conn.execute(_SCANS, (list(_LARGE),))
    return dict(await cursor.fetchall())


async def _timed(work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return round(time.perf_counter() - began, 1)


def _say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)
