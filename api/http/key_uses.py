"""The last use of keys: noted in memory, and written at most once a minute for each key."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from store.operations.api_keys import note_uses

_MINUTE: Final = 60
_GATHERED: Final = 1.0
"""Seconds in which uses are gathered before they are written together."""

log = structlog.get_logger(__name__)


class KeyUses:
    """The keys that this process has seen in use, each with the latest minute.

    No request waits for it: a use is noted, and a task writes it.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._noted: dict[UUID, int] = {}
        self._unwritten: dict[UUID, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def note(self, key_id: UUID) -> None:
        """Note that a key is used now."""
        minute = int(time.time() // _MINUTE)
        if self._noted.get(key_id) != minute:
            self._noted[key_id] = self._unwritten[key_id] = minute
            self._wake.set()

    def start(self) -> None:
        """Start to write what is noted, in the running event loop."""
        self._task = asyncio.create_task(self._run(), name="key uses")

    async def stop(self) -> None:
        """Write what is noted, and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._write()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHERED)
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        if not unwritten:
            return
        uses = {
            key: datetime.fromtimestamp(minute * _MINUTE, UTC) for key, minute in unwritten.items()
        }
        try:
            async with self._pool.connection(timeout=2) as conn:
                await note_uses(conn, uses)
        except (psycopg.Error, PoolTimeout) as error:
            # They are written with the next use, and a later one counts more.
            self._unwritten = unwritten | self._unwritten
            log.warning("key_uses_not_written", error=type(error).__name__)
