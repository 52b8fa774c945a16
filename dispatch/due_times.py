"""The due times of conditions that runs listen for: looked at in order, exact to a second.

Each worker process drains what is due. A page is taken with its contacts locked, so that each
condition is looked at by one process at a time, after every event recorded before. All conditions
of one version and step are looked at in one statement. A run whose condition holds gets a signal,
which only wakes: the run decides. Its condition is due again after a delay, until the run has
removed its listener, so a signal that is lost is repeated.

A condition whose look fails is set aside alone, with a growing delay, and stops no other; one that
fails for all who listen is set aside as one. What is looked at again, after a wake or a failure,
has a lane of its own.
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

from dispatch.due_queue import DueQueue, Worked
from dispatch.faults import FoundFault
from dispatch.temporal import wake
from journeys.time.backoff import Backoff
from store.definitions.catalog import BrokenDocument, Catalog
from store.metrics import histogram
from store.sql import Connection, execute, is_database_away, sql
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

_CATALOG_PAGE = 1_000
_WAKES_AT_ONCE = 50
_TIMEOUT = sql("set local statement_timeout = '2s'")
_TIMEOUT_ALONE = sql("set local statement_timeout = '1s'")
_NO_WAITING = sql("set local lock_timeout = '2s'")
_WAKE_AGAIN = tuple(
    timedelta(seconds=Backoff(first=2.0, longest=600.0).delay(number)) for number in range(1, 12)
)
"""How long after a wake the condition is due again, by the wakes before."""
_NOT_WOKEN = timedelta(seconds=5)
"""How soon a run is woken again that could not be woken."""

_TEMPORAL_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)
"""Answers after which no other run is woken in the same page."""

_LATENESS = histogram("parcours_due_time_lateness_seconds")

_Group = tuple[str, int, str | None, int]
"""Journey, version, step (None: exits) and slot."""


class ConditionsDue:
    """The source of conditions that are to be looked at, for `DueQueue`."""

    name = "due_times"
    lanes = (0, 1)
    """What is due, and what is looked at again."""
    resting: frozenset[int] = frozenset()

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog
        self._held: list[DueListener] = []
        """Those whose condition holds, and whose runs are woken once that is committed."""

    async def prepare(self, conn: Connection, lane: int) -> None:
        """Make the conditions due whose documents have changed."""
        if not lane:
            await make_due_by_catalog(conn, _CATALOG_PAGE)

    async def begin(self, conn: Connection) -> None:
        """Bound the statements of a page."""
        await execute(conn, _TIMEOUT)
        await execute(conn, _NO_WAITING)

    async def take(self, conn: Connection, limit: int, lane: int) -> list[DueListener]:
        """Listeners that are due, with their contacts locked."""
        return await take_due(conn, limit, again=bool(lane))

    async def take_one(self, conn: Connection, thing: DueListener) -> DueListener | None:
        """One as it is now."""
        return await take_one(conn, thing)

    async def work(
        self, conn: Connection, things: Sequence[DueListener], lane: int, *, alone: bool
    ) -> Worked[DueListener]:
        """Look at the conditions: those of one version and step together."""
        if alone:
            await execute(conn, _TIMEOUT_ALONE)
        groups: dict[_Group, list[DueListener]] = defaultdict(list)
        for each in things:
            if each.waiting:
                groups[(each.journey, each.version, each.step, each.slot)].append(each)
            elif not alone:
                # A run that ended while its listeners were registered.
                await remove_listeners(conn, each.run_id, each.visit)
        failed: list[Sequence[DueListener]] = []
        for group in groups.values():
            if alone:
                self._held += await self._look_at_group(conn, group)
                continue
            try:
                async with conn.transaction():
                    self._held += await self._look_at_group(conn, group)
            except Exception as error:
                if is_database_away(error):
                    raise
                failed.append(group)
        return Worked(failed=failed)

    async def _look_at_group(
        self, conn: Connection, group: Sequence[DueListener]
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

    async def _walk_of(self, conn: Connection, listener: DueListener) -> ConditionWalk:
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

    async def put_off(self, conn: Connection, thing: DueListener, delay: timedelta) -> None:
        """Look at one again after a delay."""
        await put_off(conn, [thing], delay, failed=True)

    def fault_of(self, things: Sequence[DueListener], error: Exception) -> FoundFault:
        """The fault of a listener, or of the condition of several."""
        first = things[0]
        subject = None
        if isinstance(error, BrokenDocument):
            subject = error.subject
        elif len(things) > 1:
            subject = f"condition {first.journey} v{first.version} {first.step or 'exit'}"
        return FoundFault(self.name, error, run_id=first.run_id, visit=first.visit, subject=subject)

    async def after_page(self, conn: Connection) -> None:
        """Wake the runs whose conditions hold."""
        held, self._held = self._held, []
        await self._wake(conn, held)

    async def seconds_to_next(self, conn: Connection, lane: int) -> float | None:
        """How long until one is due."""
        return await seconds_to_next(conn, again=bool(lane))

    async def _wake(self, conn: Connection, held: Sequence[DueListener]) -> None:
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


class DueTimes(DueQueue[DueListener]):
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
        super().__init__(pool, ConditionsDue(client, catalog), poll=poll)


def _key(listener: DueListener | Look) -> tuple[UUID, int, int]:
    return listener.run_id, listener.visit, listener.slot
