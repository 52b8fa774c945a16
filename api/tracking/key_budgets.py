"""Budgets of keys: how many calls a key may make in a minute, for all contacts together.

Each process counts in memory and tells the others once a second, through one row for each key and
process. No call waits for a row. A burst may exceed a budget by what all processes take within that
second.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from store.operations.key_use import exchange_key_use

_MINUTE = 60
_EVERY = 1.0
"""Seconds between two exchanges of the counts."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Use:
    """The calls of a key in one minute."""

    minute: int
    """Since 1970."""
    own: int = 0
    others: int = 0
    """Those of other processes, as far as this one knows."""


class KeyBudgets:
    """The calls of this minute by the keys that have a budget."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._process = uuid4()
        self._uses: dict[UUID, _Use] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to exchange counts with other processes, in the running event loop."""
        self._task = asyncio.create_task(self._run(), name="key budgets")

    async def stop(self) -> None:
        """Stop to exchange counts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def take(self, key_id: UUID, budget: int, wanted: int) -> int:
        """How many of the `wanted` calls are within the key's budget; these are counted."""
        minute = _minute()
        use = self._uses.get(key_id)
        if use is None or use.minute != minute:
            use = self._uses[key_id] = _Use(minute)
        allowed = max(min(wanted, budget - use.own - use.others), 0)
        use.own += allowed
        return allowed

    async def exchange(self) -> None:
        """Tell other processes the calls of this minute, and learn theirs."""
        minute = _minute()
        self._uses = {key: use for key, use in self._uses.items() if use.minute == minute}
        uses = dict(self._uses)
        if not uses:
            return
        async with self._pool.connection(timeout=2) as conn:
            others = await exchange_key_use(
                conn,
                process=self._process,
                minute=datetime.fromtimestamp(minute * _MINUTE, UTC),
                counts={key: use.own for key, use in uses.items()},
            )
        for key, use in uses.items():
            use.others = others.get(key, 0)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.exchange()
            except (psycopg.Error, PoolTimeout) as error:
                # Each process goes on with its own count.
                log.warning("key_budgets_not_exchanged", error=type(error).__name__)


def seconds_left() -> float:
    """How long the minute still lasts, after which all budgets are whole again."""
    return _MINUTE - time.time() % _MINUTE


def _minute() -> int:
    return int(time.time() // _MINUTE)
