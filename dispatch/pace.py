"""The pace of contacts with a lot of work: how long one rests after it has used its share.

What a round begins or wakes, workers have to do. If they have not come to it yet, more of the same
contact would only stand before the runs of all others. So a contact rests for twice the time that
the workers took to come to a call, and has half of them at most.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.runs.workflow_marks import CallKey, was_noticed

_SHORTEST, _LONGEST = 0.1, 5.0
"""Seconds."""
_FIRST = 0.5
_LOOK_EVERY = 0.05


class Pace:
    """The pace of one dispatcher."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._seconds = _FIRST
        self._measuring: asyncio.Task[None] | None = None

    @property
    def rest(self) -> timedelta:
        """How long a contact rests that used its share."""
        return timedelta(seconds=self._seconds)

    def measure(self, call: CallKey) -> None:
        """Measure when the workers come to a call that was made just now."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure(call))

    async def close(self) -> None:
        """End a measurement under way."""
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.gather(self._measuring, return_exceptions=True)

    async def _measure(self, call: CallKey) -> None:
        began = time.monotonic()
        try:
            while time.monotonic() - began < _LONGEST / 2:
                async with self._pool.connection() as conn:
                    if await was_noticed(conn, call):
                        break
                # While it lasts, the rest is at least that long.
                self._seconds = max(self._seconds, 2 * (time.monotonic() - began))
                await asyncio.sleep(_LOOK_EVERY)
        except psycopg.Error:
            return
        taken = time.monotonic() - began
        self._seconds = min(max(2 * taken, _SHORTEST), _LONGEST)
