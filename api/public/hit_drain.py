"""The drain: from the spool to the database, and from there to events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.public.hits import hit_of
from api.public.spool import DROPPED, Spool, remove, taken
from journeys.links.networks import Networks
from journeys.links.tokens import LinkKeys
from journeys.time.backoff import Backoff
from store.events.link_hits import (
    Judgement,
    NewHit,
    insert_hits,
    judge_messages,
    messages_to_judge,
    set_aside,
)
from store.events.recording import ConcurrentChange
from store.metrics import counter
from store.operations.health import ping
from store.sql import DATABASE_AWAY, is_database_busy

JUDGED = counter("parcours_hits_judged")

QUIET: Final = 5.0
"""Seconds without a hit on a message after which its hits are judged."""
AT_MOST: Final = 60.0
"""Seconds after which they are judged although more keep coming."""
_EVERY: Final = 0.5
_LINES: Final = 500
_MESSAGES: Final = 50
_ATTEMPTS: Final = 5
_BACKOFF: Final = Backoff(first=0.5, longest=10.0)

_log = structlog.get_logger(__name__)


class HitDrain:
    """Moves hits from the spool into the database and judges them there, until it is stopped.

    Several processes may drain one directory, and judge one database: what is done twice changes
    nothing, because each hit has an id.
    """

    def __init__(
        self,
        spool: Spool,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        keys: LinkKeys,
        scanners: Networks,
        *,
        recorded: Callable[[], None],
    ) -> None:
        """`recorded` is called after events were committed."""
        self._spool = spool
        self._pool = pool
        self._keys = keys
        self._scanners = scanners
        self._recorded = recorded
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to drain, in the running event loop."""
        self._tasks = [
            asyncio.create_task(self._sync(), name="sync of the spool"),
            asyncio.create_task(self._run(), name="drain of hits"),
        ]

    async def stop(self) -> None:
        """Drain once more, if the database can be reached, and stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._spool.close()
        try:
            async with asyncio.timeout(2):
                await self.drain()
        except Exception as error:
            # They are drained by the next process of this directory.
            _log.info("hits_left_in_spool", error=type(error).__name__)

    async def _sync(self) -> None:
        """Have the disk keep what was appended, at all times."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await asyncio.to_thread(self._spool.sync)
                await asyncio.to_thread(self._spool.measure)
            except OSError as error:
                _log.warning("spool_failed", error=error.strerror)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await asyncio.sleep(_EVERY)
                await self.drain()
                await self.judge()
                failures = 0
            except Exception as error:
                failures += 1
                if isinstance(error, DATABASE_AWAY):
                    _log.warning("hits_wait", error=type(error).__name__)
                else:
                    _log.exception("hits_failed")
                await asyncio.sleep(_BACKOFF.delay(failures))

    async def drain(self) -> None:
        """Move all complete segments into the database. Raises while it is away."""
        async with self._pool.connection(timeout=2) as conn:
            # Segments are completed only when they can be drained, or each would be a small file.
            await ping(conn)
            self._spool.seal()
            await asyncio.to_thread(self._spool.remove_abandoned)
            for path in self._spool.segments():
                await self._drain_segment(conn, path)

    async def _drain_segment(self, conn: AsyncConnection[Any], path: Path) -> None:
        with taken(path) as content:
            if content is None:
                return
            lines = content.splitlines()
            for start in range(0, len(lines), _LINES):
                hits = await asyncio.to_thread(self._read, lines[start : start + _LINES])
                if hits:
                    await self._insert(conn, hits)
            remove(path)

    def _read(self, lines: Sequence[bytes]) -> list[NewHit]:
        hits = []
        for line in lines:
            try:
                hits.append(hit_of(line, self._keys, self._scanners))
            except ValueError:
                # The end of a line that its process could not write whole.
                DROPPED.labels("unreadable").inc()
        return hits

    async def _insert(self, conn: AsyncConnection[Any], hits: Sequence[NewHit]) -> None:
        """Insert hits; those that the database refuses are dropped, one by one."""
        try:
            await insert_hits(conn, hits)
        except (psycopg.DataError, psycopg.IntegrityError):
            for hit in hits:
                try:
                    await insert_hits(conn, [hit])
                except (psycopg.DataError, psycopg.IntegrityError) as error:
                    DROPPED.labels("refused").inc()
                    _log.warning("hit_refused", error=type(error).__name__)

    async def judge(self) -> None:
        """Judge the hits of all messages that are quiet. Raises while the database is away."""
        while True:
            async with self._pool.connection(timeout=2) as conn:
                due = await messages_to_judge(conn, quiet=QUIET, at_most=AT_MOST, limit=_MESSAGES)
            if not due:
                return
            try:
                await self._judge_together(due)
            except DATABASE_AWAY:
                raise
            except Exception:
                # The one at fault must not hold up the others.
                for message_id in due:
                    await self._judge_alone(message_id)
            self._recorded()

    async def _judge_alone(self, message_id: UUID) -> None:
        try:
            await self._judge_together([message_id])
        except DATABASE_AWAY:
            raise
        except Exception:
            _log.exception("hits_set_aside", message_id=str(message_id))
            async with self._pool.connection(timeout=2) as conn:
                await set_aside(conn, [message_id])

    async def _judge_together(self, message_ids: Sequence[UUID]) -> None:
        judgements = await _repeated(lambda: self._judge_once(message_ids))
        for judgement in judgements:
            JUDGED.labels(judgement.kind, judgement.by).inc()

    async def _judge_once(self, message_ids: Sequence[UUID]) -> list[Judgement]:
        async with self._pool.connection(timeout=2) as conn, conn.transaction():
            return await judge_messages(conn, message_ids)


async def _repeated(act: Callable[[], Awaitable[list[Judgement]]]) -> list[Judgement]:
    """The result of `act`, which is repeated if it met another transaction."""
    for attempt in range(_ATTEMPTS):
        try:
            return await act()
        except (ConcurrentChange, psycopg.errors.UniqueViolation):
            if attempt == _ATTEMPTS - 1:
                raise
        except psycopg.Error as error:
            if not is_database_busy(error) or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError
