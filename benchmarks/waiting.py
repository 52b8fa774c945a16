"""Waiting for a condition by asking for it again and again; timers of Temporal as one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path


async def until(condition: Callable[[], Awaitable[bool]], every: float = 0.1) -> None:
    """Ask every `every` seconds until the condition holds."""
    while True:
        if await condition():
            return
        await asyncio.sleep(every)


def timers(temporal_file: Path) -> int:
    """The timers of all workflows: a run that waits for time alone is asleep once it has one."""
    with sqlite3.connect(f"file:{temporal_file}?mode=ro", uri=True, timeout=10) as conn:
        [number] = conn.execute("select count(*) from timer_info_maps").fetchone()
    return int(number)
