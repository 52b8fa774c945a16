"""The due times of conditions that runs listen for: looked at in order, exact to a second.

Each worker process drains what is due. A page is taken with its contacts locked, so that each
condition is looked at by one process at a time, after every event recorded before. All conditions
of one version and step are looked at in one statement. A run whose condition holds gets a signal,
which only wakes: the run decides. Its condition is due again after a delay, until the run has
removed its listener, so a signal that is lost is repeated.

A condition whose look fails is set aside alone, with a growing delay, and stops no other. What is
looked at again, after a wake or a failure, has a loop of its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dispatch.cancellation import end_if_cancelled
from dispatch.faults import FoundFault, record_faults
from dispatch.temporal import wake
from journeys.time.backoff import Backoff
from store.definitions.catalog import BrokenDocument, Catalog
from store.metrics import histogram
from store.operations.faults import describe
from store.sql import execute, is_database_away, is_database_busy, sql
from store.waits.condition_walks import ConditionWalk, Look, look, save_looks
from store.waits.due_listeners import (
    DueListener,
    make_due_by_catalog,
    put_off,
    read_clock,
    seconds_to_next,
    take_due,
    take_one,
)
from store.waits.listener_queries import ListenerQuery
from store.waits.listeners import remove_listeners

log = structlog.get_logger(__name__)

_PAGE = 200
_CATALOG_PAGE = 1_000
_WAKES_AT_ONCE = 50
_LEAST_PAUSE = 0.05
"""Seconds between two pages if what is due is locked by others."""
_TIMEOUT = sql("set local statement_timeout = '2s'")
_TIMEOUT_ALONE = sql("set local statement_timeout = '1s'")
_NO_WAITING = sql("set local lock_timeout = '2s'")
_WAKE_AGAIN = tuple(
    timedelta(seconds=Backoff(first=2.0, longest=600.0).delay(number)) for number in range(1, 12)
)
"""How long after a wake the condition is due again, by the wakes before."""
_FAILURES_OF_A_CONDITION = 3
"""Listeners of one group that fail before all of it is set aside."""
_SET_ASIDE = Backoff(first=5.0, longest=600.0)
_NOT_WOKEN = timedelta(seconds=5)
"""How soon a run is woken again that could not be woken."""
_AWAY = Backoff(first=0.2, longest=5.0)

_TEMPORAL_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)
"""Answers after which no other run is woken in the same page."""

_LATENESS = histogram("parcours_due_time_lateness_seconds")

_Group = tuple[str, int, str | None, int]
"""Journey, version, step (None: exits) and slot."""


class DueTimes:
    """The due times of one worker process. Any number of them may work side by side."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        *,
        poll: float = 1.0,
    ) -> None:
        """`poll`: the longest pause in seconds before what other processes committed is seen."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._poll = poll
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Look soon: an earlier due time may have been committed."""
        self._nudged.set()

    async def run(self) -> None:
        """Drain what is due until cancelled. PostgreSQL or Temporal may go away and come back."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(again=False))
            loops.create_task(self._repeat(again=True))

    async def drain(self) -> int:
        """Look until nothing is due; how many conditions were looked at."""
        total = 0
        while looked := await self.page():
            total += looked
        return total

    async def page(self) -> int:
        """Look at a page of conditions that are due, and at one of those that are due again.

        Wakes the runs of those that hold, and returns how many there were. Raises an error of
        psycopg if PostgreSQL is away.
        """
        return await self._page(again=False) + await self._page(again=True)

    async def _repeat(self, *, again: bool) -> None:
        failures = 0
        while True:
            end_if_cancelled()
            try:
                if failures:
                    await asyncio.sleep(_AWAY.delay(failures))
                if not again:
                    self._nudged.clear()
                looked = await self._page(again=again)
                failures = 0
                if not looked:
                    await self._pause(again=again)
            except Exception as error:
                if is_database_away(error):
                    log.warning("database_away", error=str(error).strip())
                elif is_database_busy(error):
                    log.warning("database_busy", error=describe(error))
                else:
                    log.exception("due_times_failed")
                failures += 1

    async def _page(self, *, again: bool) -> int:
        async with self._pool.connection() as conn:
            if not again:
                await make_due_by_catalog(conn, _CATALOG_PAGE)
            async with conn.transaction():
                due = await take_due(conn, _PAGE, again=again)
                held, failed = await self._look_at(conn, due) if due else ([], [])
            for group in failed:
                held += await self._look_one_by_one(conn, group)
            await self._wake(conn, held)
        return len(due)

    async def _look_at(
        self, conn: AsyncConnection[Any], due: Sequence[DueListener]
    ) -> tuple[list[DueListener], list[list[DueListener]]]:
        """Look at locked listeners: those whose condition holds, and groups whose look failed."""
        held: list[DueListener] = []
        failed: list[list[DueListener]] = []
        await execute(conn, _TIMEOUT)
        await execute(conn, _NO_WAITING)
        groups: dict[_Group, list[DueListener]] = defaultdict(list)
        for each in due:
            if each.waiting:
                groups[(each.journey, each.version, each.step, each.slot)].append(each)
            else:
                # A run that ended while its listeners were registered.
                await remove_listeners(conn, each.run_id, each.visit)
        for group in groups.values():
            try:
                async with conn.transaction():
                    held += await self._look_at_group(conn, group)
            except Exception as error:
                if is_database_away(error):
                    raise
                failed.append(group)
        return held, failed

    async def _look_at_group(
        self, conn: AsyncConnection[Any], group: Sequence[DueListener]
    ) -> list[DueListener]:
        walk = await self._walk_of(conn, group[0])
        now = await read_clock(conn)
        for each in group:
            if each.due_at is not None:
                _LATENESS.observe(max((now - each.due_at).total_seconds(), 0.0))
        looks = await look(conn, walk, [(each.run_id, each.visit) for each in group])
        await save_looks(conn, looks, now=now, wake_again=_WAKE_AGAIN)
        held = {_key(each) for each in looks if each.holds}
        return [each for each in group if _key(each) in held]

    async def _walk_of(self, conn: AsyncConnection[Any], listener: DueListener) -> ConditionWalk:
        """Raises LookupError if the version has no such condition."""
        definition = await self._catalog.definition(conn, listener.journey, listener.version)
        query: ListenerQuery | None
        if listener.visit == 0 or listener.step is None:
            query = definition.exits
        else:
            query = definition.wait_query(listener.step)
        if query is None or listener.slot not in query.walks:
            raise LookupError(f"{listener.journey} v{listener.version} has no such condition")
        return query.walks[listener.slot]

    async def _look_one_by_one(
        self, conn: AsyncConnection[Any], group: Sequence[DueListener]
    ) -> list[DueListener]:
        """Look at each listener of a group whose look failed. Those at fault are set aside.

        If the first of them fail, it is their condition that is at fault: all are set aside.
        """
        held: list[DueListener] = []
        failures = 0
        for number, listener in enumerate(group):
            try:
                held += await self._look_alone(conn, listener)
            except Exception as error:
                if is_database_away(error):
                    raise
                failures += 1
                if failures == number + 1 == _FAILURES_OF_A_CONDITION:
                    await self._set_aside(conn, group[number:], error)
                    break
                await self._set_aside(conn, [listener], error)
        return held

    async def _look_alone(
        self, conn: AsyncConnection[Any], listener: DueListener
    ) -> list[DueListener]:
        async with conn.transaction():
            await execute(conn, _TIMEOUT_ALONE)
            await execute(conn, _NO_WAITING)
            current = await take_one(conn, listener)
            if current is None or not current.waiting:
                return []
            return await self._look_at_group(conn, [current])

    async def _set_aside(
        self, conn: AsyncConnection[Any], listeners: Sequence[DueListener], error: Exception
    ) -> None:
        """Put off listeners by a delay that grows with their failures, and record the fault."""
        first = listeners[0]
        subject = None
        if isinstance(error, BrokenDocument):
            subject = error.subject
        elif len(listeners) > 1:
            subject = f"condition {first.journey} v{first.version} {first.step or 'exit'}"
        fault = FoundFault(
            "due_times", error, run_id=first.run_id, visit=first.visit, subject=subject
        )
        delay = timedelta(seconds=_SET_ASIDE.delay(first.attempts + 1))
        async with conn.transaction():
            await put_off(conn, listeners, delay, failed=True)
            await record_faults(conn, [fault])

    async def _wake(self, conn: AsyncConnection[Any], held: Sequence[DueListener]) -> None:
        """Wake the runs whose conditions hold. Those that can't be woken are due again soon."""
        runs: dict[tuple[UUID, int], list[DueListener]] = defaultdict(list)
        for each in held:
            runs[(each.run_id, each.visit)].append(each)
        limit = asyncio.Semaphore(_WAKES_AT_ONCE)
        errors: list[str] = []
        not_woken: list[DueListener] = []
        away = asyncio.Event()

        async def wake_run(listeners: list[DueListener]) -> None:
            first = listeners[0]
            async with limit:
                if away.is_set():
                    not_woken.extend(listeners)
                    return
                try:
                    await wake(self._client, first.journey, first.run_id, first.visit)
                except RPCError as error:
                    if error.status in _TEMPORAL_AWAY:
                        away.set()
                    errors.append(error.message)
                    not_woken.extend(listeners)

        await asyncio.gather(*(wake_run(listeners) for listeners in runs.values()))
        if not_woken:
            log.warning("runs_not_woken", runs=len(not_woken), error=errors[0])
            await put_off(conn, not_woken, _NOT_WOKEN, failed=False)

    async def _pause(self, *, again: bool) -> None:
        """Sleep until the next due time, a nudge, or the next poll."""
        async with self._pool.connection() as conn:
            seconds = await seconds_to_next(conn, again=again)
        if seconds is None:
            seconds = self._poll
        seconds = min(max(seconds, _LEAST_PAUSE), self._poll)
        if again:
            # Nothing that is nudged for is looked at a second time.
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return


def _key(listener: DueListener | Look) -> tuple[UUID, int, int]:
    return listener.run_id, listener.visit, listener.slot
