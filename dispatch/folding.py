"""The loop that folds deltas of figures into counters, in every worker process."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.cancellation import end_if_cancelled
from journeys.time.backoff import Backoff
from store.counters.folding import DELTAS, fold
from store.operations.faults import describe
from store.sql import is_database_away

log = structlog.get_logger(__name__)

_BACKOFF = Backoff(first=1.0, longest=30.0)


class Folding:
    """Folds each second. Any number of processes may do so: one folds at a time."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], zone: str, *, every: float = 1.0
    ) -> None:
        """`zone`: the one in which days begin. `every`: seconds between two folds."""
        self._pool = pool
        self._zone = zone
        self._every = every

    async def run(self) -> None:
        """Fold until cancelled. PostgreSQL may go away and come back."""
        failures = 0
        while True:
            end_if_cancelled()
            pause = self._every
            try:
                async with self._pool.connection() as conn:
                    folded = await fold(conn, self._zone)
                failures = 0
                if folded == DELTAS:
                    pause = 0.0
            except Exception as error:
                failures += 1
                pause = _BACKOFF.delay(failures)
                if is_database_away(error):
                    log.warning("database_away", error=str(error).strip())
                else:
                    log.warning("fold_failed", error=describe(error))
            await asyncio.sleep(pause)
