"""The dispatcher: takes every accepted event to the runs that it begins and to those it wakes.

Contacts are leased, so the events of one are handled in order by one dispatcher at a time. Events
stay in the outbox until Temporal has answered: after a crash anywhere the work is done again and
changes nothing. Calls that are left over for runs have a loop of their own.

A fault belongs to the smallest thing that has it. A round that fails is repeated with fewer
contacts until the one is found. The event that fails alone is set aside, recorded, tried again with
growing delays, and is dead in the end. Only a database or a Temporal that is away, or too busy,
keeps all others waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.cancellation import end_if_cancelled
from dispatch.faults import FoundFault, record_faults
from dispatch.leases import LEASE, Leases
from dispatch.pace import Pace
from dispatch.round import EventFault, Round, dispatch_events
from dispatch.runs import make_marked_calls
from dispatch.segments import JUDGING_TIME, broken_documents
from dispatch.temporal import TemporalAway, TemporalBusy
from journeys.time.backoff import Backoff
from store.definitions.catalog import Catalog
from store.events.notification import listen
from store.events.outbox import (
    Leased,
    OutboxEvent,
    dead_letter,
    retry_event_later,
)
from store.operations.faults import describe
from store.operations.logged_errors import logged_error
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

_CONTACTS = 100
_CALLS = 50
"""Calls for runs that are made at once."""
_EFFECTS = 400
"""Wakes and entries of one round, about: what its contacts share."""
_SMALLEST_SHARE, _LARGEST_SHARE = 4, 10
_TRIES = 6
"""Attempts for an event that fails alone; with the delays below, within half a minute."""
_RETRY = Backoff(first=1.0, longest=16.0)
_BACKOFF = Backoff(first=0.2, longest=5.0)
_RELEASE_AGAIN = 0.05
"""Seconds until the lease of a contact that was locked is released, if there is nothing to do."""
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
        lease: timedelta = LEASE,
        nudge_due_times: Callable[[], None] = lambda: None,
        public_url: str | None = None,
        judging: float | None = JUDGING_TIME,
    ) -> None:
        """`listen_url`: a direct database URL for LISTEN; without it only `nudge` and the poll
        every `poll` seconds begin a round. `lease`: renewed while a round lasts.
        `nudge_due_times`: called after a round, which may have made conditions due.
        `judging`: seconds of a round in which segments are judged, before the rest is put off to
        the queue of what is due; None: as long as it takes. `public_url`: where operators find
        runs, as Temporal's UI links them."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._listen_url = listen_url
        self._poll = poll
        self._leases = Leases(pool, lease)
        self._nudge_due_times = nudge_due_times
        self._public_url = public_url
        self._judging = judging
        self._nudged = (asyncio.Event(), asyncio.Event())
        self._contacts = _CONTACTS
        self._broken: frozenset[str] = frozenset()
        self._pace = Pace(pool)
        self._resting = False

    def nudge(self) -> None:
        """Begin a round soon: there may be something in the outbox."""
        for nudged in self._nudged:
            nudged.set()

    async def run(self) -> None:
        """Dispatch until cancelled. Postgres or Temporal may go away and come back."""
        events, calls = self._nudged
        try:
            async with self._listening(), asyncio.TaskGroup() as loops:
                loops.create_task(self._repeat(lambda: self._dispatch(paced=True), events))
                loops.create_task(self._repeat(self.make_calls, calls))
        finally:
            await self._pace.close()

    async def drain(self) -> None:
        """Dispatch until the outbox has nothing more that is due."""
        while await self.round() or self._leases.any_left:
            pass

    async def round(self) -> int:
        """Do one round over events, and make the calls that are due for runs.

        Returns how many events and calls there were. Raises TemporalAway and psycopg errors of a
        database that is away; what was not done is then still to be done.
        """
        return await self._dispatch() + await self.make_calls()

    async def make_calls(self) -> int:
        """Make the calls that are due for runs, and return how many there were."""
        async with self._pool.connection() as conn:
            return await make_marked_calls(
                conn, self._client, self._catalog, _CALLS, public_url=self._public_url
            )

    async def _repeat(self, work: Callable[[], Awaitable[int]], nudged: asyncio.Event) -> None:
        failures = 0
        while True:
            end_if_cancelled()
            try:
                if failures:
                    await asyncio.sleep(_BACKOFF.delay(failures))
                nudged.clear()
                busy = await work()
                failures = 0
                self._contacts = min(self._contacts * 2, _CONTACTS)
                if not busy:
                    await self._wait_for(nudged)
            except TemporalBusy as error:
                self._contacts = max(self._contacts // 2, 1)
                log.warning("temporal_busy", error=str(error), contacts=self._contacts)
                failures += 1
            except TemporalAway as error:
                log.warning("temporal_away", error=str(error))
                failures += 1
            except Exception as error:
                if is_database_away(error):
                    log.warning("database_away", error=str(error).strip())
                elif is_database_busy(error):
                    log.warning("database_busy", error=describe(error))
                else:
                    log.exception("dispatch_failed")
                failures += 1

    async def _dispatch(self, *, paced: bool = False) -> int:
        """One round over events; if paced, contacts that used their share rest afterwards."""
        async with self._pool.connection() as conn:
            leased = await self._leases.take(conn, self._contacts)
            if not leased.contacts:
                return 0
            resting: list[UUID] = []
            may_be_due = True
            try:
                async with self._leases.renewing(leased):
                    done = await self._work(conn, leased)
                may_be_due = done.may_be_due
                if paced:
                    resting = done.heavy
                    if done.last_call is not None:
                        self._pace.measure(done.last_call)
            finally:
                self._resting = bool(resting)
                await self._leases.release(conn, leased, resting, self._pace.rest)
                if may_be_due:
                    self._nudge_due_times()
        return len(leased.events)

    async def _work(self, conn: AsyncConnection[Any], leased: Leased) -> Round:
        """Do the round's work; events that failed before are dispatched one by one."""
        await self._report_broken(conn, leased.revision)
        share = max(_SMALLEST_SHARE, min(_LARGEST_SHARE, _EFFECTS // max(len(leased.contacts), 1)))
        suspects = {event.contact_id for event in leased.events if event.attempts}
        suspects |= {event.contact_id for event in leased.events if event.unreadable}
        healthy = [contact for contact in leased.contacts if contact not in suspects]
        done = Round()
        if healthy:
            done.add(await self._work_together(conn, leased.without(suspects), share))
        for contact in [each for each in leased.contacts if each in suspects]:
            done.add(await self._work_alone(conn, leased.of(contact), share))
        return done

    async def _work_together(self, conn: AsyncConnection[Any], leased: Leased, share: int) -> Round:
        """Dispatch the events of many contacts; if that fails, half of them at a time."""
        try:
            return await dispatch_events(
                conn,
                self._client,
                self._catalog,
                leased,
                share,
                judging=self._judging,
                public_url=self._public_url,
            )
        except TemporalAway:
            raise
        except Exception as error:
            if is_database_away(error):
                raise
            log.warning(
                "round_repeated",
                contacts=len(leased.contacts),
                error=logged_error(error),
            )
        if len(leased.contacts) == 1:
            return await self._work_alone(conn, leased, share)
        done = Round()
        first = frozenset(leased.contacts[: len(leased.contacts) // 2])
        others = frozenset(leased.contacts) - first
        for half in (leased.without(others), leased.without(first)):
            done.add(await self._work_together(conn, half, share))
        return done

    async def _work_alone(self, conn: AsyncConnection[Any], leased: Leased, share: int) -> Round:
        """Dispatch the events of one contact one by one, up to the first that fails."""
        done = Round()
        for event in leased.events:
            try:
                if event.unreadable is not None:
                    raise ValueError(event.unreadable)
                done = await dispatch_events(
                    conn,
                    self._client,
                    self._catalog,
                    leased.only(event),
                    share,
                    alone=True,
                    public_url=self._public_url,
                    judging=self._judging,
                )
            except TemporalAway:
                raise
            except Exception as error:
                if is_database_away(error):
                    raise
                await self._set_aside(conn, event, error)
                break
            if done.cut:
                break
        # What one of the earlier events did is not in the last one's round.
        done.may_be_due = True
        return done

    async def _set_aside(
        self, conn: AsyncConnection[Any], event: OutboxEvent, error: Exception
    ) -> None:
        """Try an event that failed alone again later; in the end it is dead."""
        cause = error.__cause__ if isinstance(error, EventFault) and error.__cause__ else error
        fault = FoundFault("dispatch", cause, contact_id=event.contact_id, event_id=event.id)
        await record_faults(conn, [fault])
        failures = event.attempts + 1
        if failures < _TRIES:
            delay = timedelta(seconds=_RETRY.delay(failures))
            await retry_event_later(conn, event.contact_id, event.id, delay)
            return
        log.error("event_dead", event_id=event.id, code=fault.code)
        await dead_letter(conn, event.contact_id, event.id, fault.code, describe(cause))

    async def _report_broken(self, conn: AsyncConnection[Any], revision: int) -> None:
        """Record the documents that cannot be read, each once while it stays so."""
        active = await self._catalog.active(conn, revision)
        segments = await self._catalog.live_segments.read(conn, revision)
        holdouts = await self._catalog.holdouts(conn, revision)
        broken = [
            *active.broken,
            *broken_documents("segment", segments.broken),
            *broken_documents("holdout", holdouts.broken),
        ]
        found = {error.subject: error for error in broken}
        new = [error for subject, error in found.items() if subject not in self._broken]
        await record_faults(
            conn, [FoundFault("catalog", error, subject=error.subject) for error in new]
        )
        self._broken = frozenset(found)

    async def _wait_for(self, nudged: asyncio.Event) -> None:
        try:
            rest = self._pace.rest.total_seconds() if self._resting else self._poll
            rest = min(rest, _RELEASE_AGAIN) if self._leases.any_left else rest
            async with asyncio.timeout(min(self._poll, rest)):
                await nudged.wait()
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
