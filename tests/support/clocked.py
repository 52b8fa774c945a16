"""Runs without workflows on a database whose clock the test sets, and what wakes them.

A played run is walked as its workflow would: it plans its wait, and looks at it when it is woken by
a signal of the dispatcher or of the due times, and when its timer is due. During an outage events
are recorded, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.context import Context
from activities.waiting.waits import close, plan
from dispatch.dispatcher import Dispatcher
from dispatch.due_times import DueTimes
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter
from store.simulation.simulated_database import set_clock, stop_clock
from tests.support.engine import accept, activate, make_contact, visits
from tests.support.racing import Wakes

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass(frozen=True)
class ScriptedEvent:
    """An event of a script."""

    at: datetime
    name: str
    properties: dict[str, Any] = field(default_factory=dict)


class Clocked:
    """A database with a stopped clock, and the engine's parts that work on it."""

    def __init__(self, pool: Pool, client: Client) -> None:
        self.pool = pool
        self.wakes = Wakes()
        config = client.config()
        config["interceptors"] = [self.wakes]
        self.catalog = Catalog()
        client = Client(**config)
        self.dispatcher = Dispatcher(pool, client, self.catalog)
        self.due_times = DueTimes(pool, client, self.catalog)
        self.context = Context(pool=pool, catalog=self.catalog, adapters={})

    async def stop_clock(self, at: datetime) -> None:
        """Stop the clock for good."""
        async with self.pool.connection() as conn:
            await stop_clock(conn, at)

    async def to(self, at: datetime) -> None:
        """Set the clock."""
        async with self.pool.connection() as conn:
            await set_clock(conn, at)

    async def begin(self, text: str | None, key: str, **columns: Any) -> PlayedRun:
        """A new contact's run of a journey, at its first step, the wait `w`.

        Without a text the journey is active already.
        """
        if text is not None:
            await activate(self.pool, text)
        contact = await make_contact(self.pool, **columns)
        async with self.pool.connection() as conn, conn.transaction():
            definition = await self.catalog.definition(conn, key, 1)
            request = EntryRequest(contact, "", {}, None)
            entered = await enter(conn, self.catalog, definition, request)
        assert isinstance(entered, AdmittedEntry)
        return PlayedRun(self, entered.run_id, contact)

    async def value(self, query: str, *parameters: Any) -> Any:
        """The first column of a query's row."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(query.encode(), parameters)
            row = await cursor.fetchone()
        return None if row is None else row[0]


class PlayedRun:
    """One run at its wait `w`."""

    def __init__(self, clocked: Clocked, run_id: UUID, contact: UUID) -> None:
        self._clocked = clocked
        self.run_id = run_id
        self.contact = contact
        self.result = StepResult()

    @property
    def over(self) -> bool:
        """Whether the wait has ended, or the run."""
        return self.result.outcome is not None or self.result.ended is not None

    async def plan(self, at: datetime) -> None:
        """Come to the wait."""
        async with self._clocked.pool.connection() as conn:
            self.result = await plan(conn, self._clocked.context, self._given(at, None))

    async def play(self, script: Sequence[ScriptedEvent], until: datetime) -> None:
        """Let time pass to `until` with the engine at work; an event comes before a timer."""
        waiting = list(script)
        while not self.over:
            condition = await self._clocked.value(
                "select min(due_at) from listener where run_id = %s", self.run_id
            )
            instants = [self.result.due, condition, *(event.at for event in waiting[:1])]
            now = min((each for each in instants if each is not None), default=until)
            if now > until:
                break
            await self._clocked.to(now)
            while waiting and waiting[0].at <= now:
                event = waiting.pop(0)
                await accept(self._clocked.pool, self.contact, event.name, event.properties)
            await self.work(now)
            if now == until:
                break
        for event in waiting:
            await self._clocked.to(event.at)
            await accept(self._clocked.pool, self.contact, event.name, event.properties)
        await self._clocked.to(until)

    async def miss(self, script: Sequence[ScriptedEvent], until: datetime) -> None:
        """Let time pass to `until` while nothing but the recording of events works."""
        for event in script:
            await self._clocked.to(event.at)
            await accept(self._clocked.pool, self.contact, event.name, event.properties)
        await self._clocked.to(until)

    async def work(self, now: datetime, *, timer_first: bool = False) -> None:
        """Dispatch, look at what is due, and let the run do what it is woken for."""
        timer = self.result.due is not None and self.result.due <= now
        if timer and timer_first:
            await self.look(now, self.result.due)
        before = self._clocked.wakes.count
        await self._clocked.dispatcher.drain()
        await self._clocked.due_times.drain()
        if not self.over and (timer or self._clocked.wakes.count > before):
            await self.look(now, self.result.due if timer else None)

    async def look(self, now: datetime, due: datetime | None) -> None:
        """Look at the wait: woken, or at `due`. A timer that is due goes off again at once."""
        while True:
            async with self._clocked.pool.connection() as conn:
                self.result = await close(conn, self._clocked.context, self._given(now, due))
            if self.over or self.result.due is None or self.result.due > now:
                return
            due = self.result.due

    async def visit(self) -> dict[str, Any]:
        """The row of the wait."""
        return (await visits(self._clocked.pool, self.run_id))[-1]

    async def outcome(self) -> dict[str, Any]:
        """The result of the wait and of the run: only what an outage must not change."""
        visit = await self.visit()
        left = visit["facts"].get("exit")
        events = await self._clocked.value(
            "select count(*) from event e join run r on r.contact_id = e.contact_id"
            " where r.id = %s and e.id <= r.ref",
            self.run_id,
        )
        return {
            "outcome": visit["outcome"],
            "ended_at": None if left or self.result.ended else visit["ended_at"],
            "saw": visit["facts"].get("saw"),
            "exit": left,
            "events": None if self.result.ended else events,
            "ended": self.result.ended,
        }

    def _given(self, now: datetime, due: datetime | None) -> StepInput:
        return StepInput(run_id=self.run_id, visit=1, step="w", now=now, due=due)
