"""From Postgres to Temporal: every accepted event starts the runs it begins and wakes the runs
that listen for it.

Contacts are leased, so the events of one are handled in order by one dispatcher at a time. Nothing
is forgotten before Temporal has answered: a crash anywhere repeats the work and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.goals import record_met_goals_of
from dispatch.runs import start_and_stop_marked_runs
from dispatch.temporal import is_away, start_journey, wake
from journeys.model.paths import first
from journeys.model.triggers import EventEntry
from store.conditions import compile_condition, compile_where, evaluate_entries
from store.definitions.catalog import Active, Catalog, Definition
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter_all
from store.events.outbox import (
    CHANNEL,
    Leased,
    OutboxEvent,
    dead_letter,
    finish_round,
    lease_contacts,
    release_contacts,
    retry_event_later,
)
from store.runs.workflow_marks import workflow_stopped
from store.waits.listener_candidates import Candidate, listeners_for
from store.waits.listeners import first_fired

log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=30)
_CONTACTS = 100
_EVENTS = 100
"""Of one contact, in one round."""
_AT_ONCE = 50
_TRIES = 5
"""How often an event that Temporal refuses is tried before it goes to the dead list: with the
delays below, within half a minute."""


@dataclass(frozen=True)
class _Start:
    run_id: UUID
    definition: Definition
    contact_id: UUID
    event_id: int


@dataclass
class _Round:
    """What a round has to tell Temporal, and what came of it."""

    starts: list[_Start] = field(default_factory=list)
    stops: dict[UUID, str] = field(default_factory=dict)
    wakes: dict[tuple[UUID, int], tuple[str, int, UUID]] = field(default_factory=dict)
    """(run, visit) → journey, event, contact."""
    failed: dict[int, tuple[UUID, str]] = field(default_factory=dict)
    """Event → contact, and the words of Temporal's refusal."""


class TemporalAway(Exception):
    """Temporal can't be reached now: the round is left as it was."""


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
    ) -> None:
        """`listen_url`: a direct database URL for LISTEN; without it only `nudge` and the poll
        every `poll` seconds begin a round."""
        self._pool = pool
        self._client = client
        self._catalog = catalog
        self._listen_url = listen_url
        self._poll = poll
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """There may be something in the outbox."""
        self._nudged.set()

    async def run(self) -> None:
        """Dispatch until cancelled. Postgres or Temporal may go away and come back."""
        async with self._listening():
            delay = 0.0
            while True:
                try:
                    if delay:
                        await asyncio.sleep(delay)
                    busy = await self.round()
                    delay = 0.0
                    if not busy:
                        await self._wait_for_nudge()
                except TemporalAway as error:
                    log.warning("temporal_away", error=str(error))
                    delay = min(max(delay * 2, 0.2), 5.0)
                except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
                    log.warning("database_away", error=str(error).strip())
                    delay = min(max(delay * 2, 0.2), 5.0)
                except Exception:
                    log.exception("dispatch_failed")
                    delay = min(max(delay * 2, 0.2), 5.0)

    async def drain(self) -> None:
        """Dispatch until the outbox has nothing more that is due."""
        while await self.round():
            pass

    async def round(self) -> int:
        """Lease some contacts and dispatch their events, and tell Temporal what else was decided.

        Returns how much there was of both. Raises TemporalAway, psycopg.OperationalError; the
        events are then still in the outbox.
        """
        self._nudged.clear()
        async with self._pool.connection() as conn:
            leased = await lease_contacts(conn, _CONTACTS, _EVENTS, _LEASE)
            if not leased.contacts:
                return await self._tell_marked(conn)
            try:
                round_ = _Round()
                if leased.marked:
                    await self._tell_marked(conn)
                await self._enter(conn, leased, round_)
                await _all(self._start(start, round_) for start in round_.starts)
                await self._find_listeners(conn, leased.events, round_)
                await self._wake_all(round_)
                await record_met_goals_of(conn, self._catalog, leased.events)
                await self._finish(conn, leased, round_)
            except BaseException:
                await self._release(conn, leased.contacts)
                raise
        return len(leased.events)

    async def _tell_marked(self, conn: AsyncConnection[Any]) -> int:
        try:
            return await start_and_stop_marked_runs(conn, self._client, self._catalog, _CONTACTS)
        except RPCError as error:
            raise TemporalAway(error.message) from None

    async def _enter(self, conn: AsyncConnection[Any], leased: Leased, round_: _Round) -> None:
        events = leased.events
        active = await self._catalog.active(conn, leased.revision)
        matches = await self._matches(conn, active, events)
        # In waves: what a contact's first event began decides about its next.
        waves: list[list[tuple[Definition, EntryRequest]]] = []
        placed: dict[tuple[UUID, str], int] = {}
        for event in events:
            for definition, key in matches.get(event.id, []):
                request = EntryRequest(
                    contact_id=event.contact_id,
                    key=key,
                    properties=event.properties,
                    event_id=event.id,
                    depth=event.depth,
                )
                wave = placed.get((event.contact_id, definition.key), 0)
                placed[(event.contact_id, definition.key)] = wave + 1
                if wave == len(waves):
                    waves.append([])
                waves[wave].append((definition, request))
        for requests in waves:
            async with conn.transaction():
                answers = await enter_all(conn, self._catalog, requests)
            for (definition, request), answer in zip(requests, answers, strict=True):
                _note(definition, request, answer, round_)

    async def _matches(
        self, conn: AsyncConnection[Any], active: Active, events: list[OutboxEvent]
    ) -> dict[int, list[tuple[Definition, str | None]]]:
        """Event id → the journeys whose entry it matches, with the entry's key value."""
        found: dict[int, list[tuple[Definition, str | None]]] = {}
        entered: set[tuple[int, str]] = set()
        public = [event for event in events if event.run_id is None]
        by_name: dict[str, list[OutboxEvent]] = {}
        for event in public:
            by_name.setdefault(event.name, []).append(event)
        for name, named in by_name.items():
            for definition in active.by_event.get(name, []):
                for entry in definition.journey.entry:
                    if not isinstance(entry, EventEntry) or entry.event != name:
                        continue
                    holds = await self._judge(conn, definition, entry, named)
                    for event in named:
                        if event.id in holds and (event.id, definition.key) not in entered:
                            entered.add((event.id, definition.key))
                            key = _key_of(entry, event.properties)
                            found.setdefault(event.id, []).append((definition, key))
        return found

    async def _judge(
        self,
        conn: AsyncConnection[Any],
        definition: Definition,
        entry: EventEntry,
        events: list[OutboxEvent],
    ) -> set[int]:
        if not entry.where and entry.if_ is None:
            return {event.id for event in events}
        holds = None
        if entry.if_ is not None:
            holds = compile_condition(
                entry.if_,
                prefix="i_",
                default_zone=definition.journey.timezone or "UTC",
                segments=definition.segments.conditions,
            )
        return await evaluate_entries(
            conn,
            [(event.id, event.contact_id) for event in events],
            holds,
            compile_where(entry.where, event="e", prefix="w_") if entry.where else None,
        )

    async def _find_listeners(
        self, conn: AsyncConnection[Any], events: list[OutboxEvent], round_: _Round
    ) -> None:
        candidates = await listeners_for(conn, [event.id for event in events])
        contacts = {event.id: event.contact_id for event in events}
        for candidate in candidates:
            wanted = (candidate.run_id, candidate.visit)
            if wanted in round_.wakes:
                continue
            if candidate.rest and not await fires(conn, self._catalog, candidate):
                continue
            round_.wakes[wanted] = (
                candidate.journey,
                candidate.event_id,
                contacts[candidate.event_id],
            )

    async def _wake_all(self, round_: _Round) -> None:
        """Wake runs that listen, those begun in this round among them, and those that ended."""
        await _all(
            [
                *(
                    self._wake(journey, run_id, visit, event_id, contact_id, round_)
                    for (run_id, visit), (journey, event_id, contact_id) in round_.wakes.items()
                ),
                *(self._stop(run_id, journey) for run_id, journey in round_.stops.items()),
            ]
        )

    async def _start(self, start: _Start, round_: _Round) -> None:
        definition = start.definition
        try:
            await start_journey(
                self._client,
                run_id=start.run_id,
                journey=definition.key,
                version=definition.version,
                contact_id=start.contact_id,
                program=definition.program,
            )
        except RPCError as error:
            if is_away(error):
                raise TemporalAway(error.message) from None
            round_.failed[start.event_id] = (start.contact_id, error.message)

    async def _wake(
        self,
        journey: str,
        run_id: UUID,
        visit: int,
        event_id: int,
        contact_id: UUID,
        round_: _Round,
    ) -> None:
        try:
            await wake(self._client, journey, run_id, visit)
        except RPCError as error:
            if is_away(error):
                raise TemporalAway(error.message) from None
            round_.failed[event_id] = (contact_id, error.message)

    async def _stop(self, run_id: UUID, journey: str) -> None:
        try:
            await wake(self._client, journey, run_id, 0)
        except RPCError as error:
            raise TemporalAway(error.message) from None

    async def _finish(
        self,
        conn: AsyncConnection[Any],
        leased: Leased,
        round_: _Round,
    ) -> None:
        contacts, events = leased.contacts, leased.events
        # Behind a refused event its contact waits, so that order holds.
        stuck = {
            contact: min(e for e, (c, _) in round_.failed.items() if c == contact)
            for contact, _ in round_.failed.values()
        }
        done = [
            event
            for event in events
            if event.contact_id not in stuck or event.id < stuck[event.contact_id]
        ]
        finished = {event.id for event in done}
        await finish_round(
            conn,
            contacts=contacts,
            events=[(event.contact_id, event.id) for event in done],
            started=[start.run_id for start in round_.starts if start.event_id in finished],
        )
        for run_id in round_.stops:
            await workflow_stopped(conn, run_id)
        attempts = {event.id: event.attempts for event in events}
        for contact, event_id in stuck.items():
            words = round_.failed[event_id][1]
            if attempts[event_id] + 1 < _TRIES:
                await retry_event_later(
                    conn, contact, event_id, timedelta(seconds=2 ** attempts[event_id])
                )
            else:
                log.error("event_buried", event_id=event_id, error=words)
                await dead_letter(conn, contact, event_id, "temporal_refused", words)

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
                    await conn.execute(f"listen {CHANNEL}")
                    self.nudge()
                    async for _ in conn.notifies():
                        self.nudge()
            except psycopg.Error as error:
                log.warning("listen_lost", error=str(error).strip())
            await asyncio.sleep(0.5)


def _note(
    definition: Definition,
    request: EntryRequest,
    answer: AdmittedEntry | RefusedEntry,
    round_: _Round,
) -> None:
    assert request.event_id is not None
    said = log.bind(
        journey=definition.key, contact_id=str(request.contact_id), event_id=request.event_id
    )
    if isinstance(answer, RefusedEntry):
        said.info("entry_refused", code=answer.code)
        return
    round_.starts.append(_Start(answer.run_id, definition, request.contact_id, request.event_id))
    for stopped in answer.stopped:
        round_.stops[stopped] = definition.key
    said.info("run_entered", run_id=str(answer.run_id))


async def fires(conn: AsyncConnection[Any], catalog: Catalog, candidate: Candidate) -> bool:
    """Whether what a listener waits for has come: its whole condition, in one statement."""
    definition = await catalog.definition(conn, candidate.journey, candidate.version)
    if candidate.visit == 0:
        look = definition.exits
    elif candidate.step is not None:
        look = definition.wait_look(candidate.step)
    else:
        return True
    if look is None:
        return False
    fired = await first_fired(conn, look, run_id=candidate.run_id, visit=candidate.visit)
    return fired is not None


def _key_of(entry: EventEntry, properties: dict[str, Any]) -> str | None:
    """The entry's key value as text; "" for an entry without key, None if the event lacks it."""
    if entry.key is None:
        return ""
    value = first(properties, entry.key)
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else str(value)


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Await all, some at a time; the first error is raised once none is under way any more."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Awaitable[None]) -> None:
        async with limit:
            await call

    results = await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
