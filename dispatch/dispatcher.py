"""The dispatcher: takes every accepted event to the runs that it begins and to those it wakes.

Contacts are leased, so the events of one are handled in order by one dispatcher at a time. Events
stay in the outbox until Temporal has answered: after a crash anywhere the work is done again and
changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.entries import admit_entries, start_entered_runs
from dispatch.goals import record_met_goals_of
from dispatch.round import Round, record_round
from dispatch.runs import start_and_stop_marked_runs
from dispatch.temporal import TemporalAway
from dispatch.wakes import find_listeners, wake_runs
from journeys.time.backoff import Backoff
from store.definitions.catalog import Catalog
from store.events.notification import listen
from store.events.outbox import lease_contacts, release_contacts
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=30)
_CONTACTS = 100
_EVENTS = 100
"""Events of one contact in one round, at most."""
_BACKOFF = Backoff(first=0.2, longest=5.0)
_LISTEN_AGAIN = 0.5
"""Seconds between two connections that listen for notifications."""


class Dispatcher:
    """One dispatcher. Any number of them may run side by side."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        client: Client,
        catalog: Catalog,
        *,
        listen_url: str | None = None,
        poll: float = 1.0,
        nudge_due_times: Callable[[], None] = lambda: None,
    ) -> None:
        """`listen_url`: a direct database URL for LISTEN; without it only `nudge` and the poll
        every `poll` seconds begin a round. `nudge_due_times` is called when a round has made
        conditions due."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._listen_url = listen_url
        self._poll = poll
        self._nudge_due_times = nudge_due_times
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Begin a round soon: there may be something in the outbox."""
        self._nudged.set()

    async def run(self) -> None:
        """Dispatch until cancelled. Postgres or Temporal may go away and come back."""
        failures = 0
        async with self._listening():
            while True:
                try:
                    if failures:
                        await asyncio.sleep(_BACKOFF.delay(failures))
                    busy = await self.round()
                    failures = 0
                    if not busy:
                        await self._wait_for_nudge()
                except TemporalAway as error:
                    log.warning("temporal_away", error=str(error))
                    failures += 1
                except DATABASE_AWAY as error:
                    log.warning("database_away", error=str(error).strip())
                    failures += 1
                except Exception:
                    log.exception("dispatch_failed")
                    failures += 1

    async def drain(self) -> None:
        """Dispatch until the outbox has nothing more that is due."""
        while await self.round():
            pass

    async def round(self) -> int:
        """Lease some contacts and dispatch their events, then start and stop the marked runs.

        Returns how many events and marked runs there were. Raises TemporalAway and
        psycopg.OperationalError; the events are then still in the outbox.
        """
        self._nudged.clear()
        async with self._pool.connection() as conn:
            leased = await lease_contacts(conn, _CONTACTS, _EVENTS, _LEASE)
            if not leased.contacts:
                return await self._start_and_stop_marked(conn)
            try:
                round_ = Round()
                if leased.marked:
                    await self._start_and_stop_marked(conn)
                await admit_entries(conn, self._catalog, leased, round_)
                await start_entered_runs(self._client, round_)
                await find_listeners(conn, self._catalog, leased.events, round_)
                if round_.made_due:
                    self._nudge_due_times()
                await wake_runs(self._client, round_)
                await record_met_goals_of(conn, self._catalog, leased.events)
                await record_round(conn, leased, round_)
            except BaseException:
                await self._release(conn, leased.contacts)
                raise
        return len(leased.events)

    async def _start_and_stop_marked(self, conn: AsyncConnection[Any]) -> int:
        try:
            return await start_and_stop_marked_runs(conn, self._client, self._catalog, _CONTACTS)
        except RPCError as error:
            raise TemporalAway(error.message) from None

    async def _release(self, conn: AsyncConnection[Any], contacts: list[UUID]) -> None:
        try:
            await release_contacts(conn, contacts)
        except psycopg.Error:
            log.warning("lease_left", contacts=len(contacts), seconds=_LEASE.total_seconds())

    async def _wait_for_nudge(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._nudged.wait()
        except TimeoutError:
            return

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listen()) if self._listen_url else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _listen(self) -> None:
        assert self._listen_url is not None
        while True:
            try:
                async with await AsyncConnection.connect(self._listen_url, autocommit=True) as conn:
                    await listen(conn)
                    self.nudge()
                    async for _ in conn.notifies():
                        self.nudge()
            except psycopg.Error as error:
                log.warning("listen_lost", error=str(error).strip())
            await asyncio.sleep(_LISTEN_AGAIN)
