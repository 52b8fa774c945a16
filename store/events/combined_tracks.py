"""Combined tracks: simple tracks that wait for a statement are recorded in one of their own.

A statement has a cost, and so has its commit. While some are under way, the batches that come are
gathered, and the next statement records all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.fast_path import accept_simple_tracks
from store.events.items import Accepted, Item, Rejected, Sender
from store.sql import is_database_away
from store.traces import traces_are_followed

MOST: Final = 500
"""Items of one statement, unless a single batch has more. All its contacts are locked at once."""

AT_ONCE: Final = 2
"""Statements under way at once: PostgreSQL works on one while the process prepares the other."""

Answers = list[Accepted | Rejected] | None
"""None: nothing was recorded, and ingest is to do it."""


class _NotTogether(Exception):
    """The batches of a statement cannot be recorded together."""


@dataclass(slots=True, eq=False)
class _Waiting:
    items: Sequence[Item]
    limit_per_minute: int
    sender: Sender
    answers: asyncio.Future[Answers]

    def fits(self, first: _Waiting) -> bool:
        """Whether one statement can record both."""
        return self.sender == first.sender and self.limit_per_minute == first.limit_per_minute


class CombinedTracks:
    """Records batches of simple tracks, several in one statement where they wait for it.

    The pool's connections have the `SESSION_OPTIONS` of the fast path: a statement that waits for
    the lock of a contact gives up soon, so that batches of other contacts do not wait with it.
    """

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, at_once: int = AT_ONCE
    ) -> None:
        self._pool = pool
        self._free = at_once
        """How many more statements may be begun."""
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """The number of batches that wait for a statement."""
        return len(self._waiting)

    async def record(
        self, items: Sequence[Item], *, limit_per_minute: int, sender: Sender
    ) -> Answers:
        """Record simple items, and answer each; see `accept_simple_tracks`, whose errors it raises.

        Batches that cannot be recorded together are recorded each for itself, so that none has a
        fault of another.
        """
        # A statement belongs to one trace at most.
        if traces_are_followed():
            return await self._record(items, limit_per_minute, sender)
        if self._free == 0:
            answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
            self._waiting.append(_Waiting(items, limit_per_minute, sender, answers))
            try:
                return await answers
            except _NotTogether:
                return await self._record(items, limit_per_minute, sender)
        self._free -= 1
        try:
            return await self._record(items, limit_per_minute, sender)
        finally:
            self._begin_next()

    async def _record(
        self, items: Sequence[Item], limit_per_minute: int, sender: Sender
    ) -> Answers:
        async with self._pool.connection() as conn:
            return await accept_simple_tracks(
                conn, items, limit_per_minute=limit_per_minute, sender=sender
            )

    def _begin_next(self) -> None:
        """After a statement, begin the next if batches wait."""
        group = self._next_group()
        if not group:
            self._free += 1
            return
        task = asyncio.create_task(self._record_group(group), name="record tracks")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[_Waiting]:
        """The batches that waited longest, of one sender, with at most `MOST` items in all."""
        group: list[_Waiting] = []
        size = 0
        while self._waiting:
            each = self._waiting[0]
            size += len(each.items)
            if group and (size > MOST or not each.fits(group[0])):
                break
            group.append(self._waiting.popleft())
        return group

    async def _record_group(self, group: list[_Waiting]) -> None:
        items = [item for each in group for item in each.items]
        alone = len(group) == 1
        try:
            answers = await self._record(items, group[0].limit_per_minute, group[0].sender)
            if answers is None and not alone:
                raise _NotTogether
        except Exception as error:
            # Which of them has the fault is not known, unless it is the database that is away.
            shared = error if alone or is_database_away(error) else _NotTogether()
            for each in group:
                if not each.answers.done():
                    each.answers.set_exception(shared)
        else:
            begin = 0
            for each in group:
                end = begin + len(each.items)
                if not each.answers.done():
                    each.answers.set_result(None if answers is None else answers[begin:end])
                begin = end
        finally:
            for each in group:
                each.answers.cancel()
            self._begin_next()
