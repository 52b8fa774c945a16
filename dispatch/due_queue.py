"""The drainer of what is due by time: pages in order, each thing worked through by one process.

Each worker process drains every source. A page is taken with its contacts locked, those that are
locked already are left for the next, and all of it is worked through in one transaction. Nothing
polls for each thing: the loop asks for the earliest due time and sleeps until then, at most a
second. A page holds its locks for a short time: it gets smaller if it takes longer. One that fails
is repeated thing by thing. The culprit is set aside alone, with a growing delay and a fault. What
has failed before stands in a lane of its own, as does what takes long: each lane has a loop, and
delays no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.cancellation import end_if_cancelled
from dispatch.faults import FoundFault, record_faults
from dispatch.page_size import PageSize
from journeys.time.backoff import Backoff
from store.metrics import counter, histogram
from store.operations.faults import describe
from store.operations.logged_errors import logged_error
from store.segments.due import read_time
from store.sql import Connection, is_database_away, is_database_busy

log = structlog.get_logger(__name__)

_PAGE = 200
_LEAST_PAUSE = 0.05
"""Seconds between two pages if what is due is locked by others."""
_SET_ASIDE = Backoff(first=5.0, longest=600.0)
_AWAY = Backoff(first=0.2, longest=5.0)
_ONE_CONNECTION = 10.0
"""Seconds for which a lane keeps its connection while it has something to do."""
_LONGEST_REST = 1.0
"""Seconds between two pages of a lane that rests."""
_FAILURES_OF_ALL = 3
"""Things of one page that fail, from the first on, before the rest of the page waits."""

LATENESS = histogram("parcours_due_queue_lateness_seconds")
DRAINED = counter("parcours_due_queue_drained")


class DueThing(Protocol):
    """Something of a contact that is due."""

    @property
    def contact_id(self) -> UUID:
        """Whose it is."""
        ...

    @property
    def due_at(self) -> datetime | None:
        """Since when."""
        ...

    @property
    def attempts(self) -> int:
        """How often it has failed."""
        ...


Thing = TypeVar("Thing", bound=DueThing)


@dataclass(frozen=True)
class Worked(Generic[Thing]):
    """What was done with the things of a page."""

    faults: list[FoundFault] = field(default_factory=list)
    failed: list[Sequence[Thing]] = field(default_factory=list)
    """Groups whose work was rolled back alone. Each thing of them is tried alone after the page,
    and a group of which the first few fail is set aside as one."""


class DueSource(Protocol[Thing]):
    """What is due, and how it is worked through. What locks things is called in the transaction of
    a page."""

    name: str
    """Of the source, in faults and metrics: `segments`."""

    @property
    def lanes(self) -> Sequence[int]:
        """Its queues: the first for what has become due, another for what has failed before."""
        ...

    @property
    def resting(self) -> Collection[int]:
        """Lanes that work half of the time: they lock the same contacts again and again."""
        ...

    async def prepare(self, conn: Connection, lane: int) -> None:
        """What is to be done before each look at a lane, in a transaction of its own."""
        ...

    async def begin(self, conn: Connection) -> None:
        """Begin a page: what is to be locked before any contact, and bounds on statements."""
        ...

    async def take(self, conn: Connection, limit: int, lane: int) -> list[Thing]:
        """What is due in a lane, oldest first, with the contacts locked; locked ones are left."""
        ...

    async def take_one(self, conn: Connection, thing: Thing) -> Thing | None:
        """One as it is now, with its contact locked; None if it is not due, or locked already."""
        ...

    async def work(
        self, conn: Connection, things: Sequence[Thing], lane: int, *, alone: bool
    ) -> Worked[Thing]:
        """Work through what was taken, so that none of it is due any more, or that it has moved on.

        `alone`: it failed with others. Then what can be done of it is done; the faults of the rest.
        """
        ...

    async def put_off(self, conn: Connection, thing: Thing, delay: timedelta) -> None:
        """Make a thing due after a delay, and count the attempt."""
        ...

    def fault_of(self, things: Sequence[Thing], error: Exception) -> FoundFault:
        """The fault of one thing, or of several that have the same one."""
        ...

    async def after_page(self, conn: Connection) -> None:
        """What is to be done once a page is committed."""
        ...

    async def seconds_to_next(self, conn: Connection, lane: int) -> float | None:
        """How long until something is due in a lane, below 0 if it is; None if nothing will be."""
        ...


class DueQueue(Generic[Thing]):
    """The drainer of one source in one process. Any number of them may work side by side."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        source: DueSource[Thing],
        *,
        poll: float = 1.0,
        page: int = _PAGE,
    ) -> None:
        """`poll`: the longest pause in seconds before what other processes committed is seen."""
        self._pool = pool
        self._source = source
        self._poll = poll
        self._sizes = {lane: PageSize(page) for lane in source.lanes}
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Look soon: an earlier due time may have been committed."""
        self._nudged.set()

    async def run(self) -> None:
        """Drain what is due until cancelled. PostgreSQL may go away and come back."""
        async with asyncio.TaskGroup() as loops:
            for lane in self._source.lanes:
                loops.create_task(self._repeat(lane))

    async def drain(self) -> int:
        """Work until nothing is due; how much there was."""
        total = 0
        while done := await self.page():
            total += done
        return total

    async def page(self) -> int:
        """Work through a page of each lane; how much there was.

        Raises an error of psycopg if PostgreSQL is away.
        """
        return sum([await self._page(lane) for lane in self._source.lanes])

    async def _repeat(self, lane: int) -> None:
        failures = 0
        while True:
            end_if_cancelled()
            try:
                if failures:
                    await asyncio.sleep(_AWAY.delay(failures))
                if lane == self._source.lanes[0]:
                    self._nudged.clear()
                seconds = await self._pages(lane)
                failures = 0
                await self._pause(lane, seconds)
            except Exception as error:
                if is_database_away(error):
                    log.warning("database_away", error=str(error).strip())
                elif is_database_busy(error):
                    log.warning("database_busy", error=describe(error))
                else:
                    log.exception("due_queue_failed", source=self._source.name)
                failures += 1

    async def _pages(self, lane: int) -> float | None:
        """Work through what is due, for some time by one connection, which has its plans.

        Returns the seconds until something is due in the lane; None if nothing will be.
        """
        begun = monotonic()
        rests = lane in self._source.resting
        async with self._pool.connection() as conn:
            while monotonic() - begun < _ONE_CONNECTION:
                end_if_cancelled()
                page = monotonic()
                done, seconds = await self._page_of(conn, lane)
                if not done:
                    return seconds
                if rests:
                    await asyncio.sleep(min(monotonic() - page, _LONGEST_REST))
        return 0.0

    async def _page(self, lane: int) -> int:
        async with self._pool.connection() as conn:
            done, _ = await self._page_of(conn, lane)
        return done

    async def _page_of(self, conn: Connection, lane: int) -> tuple[int, float | None]:
        """Work through a page; how much there was, and the seconds to what was due before it."""
        size = self._sizes[lane]
        await self._source.prepare(conn, lane)
        seconds = await self._source.seconds_to_next(conn, lane)
        if seconds is None or seconds > 0:
            return 0, seconds
        begun = monotonic()
        taken: list[Thing] = []
        worked: Worked[Thing] = Worked()
        try:
            async with conn.transaction():
                await self._source.begin(conn)
                taken = await self._source.take(conn, size.now, lane)
                if taken:
                    now = await read_time(conn)
                    worked = await self._source.work(conn, taken, lane, alone=False)
        except Exception as error:
            if is_database_away(error) or not taken:
                raise
            log.warning(
                "due_page_repeated",
                source=self._source.name,
                things=len(taken),
                error=logged_error(error),
            )
            size.failed()
            await self._one_by_one(conn, taken, lane)
        else:
            size.took(len(taken), monotonic() - begun)
            for each in taken:
                if each.due_at is not None:
                    late = max((now - each.due_at).total_seconds(), 0.0)
                    LATENESS.labels(self._source.name).observe(late)
            DRAINED.labels(self._source.name).inc(len(taken))
            await record_faults(conn, worked.faults)
            for group in worked.failed:
                await self._one_by_one(conn, group, lane, as_one=True)
        if taken:
            await self._source.after_page(conn)
        return len(taken), seconds

    async def _one_by_one(
        self, conn: Connection, things: Sequence[Thing], lane: int, *, as_one: bool = False
    ) -> None:
        """Work through each thing of a page that failed. Those at fault are set aside.

        `as_one`: if the first of them fail, all of them are.
        """
        failures = 0
        for number, thing in enumerate(things):
            faults: list[FoundFault] = []
            try:
                async with conn.transaction():
                    await self._source.begin(conn)
                    current = await self._source.take_one(conn, thing)
                    if current is not None:
                        worked = await self._source.work(conn, [current], lane, alone=True)
                        faults = worked.faults
            except Exception as error:
                if is_database_away(error):
                    raise
                if as_one and failures == number == _FAILURES_OF_ALL - 1:
                    rest = things[number:]
                    await self._set_aside(conn, rest)
                    await record_faults(conn, [self._source.fault_of(rest, error)])
                    return
                await self._set_aside(conn, [thing])
                faults = [self._source.fault_of([thing], error)]
            await record_faults(conn, faults)
            failures = failures + 1 if faults and failures == number else failures
            if failures == _FAILURES_OF_ALL:
                # It may be the same for all: they have their turn in the next page.
                return

    async def _set_aside(self, conn: Connection, things: Sequence[Thing]) -> None:
        delay = timedelta(seconds=_SET_ASIDE.delay(things[0].attempts + 1))
        async with conn.transaction():
            await self._source.begin(conn)
            for thing in things:
                await self._source.put_off(conn, thing, delay)

    async def _pause(self, lane: int, seconds: float | None) -> None:
        """Sleep until the next due time, a nudge, or the next poll."""
        seconds = self._poll if seconds is None else seconds
        seconds = min(max(seconds, _LEAST_PAUSE), self._poll)
        if lane != self._source.lanes[0]:
            # Nothing that is nudged for stands there.
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return
