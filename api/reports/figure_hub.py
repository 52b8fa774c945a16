"""The live figures of one process: one query a second and journey for all of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.metrics import gauge
from store.operations.faults import describe

EVERY: Final = 1.0
"""Seconds between two looks at the figures of a journey."""
MOST_STREAMS: Final = 100
"""Streams of one process."""
STREAMS: Final = gauge("parcours_figure_streams")

_SHARE: Final = 5
"""The figures of a journey are not looked at for as many times as long as that took."""

_log = structlog.get_logger(__name__)


Read = Callable[[AsyncConnection[Any], str], Awaitable[bytes | None]]
"""A function that reads the figures of a journey as JSON; None if there is no such journey."""


class TooManyStreams(Exception):
    """The process has as many streams as it takes."""


@dataclass(slots=True)
class _Followed:
    """A journey that streams follow."""

    readers: int = 0
    figures: bytes | None = None
    """As JSON; None before they were read."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def change(self) -> None:
        """Wake every stream."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class FigureHub:
    """Reads the figures of the journeys that streams follow."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        read: Read,
        *,
        every: float = EVERY,
    ) -> None:
        self._pool = pool
        self._read_figures = read
        self._every = every
        self._followed: dict[str, _Followed] = {}
        self._streams = 0
        # Streams take one connection at a time, however many journeys they follow.
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether the process has as many streams as it takes."""
        return self._streams >= MOST_STREAMS

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for each in self._followed.values():
            each.change()

    async def stop(self) -> None:
        """End every stream, and stop reading."""
        self.close()
        tasks = [each.task for each in self._followed.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def figures(self, journey: str, *, alive: float) -> AsyncGenerator[bytes | None]:
        """The figures of a journey as JSON, now and whenever they are others; None is a sign of
        life, at least one in `alive` seconds. It ends when the process does.

        Raises TooManyStreams.
        """
        with self._reading(journey) as followed:
            sent: bytes | None = None
            loop = asyncio.get_running_loop()
            due = loop.time() + alive
            while not self._closed:
                changed = followed.changed
                if followed.figures is not None and followed.figures != sent:
                    sent = followed.figures
                    yield sent
                elif loop.time() >= due:
                    yield None
                else:
                    try:
                        async with asyncio.timeout_at(due):
                            await changed.wait()
                    except TimeoutError:
                        pass
                    continue
                due = loop.time() + alive

    @contextmanager
    def _reading(self, journey: str) -> Iterator[_Followed]:
        if self.is_full:
            raise TooManyStreams
        followed = self._followed.setdefault(journey, _Followed())
        followed.readers += 1
        self._streams += 1
        STREAMS.set(self._streams)
        if followed.task is None:
            followed.task = asyncio.create_task(self._read(journey, followed))
        try:
            yield followed
        finally:
            followed.readers -= 1
            self._streams -= 1
            STREAMS.set(self._streams)
            if not followed.readers:
                del self._followed[journey]
                if followed.task is not None:
                    followed.task.cancel()

    async def _read(self, journey: str, followed: _Followed) -> None:
        """Read while there are streams. The database may go away and come back."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            began = loop.time()
            try:
                async with self._turn:
                    began = loop.time()
                    async with self._pool.connection() as conn:
                        figures = await self._read_figures(conn, journey)
                if figures is not None and figures != followed.figures:
                    followed.figures = figures
                    followed.change()
            except psycopg.Error as error:
                _log.warning("figures_not_read", error=describe(error))
            except Exception:
                # Streams would wait for ever.
                _log.exception("figures_not_read")
            await asyncio.sleep(max(self._every, (loop.time() - began) * _SHARE))
