"""The clock of a simulation, which its driver sets."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.simulation.simulated_database import set_clock

# Well below the two seconds that a local activity may take.
_WAIT_SECONDS = 1.2


class Clock:
    """The time of a simulation; it stands still until the driver advances it.

    Temporal's own clock goes on while work is done, so a timer may fire before its due time by this
    clock. The activity of such a timer waits here until this clock shows the due time.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], start: datetime) -> None:
        self._pool = pool
        self._advanced = asyncio.Condition()
        self.now = start
        self._early: dict[UUID, datetime] = {}

    async def advance_to(self, to: datetime) -> None:
        """Set the clock to a later time; an earlier time changes nothing."""
        if to <= self.now:
            return
        async with self._pool.connection() as conn:
            await set_clock(conn, to)
        async with self._advanced:
            self.now = to
            self._advanced.notify_all()

    async def wait_until_due(self, run_id: UUID, due: datetime) -> bool:
        """Wait a short time until the clock shows `due`; returns whether it does."""
        if self.now >= due:
            return True
        self._early[run_id] = due
        try:
            async with asyncio.timeout(_WAIT_SECONDS), self._advanced:
                await self._advanced.wait_for(lambda: self.now >= due)
        except TimeoutError:
            return False
        finally:
            self._early.pop(run_id, None)
        return True

    def is_early(self, run_id: UUID) -> bool:
        """Whether the run waits in `wait_until_due` for a time that the clock does not show yet.

        As soon as the clock shows it the run counts as at work, even if it still has to wake up.
        """
        due = self._early.get(run_id)
        return due is not None and self.now < due
