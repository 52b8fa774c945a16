"""The live log of one process: one poll for all of its streams.

The poll reads the log up to the horizon and keeps the newest items, each made into JSON once. Each
stream has its own place among them and its own filter, and buffers nothing. A stream whose place is
no longer kept has a reader that is too slow, and is ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.operations.log_bodies import log_body
from store.metrics import gauge
from store.operations.faults import describe
from store.reports.log import WantedLog
from store.reports.log_following import Followed, follow_log
from store.reports.log_horizon import HorizonWatch, event_id_at
from store.reports.log_places import LogPlace, LogPosition

KEPT: Final = 10_000
"""Items that a stream may be behind before it is ended."""
MOST_STREAMS: Final = 100
"""Streams of one process."""
EVERY: Final = 0.5
"""Seconds between two polls."""
STREAMS: Final = gauge("parcours_log_streams")

_log = structlog.get_logger(__name__)


class TooManyStreams(Exception):
    """The process has as many streams as it takes."""


class TooSlow(Exception):
    """The reader of a stream has fallen behind what is kept."""


class HubClosed(Exception):
    """The process is about to end."""


@dataclass(frozen=True, slots=True)
class StreamItem:
    """An item as streams send it."""

    followed: Followed
    data: bytes
    """Its body as JSON."""

    @classmethod
    def of(cls, followed: Followed) -> StreamItem:
        """The item with its body."""
        return cls(followed, log_body(followed.item).model_dump_json().encode())

    def is_wanted(self, wanted: WantedLog) -> bool:
        """Whether a filter lets the item through."""
        item = self.followed.item
        about = item.details
        if item.type not in wanted.types or (wanted.since is not None and item.at < wanted.since):
            return False
        if wanted.journey is not None and about.get("journey") != wanted.journey:
            return False
        if wanted.of_visit and (
            item.source != "visit"
            or wanted.step not in (None, about.get("step"))
            or wanted.outcome not in (None, about.get("outcome"))
        ):
            return False
        if wanted.of_contact and not self._is_of_contact(wanted):
            return False
        if not wanted.of_key:
            return True
        key = about.get("key_id")
        if key is not None and any(str(each) == key for each in wanted.keys or ()):
            return True
        return wanted.key_name is not None and (
            item.source == "action" and about.get("by") == wanted.key_name
        )

    def _is_of_contact(self, wanted: WantedLog) -> bool:
        item = self.followed.item
        if item.source == "rejected":
            return item.contact in (wanted.references or ())
        return wanted.contact is not None and item.details.get("contact") == str(wanted.contact)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items for a stream, and up to where it has seen everything; without items it is a sign of
    life."""

    items: Sequence[tuple[StreamItem, LogPosition]]
    """Each with the position after it."""
    position: LogPosition


class LogHub:
    """Reads the log while streams are there, and keeps its newest items."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, kept: int = KEPT
    ) -> None:
        self._pool = pool
        self._kept: deque[StreamItem] = deque()
        self._room = kept
        self._end = 0
        """How many items were kept since the hub was made."""
        self._position: LogPosition | None = None
        self._streams = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream. Raises TooManyStreams."""
        if self.is_full:
            raise TooManyStreams
        self._streams += 1
        STREAMS.set(self._streams)
        try:
            yield
        finally:
            self._streams -= 1
            STREAMS.set(self._streams)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._change()

    async def stop(self) -> None:
        """End every stream, and stop reading."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def read(self) -> int:
        """How many items were read since the first stream."""
        return self._end

    @property
    def is_full(self) -> bool:
        """Whether the process has as many streams as it takes."""
        return self._streams >= MOST_STREAMS

    async def _beginning(self) -> LogPosition:
        """Up to where the log was read, now that a stream follows it."""
        if self._task is None or self._task.done():
            # What was kept before is not followed by what comes now.
            self._end += 1
            self._kept.clear()
            watch = HorizonWatch()
            async with self._pool.connection() as conn:
                horizon = await watch.look(conn)
                event = await event_id_at(conn, horizon.at)
            if self._task is None or self._task.done():
                self._position = LogPosition(LogPlace.before(horizon.at), event)
                self._task = asyncio.create_task(self._read(watch))
        assert self._position is not None
        return self._position

    async def batches(
        self, after: LogPosition | None, wanted: WantedLog, *, alive: float
    ) -> AsyncGenerator[Batch, None]:
        """What comes after a position, or from now on, in batches; at least one in `alive` seconds,
        and one without items first.

        The caller is counted as a stream. Raises TooSlow, HubClosed, and what psycopg raises while
        the database is away.
        """
        own = await self._beginning()
        place = self._end
        if after is not None:
            own = after
            while True:
                target = await self._beginning()
                place = self._end
                async for batch in self._earlier(own, target, wanted):
                    own = batch.position
                    yield batch
                if place >= self._first:
                    break
        # A client that is cut before its first item has an id to go on from.
        yield Batch((), own)
        loop = asyncio.get_running_loop()
        due = loop.time() + alive
        while True:
            changed = self._changed
            if self._closed:
                raise HubClosed
            if place < self._first or self._position is None:
                raise TooSlow
            new = [each for each in self._since(place) if each.followed.is_after(own)]
            batch = _batch(new, own, self._position, wanted)
            own, place = batch.position, self._end
            if batch.items or loop.time() >= due:
                yield batch
                due = loop.time() + alive
                continue
            try:
                async with asyncio.timeout_at(due):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _earlier(
        self, after: LogPosition, upto: LogPosition, wanted: WantedLog
    ) -> AsyncIterator[Batch]:
        """What lies between two positions, read for one stream alone, page by page."""
        more = True
        while more:
            if self._closed:
                raise HubClosed
            async with self._pool.connection() as conn:
                page = await follow_log(conn, after, upto)
            items = [StreamItem.of(each) for each in page.items]
            yield _batch(items, after, page.position, wanted)
            after, more = page.position, page.more

    @property
    def _first(self) -> int:
        return self._end - len(self._kept)

    def _since(self, place: int) -> list[StreamItem]:
        new = self._end - place
        return [self._kept[at] for at in range(len(self._kept) - new, len(self._kept))]

    def _change(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _read(self, watch: HorizonWatch) -> None:
        """Read while there are streams. The database may go away and come back."""
        while self._streams and not self._closed:
            try:
                await self._poll(watch)
            except psycopg.Error as error:
                _log.warning("log_not_read", error=describe(error))
            except Exception:
                # Streams would wait for ever.
                _log.exception("log_not_read")
            await asyncio.sleep(EVERY)

    async def _poll(self, watch: HorizonWatch) -> None:
        assert self._position is not None
        more = True
        async with self._pool.connection() as conn:
            horizon = await watch.look(conn)
            upto = LogPosition(LogPlace.before(horizon.at), horizon.event)
            while more and self._streams:
                page = await follow_log(conn, self._position, upto)
                items = [StreamItem.of(each) for each in page.items]
                self._kept.extend(items)
                self._end += len(items)
                while len(self._kept) > self._room:
                    self._kept.popleft()
                self._position, more = page.position, page.more
                if items:
                    self._change()
                await asyncio.sleep(0)


def _batch(
    items: Sequence[StreamItem], own: LogPosition, upto: LogPosition, wanted: WantedLog
) -> Batch:
    """The items that are wanted. A stream that was begun elsewhere may be ahead of this process."""
    chosen = [
        (each, own.with_all_of(each.followed.position)) for each in items if each.is_wanted(wanted)
    ]
    return Batch(chosen, own.with_all_of(upto))
