"""The real engine on a clock that is told the time.

The Journey workflow, the activities, the dispatcher, SQL and templates are those of production.
Only what lies around them is another: the time, and the channels' other end. Time stands still
while anything is at work; then it moves to whatever comes next, so months pass in seconds and the
same script gives the same timeline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.context import Context
from activities.failures import CodedFailures
from activities.registry import activities_by_queue
from api.runs.start import start_by_api
from dispatch.dispatcher import Dispatcher
from dispatch.temporal import wake
from dispatch.wakes import listener_fires
from infra.clients import open_pool
from infra.settings import Settings
from journeys.protocol.channels import CHANNELS, SEND_QUEUES
from journeys.protocol.names import QUEUE, workflow_id
from journeys.time.zones import zone_of
from simulation.clock import Clock
from simulation.document_set import DocumentSet
from simulation.errors import SimulationFailed, SimulationRefused
from simulation.idle import Rest, rest_of
from simulation.interceptors import Dispatching, OnTime, Starts
from simulation.recording_channels import KeepingAdapter, Outside, Placeholders
from simulation.script import Call, Person, Scenario, Scene, SendGoes, Start
from simulation.timeline import Line, Timeline
from store.contacts.rows import find_contact
from store.coupons.pools import add_codes, make_pool
from store.definitions.catalog import Catalog
from store.events.effects import EffectRefused
from store.events.group_changes import add_to_group
from store.events.ingest import take
from store.events.items import Rejected
from store.events.topic_changes import set_topic_state
from store.simulation.due_times import OverdueRun, events_of_timed_waits, next_due, overdue_runs
from store.simulation.run_histories import refused_entries, run_histories, unfinished_runs
from store.simulation.simulated_database import make_contact, stop_clock
from store.waits.listener_candidates import timed_listeners
from workflows.journey import Journey

SENDER = "Parcours <parcours@example.com>"
"""The From of e-mails that name none."""

_NEVER_TOO_MANY = 1_000_000_000
_LOOK_FOR = timedelta(days=400)
"""For how long it is looked at when nothing else is to come."""
_FULL = 1_000
"""Codes of a pool that the script says nothing about, for up to a hundred contacts."""
_PATIENCE = 60.0
"""Seconds that the engine may work on what happens at one moment, and one more for each contact."""
_TICK = 0.003
_AT_ONCE = 20
"""Histories that are read, and activities that are done, side by side."""

_CACHED = 1000
"""Workflows that a worker keeps; it keeps as many as there are contacts, if these are more."""

Progress = Callable[[datetime, int], None]
"""Is told the time, and how many runs are under way, whenever one of them may have changed."""


class Simulation:
    """Contacts, a journey and a clock. Made by `simulating`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        environment: WorkflowEnvironment,
        book: DocumentSet,
        people: Sequence[Person],
        clock: Clock,
        progress: Progress | None = None,
    ) -> None:
        self.book = book
        self.people = tuple(people)
        self.clock = clock
        self._starts = Starts()
        self.outside = Outside(self._starts.contacts)
        self.timeline = Timeline(book.journey)
        self._pool = pool
        self._environment = environment
        self._progress = progress
        config = environment.client.config()
        config["interceptors"] = [self._starts]
        self._client = Client(**config)
        self._catalog = Catalog()
        dispatcher = Dispatcher(pool, self._client, self._catalog)
        self._dispatching = Dispatching(dispatcher)
        self._contacts: dict[str, UUID] = {}
        """By the person's id, in the order of the people."""
        self._busy: set[UUID] = set()
        """Contacts of whom there may be something to tell."""
        self._told_until: datetime | None = None
        # No segment changes here, so that only what time does is to be looked for.
        self._in_time = book.in_time
        self._ageing = book.ageing

    @property
    def lines(self) -> list[Line]:
        """What has happened so far."""
        return self.timeline.lines

    # ------------------------------------------------------------------ the script

    async def play(self, *scenarios: Scenario) -> None:
        """Let scenes happen, in order. Raises SimulationRefused for what can't happen.

        Of those at one instant each contact has one: what its acts are is told one after another,
        and the contacts act side by side.
        """
        scenes = [(scene, each.person) for each in scenarios for scene in each.scenes]
        scenes.sort(key=lambda one: one[0].at)
        for at, together in groupby(scenes, key=lambda one: one[0].at):
            await self.until(at)
            await self._happen(list(together))

    async def _happen(self, scenes: Sequence[tuple[Scene, Person]]) -> None:
        for scene, person in scenes:
            contact = self._contacts[person.id]
            for setting in scene.settings:
                if isinstance(setting, SendGoes):
                    self.outside.let(contact, setting.step, setting.fate)
                else:
                    self.outside.let_answer(contact, setting.step, setting.answer)
        for place in range(max(len(scene.acts) for scene, _ in scenes)):
            now = [(scene.acts[place], who) for scene, who in scenes if len(scene.acts) > place]
            await self._accept([act for act, _ in now if isinstance(act, Call)])
            for act, person in now:
                self._busy.add(self._contacts[person.id])
                if isinstance(act, Start):
                    await self._start(person, act.properties)
            # An event and a timer at the same instant: the event wins.
            await self._settle(timers=False)
        await self._settle()

    async def _accept(self, calls: Sequence[Call]) -> None:
        """Take tracking calls now. Raises SimulationRefused if the engine refuses one."""
        items = [call.item() for call in calls]
        answers = await take(self._pool, items, limit_per_minute=_NEVER_TOO_MANY) if items else []
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, Rejected):
                raise SimulationRefused(f"{call.place}: {answer.message}")

    async def _start(self, person: Person, properties: dict[str, Any]) -> None:
        """Start a run by hand; a refusal is a line of the timeline."""
        await start_by_api(
            self._pool,
            self._client,
            self._catalog,
            self.book.journey.key,
            person.id,
            properties,
            None,
        )

    # ------------------------------------------------------------------ time

    async def until(self, when: datetime) -> None:
        """Let time pass, and all happen that comes before `when`. What is due then is left."""
        while (due := await self._next()) is not None and due < when:
            await self._reach(due)
        await self._move(when)

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
        # All of it: nothing is to be missing because it was told of another moment.
        self._busy.update(self._contacts.values())
        self._told_until = None
        await self._tell()
        async with self._pool.connection() as conn:
            key = self.book.journey.key
            left = await unfinished_runs(conn, key, list(self._contacts.values()))
        self.timeline.add_standing(self.clock.now, left)

    async def _next(self) -> datetime | None:
        async with self._pool.connection() as conn:
            due = await next_due(conn)
            if not self._in_time:
                return due
            happened = await events_of_timed_waits(conn, self._ageing.events)
        journey = self.book.journey.timezone
        zoned = [(each.at, zone_of(each.timezone, journey)) for each in happened]
        look = self._ageing.next_look(self.clock.now, zoned)
        return min((each for each in (due, look) if each is not None), default=None)

    async def _reach(self, when: datetime) -> None:
        await self._move(when)
        woken = await self._look_at_timed()
        if woken or await self._overdue() or self._is_moving():
            await self._settle()

    async def _move(self, to: datetime) -> None:
        await self.clock.move(to)
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.clock.now, len(self._starts.open))

    async def _look_at_timed(self) -> bool:
        """What the hourly sweep does in production; whether it woke a run."""
        after: UUID | None = None
        woken = False
        async with self._pool.connection() as conn:
            while page := await timed_listeners(conn, after, 100):
                for each in page:
                    if await listener_fires(conn, self._catalog, each):
                        await wake(self._client, each.journey, each.run_id, each.visit)
                        woken = True
                after = page[-1].run_id
        return woken

    # ------------------------------------------------------------------ coming to rest

    async def _settle(self, *, timers: bool = True) -> None:
        """Return when all has happened that happens now; `timers`: those that are due included.

        Raises SimulationFailed if the engine does not come to rest.
        """
        nudge = timedelta(milliseconds=10)
        try:
            async with asyncio.timeout(_PATIENCE + len(self.people)):
                while True:
                    await self._rest()
                    late = await self._overdue() if timers else []
                    # What closes a wait has stirred its run before: looked at in this order, a
                    # timer that fires right now is seen by one or the other.
                    if not late and self._is_moving():
                        continue
                    if not late:
                        break
                    await self._skip_to(self.clock.now + nudge)
                    self._starts.stirred.update(
                        workflow_id(each.journey, each.run_id) for each in late
                    )
                    nudge = min(nudge * 2, timedelta(seconds=30))
        except TimeoutError:
            left = sorted(self._starts.stirred)
            raise SimulationFailed(
                f"the engine did not come to rest at {self.clock.now.isoformat()}:"
                f" {', '.join(left[:_AT_ONCE]) or 'no run'} is still at work"
            ) from None
        await self._tell()

    async def _rest(self) -> None:
        while True:
            await self._dispatching.drain()
            begun = monotonic()
            if await self._all_stand() and not await self._dispatching.drain():
                return
            self._report()
            # The longer it takes to look, the less often.
            await asyncio.sleep(max(_TICK, monotonic() - begun))

    async def _all_stand(self) -> bool:
        stirred = sorted(self._starts.stirred)
        for first in range(0, len(stirred), _AT_ONCE):
            some = stirred[first : first + _AT_ONCE]
            if not all(await asyncio.gather(*map(self._stands, some))):
                return False
        return True

    def _is_moving(self) -> bool:
        """Whether a run was stirred that has not been seen at rest, and is not held at the gate."""
        return any(not self.clock.is_early(_run_of(each)) for each in self._starts.stirred)

    async def _stands(self, workflow: str) -> bool:
        run_id = _run_of(workflow)
        if run_id in self._starts.contacts:
            self._busy.add(self._starts.contacts[run_id])
        if self.clock.is_early(run_id):
            return True
        if self._starts.working[workflow]:
            return False
        if workflow in self._starts.open:
            # Whatever stirs it from now on, says so anew.
            self._starts.stirred.discard(workflow)
            match await rest_of(self._starts.open[workflow]):
                case Rest.CLOSED:
                    self._starts.open.pop(workflow, None)
                case Rest.AT_WORK:
                    self._starts.stirred.add(workflow)
                    return False
                case Rest.BROKEN:
                    raise SimulationFailed(f"{workflow}: its workflow task fails again and again")
        else:
            self._starts.stirred.discard(workflow)
        return True

    async def _overdue(self) -> list[OverdueRun]:
        async with self._pool.connection() as conn:
            return await overdue_runs(conn, self.clock.now)

    async def _skip_to(self, when: datetime) -> None:
        """Move Temporal's clock, so that timers fire."""
        server = await self._environment.get_current_time()
        gap = when - self._starts.offset - server
        await self._environment.sleep(max(gap, timedelta(milliseconds=10)))

    async def _tell(self) -> None:
        contacts = [contact for contact in self._contacts.values() if contact in self._busy]
        self._busy.clear()
        if not contacts:
            return
        async with self._pool.connection() as conn:
            key = self.book.journey.key
            self.timeline.add_refused(await refused_entries(conn, key, contacts))
            happened = await run_histories(conn, key, contacts, self._told_until)
        self.timeline.add(happened, self.outside.sent)
        self._told_until = self.clock.now

    # ------------------------------------------------------------------ before it begins

    async def _prepare(self, start: datetime) -> None:
        async with self._pool.connection() as conn:
            versions = await self.book.save(conn)
        await self._introduce()
        history = sorted((call for who in self.people for call in who.history), key=_at)
        for at, together in groupby(history, key=_at):
            await self.clock.move(at)
            await self._accept(list(together))
        await self.clock.move(start)
        async with self._pool.connection() as conn, conn.transaction():
            for person in self.people:
                contact = await find_contact(conn, person.id)
                if contact is None:
                    raise SimulationRefused("contact.userId: missing; a contact has an id")
                self._contacts[person.id] = contact
                for group in person.groups:
                    await add_to_group(conn, group, [contact])
                for topic, state in person.topics.items():
                    try:
                        await set_topic_state(conn, contact, topic, state)
                    except EffectRefused as refused:
                        whose = f" of `{person.id}`" if len(self.people) > 1 else ""
                        raise SimulationRefused(
                            f"contact.topics.{topic}{whose}: {refused}"
                        ) from None
            for pool, codes in self._codes().items():
                await make_pool(conn, pool)
                await add_codes(conn, pool, codes)
        # What came before begins nothing: no journey is active yet.
        await self._dispatching.drain()
        async with self._pool.connection() as conn:
            await self.book.activate(conn, versions)
        self._starts.offset = start - await self._environment.get_current_time()

    async def _introduce(self) -> None:
        """Make the people known, under ids of ours that follow from theirs."""
        async with self._pool.connection() as conn, conn.transaction():
            for person in self.people:
                await make_contact(conn, person.id)
        await self._accept([Call(self.clock.now, each.identify, "contact") for each in self.people])

    def _codes(self) -> dict[str, list[str]]:
        """The codes of each pool: those that people bring, of all together; else it is full."""
        brought: dict[str, list[str]] = {}
        for person in self.people:
            for pool, codes in person.coupons.items():
                brought.setdefault(pool, []).extend(codes)
        enough = max(_FULL, _FULL // 100 * len(self.people))
        full = {pool: full_pool(pool, enough) for pool in self.book.pools - brought.keys()}
        return dict(sorted((full | brought).items()))

    def _workers(self) -> list[Worker]:
        context = Context(
            pool=self._pool,
            catalog=self._catalog,
            adapters={channel: KeepingAdapter(channel, self.outside) for channel in CHANNELS},
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
                # The sandbox loads the workflow's module anew for every run, to guard a worker.
                workflow_runner=UnsandboxedWorkflowRunner(),
                max_cached_workflows=max(_CACHED, len(self.people)),
                # No more than there are connections for: the others would only wait for one.
                max_concurrent_activities=_AT_ONCE,
                max_concurrent_local_activities=_AT_ONCE,
                interceptors=[
                    OnTime(self.clock, self._dispatching, self._starts),
                    CodedFailures(self._pool),
                ],
            )
            for queue, activities in activities_by_queue(context).items()
            if queue in served
        ]


def full_pool(pool: str, codes: int = _FULL) -> list[str]:
    """The codes of a pool that a scenario says nothing about."""
    return [f"{pool.upper()}-{number:04}" for number in range(1, codes + 1)]


@asynccontextmanager
async def simulating(
    database_url: str,
    environment: WorkflowEnvironment,
    book: DocumentSet,
    people: Sequence[Person],
    start: datetime,
    progress: Progress | None = None,
) -> AsyncIterator[Simulation]:
    """A simulation that stands at `start`, its contacts known and its journey active.

    The database is migrated and empty, and of no use afterwards; the environment is this
    simulation's alone. Each of the people has an id of its own; they share the clock. Raises
    SimulationRefused for a contact that the engine refuses.
    """
    async with AsyncExitStack() as stack:
        settings = Settings.model_construct(database_url=database_url)
        pool = await open_pool(settings, min_size=2, max_size=_AT_ONCE)
        stack.push_async_callback(pool.close)
        begin = min([start, *(call.at for each in people for call in each.history)])
        async with pool.connection() as conn:
            await stop_clock(conn, begin)
        clock = Clock(pool, begin)
        simulation = Simulation(pool, environment, book, people, clock, progress)
        await simulation._prepare(start)
        for worker in simulation._workers():
            await stack.enter_async_context(worker)
        yield simulation


def _run_of(workflow: str) -> UUID:
    return UUID(workflow.rpartition(".")[2])


def _at(call: Call) -> datetime:
    return call.at
