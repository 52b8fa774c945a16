"""The time of a simulation, held by its driver and told to everyone else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.simulation.simulated_database import set_clock

# Well below the two seconds that a local activity may last.
_PATIENCE = 1.2


class Clock:
    """Stands still until the driver moves it: nothing that happens takes any time.

    Temporal's own clock creeps on while work is done, so a timer may fire before its time has come
    here. What such a timer asks for waits at the gate.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], start: datetime) -> None:
        self._pool = pool
        self._moved = asyncio.Condition()
        self.now = start
        self._gated: dict[UUID, datetime] = {}

    async def move(self, to: datetime) -> None:
        """Move on; a time that is past changes nothing."""
        if to <= self.now:
            return
        async with self._pool.connection() as conn:
            await set_clock(conn, to)
        async with self._moved:
            self.now = to
            self._moved.notify_all()

    async def reaches(self, run_id: UUID, due: datetime) -> bool:
        """Wait a moment until the clock shows `due`; whether it does."""
        if self.now >= due:
            return True
        self._gated[run_id] = due
        try:
            async with asyncio.timeout(_PATIENCE), self._moved:
                await self._moved.wait_for(lambda: self.now >= due)
        except TimeoutError:
            return False
        finally:
            self._gated.pop(run_id, None)
        return True

    def is_early(self, run_id: UUID) -> bool:
        """Whether the run's timer has fired before its time, and waits at the gate for it.

        Once the clock shows that time the run is at work, though it may not have passed yet.
        """
        due = self._gated.get(run_id)
        return due is not None and self.now < due
