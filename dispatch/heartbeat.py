"""The report of a worker process, by which operators see which builds are at work."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.operations.workers import remove_worker, report_worker
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

_EVERY: Final = 10.0
"""Seconds between two reports."""


class Heartbeat:
    """Reports one process every ten seconds, and says when it leaves."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        build: str,
        *,
        every: float = _EVERY,
    ) -> None:
        self._pool = pool
        self._build = build
        self._every = every
        self._process = uuid4()

    async def run(self) -> None:
        """Report until cancelled."""
        lag = 0.0
        try:
            while True:
                await self._report(lag)
                due = monotonic() + self._every
                await asyncio.sleep(self._every)
                lag = max(0.0, monotonic() - due)
        finally:
            await asyncio.shield(self._leave())

    async def _report(self, lag: float) -> None:
        try:
            async with self._pool.connection(timeout=2.0) as conn:
                await report_worker(conn, self._process, self._build, lag)
        except DATABASE_AWAY as error:
            log.warning("database_away", part="heartbeat", error=type(error).__name__)

    async def _leave(self) -> None:
        try:
            async with self._pool.connection(timeout=1.0) as conn:
                await remove_worker(conn, self._process)
        except DATABASE_AWAY:
            # It is seen no more after a minute all the same.
            pass
