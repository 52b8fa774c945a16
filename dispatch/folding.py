"""The loop that folds deltas of figures into counters, in every worker process."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.cancellation import end_if_cancelled
from journeys.time.backoff import Backoff
from journeys.time.durations import Duration
from store.counters.folding import BACKLOG, DELTAS, fold
from store.operations.faults import describe
from store.sql import is_database_away

log = structlog.get_logger(__name__)

_BACKOFF = Backoff(first=1.0, longest=30.0)


class Folding:
    """Folds each second. Any number of processes may do so: one folds at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        zone: str,
        *,
        keep: Duration | None = None,
        every: float = 1.0,
    ) -> None:
        """`zone`: the one in which days begin. `every`: seconds between two folds.

        `keep`: how long counters of quarters of an hour are kept; None: for good.
        """
        self._pool = pool
        self._zone = zone
        # Months differ in length.
        self._keep = None if keep is None else keep.nominal() + timedelta(days=3)
        self._every = every

    async def run(self) -> None:
        """Fold until cancelled. PostgreSQL may go away and come back."""
        failures = 0
        limit = DELTAS
        while True:
            end_if_cancelled()
            pause = self._every
            try:
                async with self._pool.connection() as conn:
                    folded = await fold(conn, self._zone, limit=limit, keep=self._keep)
                failures = 0
                # Many at once have more counters in common.
                limit, pause = (BACKLOG, 0.0) if folded == limit else (DELTAS, pause)
            except Exception as error:
                failures += 1
                pause = _BACKOFF.delay(failures)
                if is_database_away(error):
                    log.warning("database_away", error=str(error).strip())
                else:
                    log.warning("fold_failed", error=describe(error))
            await asyncio.sleep(pause)
