"""The loop that keeps the counts of experiments with many contacts, in every worker process."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.cancellation import end_if_cancelled
from journeys.time.backoff import Backoff
from store.operations.faults import describe
from store.reports.experiment_counts import MANY, recount, splits_of_many
from store.reports.experiment_splits import read_split, read_splits
from store.sql import is_database_away

log = structlog.get_logger(__name__)

_BACKOFF: Final = Backoff(first=5.0, longest=300.0)


class ExperimentCounting:
    """Counts each minute what is due. Any number of processes may do so: one counts a split."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        *,
        every: float = 60.0,
        many: int = MANY,
    ) -> None:
        """`every`: seconds between two rounds. `many`: the visits above which counts are kept."""
        self._pool = pool
        self._every = every
        self._many = many

    async def run(self) -> None:
        """Count until cancelled. PostgreSQL may go away and come back."""
        failures = 0
        while True:
            await asyncio.sleep(self._every if not failures else _BACKOFF.delay(failures))
            end_if_cancelled()
            try:
                failed = await self.count_due()
                failures = failures + 1 if failed else 0
            except Exception as error:
                failures += 1
                _report(error)

    async def count_due(self) -> int:
        """Count every split that is due; how many could not be counted. One of them stops none."""
        async with self._pool.connection() as conn:
            found = await splits_of_many(conn, many=self._many)
        failed = 0
        for journey, step in found:
            end_if_cancelled()
            try:
                async with self._pool.connection() as conn:
                    splits = await read_splits(conn, journey)
                    if splits is None:
                        continue
                    split = await read_split(
                        conn, journey, step, splits.version, has_goal=splits.has_goal
                    )
                    # Only other versions may have it.
                    if split is not None:
                        await recount(conn, split, due=True)
            except Exception as error:
                failed += 1
                _report(error, journey=journey, step=step)
        return failed


def _report(error: Exception, **subject: str) -> None:
    if is_database_away(error):
        log.warning("database_away", error=str(error).strip())
    else:
        log.warning("experiment_not_counted", error=describe(error), **subject)
