"""The real engine on a clock that is told the time.

The Journey workflow, the activities, the dispatcher, SQL and templates are those of production.
Only what lies around them is another: the time, and the channels' other end. Time stands still
while anything is at work; then it moves to whatever comes next, so months pass in seconds and the
same script gives the same timeline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.context import Context
from activities.failures import CodedFailures
from activities.registry import activities_by_queue
from dispatch.dispatcher import Dispatcher, fires
from dispatch.starting import start_by_api
from dispatch.temporal import wake
from infra.clients import open_pool
from infra.settings import Settings
from journeys.exchange import QUEUE, SEND_QUEUES
from simulation.book import Book
from simulation.channels import KeepingAdapter, Outside, Placeholders
from simulation.clock import Clock
from simulation.interception import Dispatching, OnTime, Starts
from simulation.refusal import SimulationFailed, SimulationRefused
from simulation.resting import Rest, rest_of
from simulation.script import Call, Person, Scene, SendGoes, Start
from simulation.timeline import Line, Timeline
from store.catalog import Catalog
from store.contacts import find_contact
from store.coupons import add_codes, make_pool
from store.groups import add_to_group
from store.ingest import Rejected, take
from store.meanings import MeaningRefused
from store.outbox import timed_listeners
from store.simulated import (
    is_listening_in_time,
    make_contact,
    next_due,
    refused_entries,
    standing,
    stop_clock,
    what_happened,
)
from store.topics import set_topic_state
from workflows.journey import Journey

SENDER = "Parcours <parcours@example.com>"
"""The From of e-mails that name none."""

_NEVER_TOO_MANY = 1_000_000_000
_LOOK_EVERY = timedelta(hours=1)
"""How often a condition that time alone can fulfil is looked at, here as in production."""
_LOOK_FOR = timedelta(days=400)
"""For how long it is looked at when nothing else is to come."""
_FULL = 1_000
"""Codes of a pool that the script says nothing about."""
_PATIENCE = 60.0
"""Seconds that the engine may work on what happens at one moment."""
_TICK = 0.003


class Simulation:
    """A contact, a journey and a clock. Made by `simulating`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        environment: WorkflowEnvironment,
        book: Book,
        person: Person,
        clock: Clock,
    ) -> None:
        self.book = book
        self.person = person
        self.clock = clock
        self.outside = Outside()
        self.timeline = Timeline(book.journey)
        self._pool = pool
        self._environment = environment
        self._starts = Starts()
        config = environment.client.config()
        config["interceptors"] = [self._starts]
        self._client = Client(**config)
        self._catalog = Catalog()
        dispatcher = Dispatcher(pool, self._client, self._catalog)
        self._dispatching = Dispatching(dispatcher)
        self._contact: UUID | None = None

    @property
    def lines(self) -> list[Line]:
        """What has happened so far."""
        return self.timeline.lines

    # ------------------------------------------------------------------ the script

    async def play(self, scenes: Sequence[Scene]) -> None:
        """Let scenes happen, in order. Raises SimulationRefused for what can't happen."""
        for scene in scenes:
            await self.until(scene.at)
            for setting in scene.settings:
                if isinstance(setting, SendGoes):
                    self.outside.let(setting.step, setting.fate)
                else:
                    self.outside.let_answer(setting.step, setting.answer)
            for act in scene.acts:
                if isinstance(act, Start):
                    await self.start(act.properties)
                else:
                    await self.accept(act)
                # An event and a timer at the same instant: the event wins.
                await self._settle(timers=False)
            await self._settle()

    async def accept(self, call: Call) -> None:
        """Take a tracking call now. Raises SimulationRefused if the engine refuses it."""
        [answer] = await take(self._pool, [call.item()], limit_per_minute=_NEVER_TOO_MANY)
        if isinstance(answer, Rejected):
            raise SimulationRefused(f"{call.place}: {answer.message}")

    async def start(self, properties: dict[str, Any]) -> None:
        """Start a run by hand; a refusal is a line of the timeline."""
        await start_by_api(
            self._pool,
            self._client,
            self._catalog,
            self.book.journey.key,
            self.person.id,
            properties,
            None,
        )

    # ------------------------------------------------------------------ time

    async def until(self, when: datetime) -> None:
        """Let time pass, and all happen that comes before `when`. What is due then is left."""
        while (due := await self._next()) is not None and due < when:
            await self._reach(due)
        await self.clock.move(when)

    async def advance(self, by: timedelta) -> None:
        """Let time pass, and all happen that comes until then."""
        when = self.clock.now + by
        await self.until(when)
        await self._settle()

    async def finish(self) -> None:
        """Let time pass until nothing is left to come, and tell which runs still stand."""
        last = self.clock.now
        while True:
            async with self._pool.connection() as conn:
                due = await next_due(conn)
            if due is not None:
                last = due
            following = await self._next()
            if following is None or following > last + _LOOK_FOR:
                break
            await self._reach(following)
        assert self._contact is not None
        async with self._pool.connection() as conn:
            left = await standing(conn, self.book.journey.key, self._contact)
            happened = await what_happened(conn, self.book.journey.key, self._contact)
        for run_id, step in left.items():
            zone = happened[-1].timezone if happened else None
            number = self.timeline.number_of(run_id, happened)
            self.timeline.add_standing(self.clock.now, zone, number, step)

    async def _next(self) -> datetime | None:
        async with self._pool.connection() as conn:
            due = await next_due(conn)
            if await is_listening_in_time(conn):
                look = self.clock.now + _LOOK_EVERY
                return min(due, look) if due else look
        return due

    async def _reach(self, when: datetime) -> None:
        await self.clock.move(when)
        await self._look_at_timed()
        await self._settle()

    async def _look_at_timed(self) -> None:
        """What the hourly sweep does in production."""
        after: UUID | None = None
        async with self._pool.connection() as conn:
            while page := await timed_listeners(conn, after, 100):
                for each in page:
                    if await fires(conn, self._catalog, each):
                        await wake(self._client, each.journey, each.run_id, each.visit)
                after = page[-1].run_id

    # ------------------------------------------------------------------ coming to rest

    async def _settle(self, *, timers: bool = True) -> None:
        """Return when all has happened that happens now; `timers`: those that are due included.

        Raises SimulationFailed if the engine does not come to rest.
        """
        nudge = timedelta(milliseconds=10)
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    await self._rest()
                    due = await self._overdue() if timers else None
                    if due is None:
                        break
                    await self._skip_to(due + nudge)
                    nudge = min(nudge * 2, timedelta(seconds=30))
        except TimeoutError:
            raise SimulationFailed(
                f"the engine did not come to rest at {self.clock.now.isoformat()}:"
                f" {', '.join(sorted(self._starts.open)) or 'no run'} is still at work"
            ) from None
        await self._tell()

    async def _rest(self) -> None:
        while True:
            await self._dispatching.drain()
            if await self._all_stand() and not await self._dispatching.drain():
                return
            await asyncio.sleep(_TICK)

    async def _all_stand(self) -> bool:
        for workflow, handle in list(self._starts.open.items()):
            if self.clock.is_early(UUID(workflow.rpartition(".")[2])):
                continue
            match await rest_of(handle):
                case Rest.CLOSED:
                    del self._starts.open[workflow]
                case Rest.AT_WORK:
                    return False
                case Rest.BROKEN:
                    raise SimulationFailed(f"{workflow}: its workflow task fails again and again")
        return True

    async def _overdue(self) -> datetime | None:
        async with self._pool.connection() as conn:
            due = await next_due(conn)
        return due if due is not None and due <= self.clock.now else None

    async def _skip_to(self, when: datetime) -> None:
        """Move Temporal's clock, so that timers fire."""
        server = await self._environment.get_current_time()
        gap = when - self._starts.offset - server
        await self._environment.sleep(max(gap, timedelta(milliseconds=10)))

    async def _tell(self) -> None:
        assert self._contact is not None
        async with self._pool.connection() as conn:
            key = self.book.journey.key
            self.timeline.add_refused(await refused_entries(conn, key, self._contact))
            self.timeline.add(await what_happened(conn, key, self._contact), self.outside.sent)

    # ------------------------------------------------------------------ before it begins

    async def _prepare(self, start: datetime) -> None:
        async with self._pool.connection() as conn:
            versions = await self.book.save(conn)
            await make_contact(conn, self.person.id)
        identify = Call(self.clock.now, self.person.identify, "contact")
        await self.accept(identify)
        for call in self.person.history:
            await self.clock.move(call.at)
            await self.accept(call)
        await self.clock.move(start)
        async with self._pool.connection() as conn, conn.transaction():
            self._contact = await find_contact(conn, self.person.id)
            if self._contact is None:
                raise SimulationRefused("contact.userId: missing; a contact has an id")
            for group in self.person.groups:
                await add_to_group(conn, group, [self._contact])
            for topic, state in self.person.topics.items():
                try:
                    await set_topic_state(conn, self._contact, topic, state)
                except MeaningRefused as refused:
                    raise SimulationRefused(f"contact.topics.{topic}: {refused}") from None
            for pool in sorted(self.book.pools | self.person.coupons.keys()):
                await make_pool(conn, pool)
                await add_codes(conn, pool, self.person.coupons.get(pool, full_pool(pool)))
        # What came before begins nothing: no journey is active yet.
        await self._dispatching.drain()
        async with self._pool.connection() as conn:
            await self.book.activate(conn, versions)
        self._starts.offset = start - await self._environment.get_current_time()

    def _workers(self) -> list[Worker]:
        context = Context(
            pool=self._pool,
            catalog=self._catalog,
            adapters={
                channel: KeepingAdapter(channel, self.outside)
                for channel in ("email", "sms", "webhook")
            },
            sender=SENDER,
            secrets=Placeholders(self.book.secrets),
        )
        kinds = {step.kind for journey in self.book.journeys for step in journey.all_steps()}
        served = {QUEUE, *(queue for kind, queue in SEND_QUEUES.items() if kind in kinds)}
        return [
            Worker(
                self._client,
                task_queue=queue,
                workflows=[Journey] if queue == QUEUE else [],
                activities=activities,
                interceptors=[OnTime(self.clock, self._dispatching), CodedFailures(self._pool)],
            )
            for queue, activities in activities_by_queue(context).items()
            if queue in served
        ]


def full_pool(pool: str) -> list[str]:
    """The codes of a pool that a scenario says nothing about."""
    return [f"{pool.upper()}-{number:04}" for number in range(1, _FULL + 1)]


@asynccontextmanager
async def simulating(
    database_url: str,
    environment: WorkflowEnvironment,
    book: Book,
    person: Person,
    start: datetime,
) -> AsyncIterator[Simulation]:
    """A simulation that stands at `start`, its contact known and its journey active.

    The database is migrated and empty, and of no use afterwards; the environment is this
    simulation's alone. Raises SimulationRefused for a contact that the engine refuses.
    """
    async with AsyncExitStack() as stack:
        settings = Settings.model_construct(database_url=database_url)
        pool = await open_pool(settings, min_size=2, max_size=10)
        stack.push_async_callback(pool.close)
        begin = min([start, *(call.at for call in person.history)])
        async with pool.connection() as conn:
            await stop_clock(conn, begin)
        simulation = Simulation(pool, environment, book, person, Clock(pool, begin))
        await simulation._prepare(start)
        for worker in simulation._workers():
            await stack.enter_async_context(worker)
        yield simulation
