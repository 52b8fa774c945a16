"""The benchmark of a large installation: `make bench SIZE=1m`."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.branching import add_contact_with_events, time_branches
from benchmarks.large.data import EVENTS_EACH, fill, settle
from benchmarks.large.dates import measure_birthdays
from benchmarks.large.imports import measure_import
from benchmarks.large.memory import Memory, sequential_scans, table_sizes
from benchmarks.large.segments import (
    measure_due,
    measure_fill,
    measure_judging,
    measure_previews,
)
from benchmarks.report import Figure
from benchmarks.servers import servers
from infra.clients import open_pool
from infra.garbage import spare_what_stays
from infra.settings import Settings

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_SIZE: Final = re.compile(r"(\d+)([km]?)", re.ASCII)
_FACTORS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_PATIENCE: Final = float(os.environ.get("BENCH_SECONDS", "240"))
"""Seconds after which the fill of a segment and of a journey are stopped: their rates are known."""
_IMPORTED: Final = 5
"""The import has a fifth as many lines as there are contacts."""


def contacts_of(size: str) -> int:
    """How many contacts a size such as `1m` or `100k` means. Raises ValueError."""
    found = _SIZE.fullmatch(size.strip().lower())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"SIZE={size} is no size: say 100k or 1m")
    return int(found[1]) * _FACTORS[found[2]]


async def measure() -> list[Figure]:
    """Fill a database of its own, and measure what depends on how much is in it."""
    contacts = contacts_of(os.environ.get("SIZE") or "100k")
    # As a worker does.
    spare_what_stays()
    memory = Memory()
    figures: list[Figure] = []
    began = time.perf_counter()
    async with servers() as running:
        settings = running.settings
        async with await AsyncConnection.connect(settings.database_url, autocommit=True) as conn:
            memory.begin()
            await fill(conn, contacts)
            memory.end("making the rows")
            filled = time.perf_counter() - began
            _say(f"{contacts:,} contacts and {contacts * EVENTS_EACH:,} events in {filled:.0f} s")
            figures += await _measure_all(settings, conn, contacts, memory)
            sizes = await table_sizes(conn)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.append(
        Figure(
            "memory of the process that did all of this",
            own,
            "MB",
            detail={"peak_by_part": memory.peaks, "tables_mb": sizes},
        )
    )
    figures.append(
        Figure(
            "making the rows, and everything",
            time.perf_counter() - began,
            "s",
            detail={"making_the_rows": round(filled, 1)},
        )
    )
    return figures


async def _measure_all(
    settings: Settings, conn: AsyncConnection[Any], contacts: int, memory: Memory
) -> list[Figure]:
    run = await add_contact_with_events(conn)
    figures = [await _part(memory, "branch", _branch(conn, contacts, run))]
    parts: dict[str, Callable[[Pool], Awaitable[Figure]]] = {
        # First: it also judges its contacts by the segments that there are.
        "import": lambda pool: measure_import(pool, max(contacts // _IMPORTED, 1)),
        "previews": measure_previews,
        "fill": lambda pool: measure_fill(pool, contacts, _PATIENCE),
        "due": lambda pool: measure_due(pool, contacts),
        "judging": lambda pool: measure_judging(pool, contacts),
        "birthdays": lambda pool: measure_birthdays(pool, contacts, _PATIENCE),
    }
    scans: dict[str, dict[str, int]] = {}
    for name, measured in parts.items():
        # A pool for each: what a connection has counted is seen when it is closed.
        pool = await open_pool(settings, min_size=1, max_size=4)
        before = await sequential_scans(conn)
        try:
            figures.append(await _part(memory, name, measured(pool)))
        finally:
            await pool.close()
        await asyncio.sleep(0.5)
        after = await sequential_scans(conn)
        scans[name] = {
            table: count - before.get(table, 0)
            for table, count in after.items()
            if count > before.get(table, 0)
        }
        if name in ("import", "fill", "birthdays"):
            await settle(conn)
    hot = {name: found for name, found in scans.items() if name in ("due", "judging")}
    figures.append(
        Figure(
            "sequential scans of large tables by what is judged at events and drained",
            float(sum(sum(found.values()) for found in hot.values())),
            "scans",
            at_most=0.0,
            detail={"by_part": scans},
        )
    )
    return figures


async def _branch(conn: AsyncConnection[Any], contacts: int, run: Any) -> Figure:
    return await time_branches(conn, run, contacts * EVENTS_EACH, at_most=2.0)


async def _part(memory: Memory, name: str, work: Awaitable[Figure]) -> Figure:
    memory.begin()
    began = time.perf_counter()
    figure = await work
    memory.end(name)
    _say(f"{figure.name}: {figure.value:.2f} {figure.unit}, {time.perf_counter() - began:.0f} s")
    return figure


def _say(line: str) -> None:
    print(f"    {line}", file=sys.stderr, flush=True)
