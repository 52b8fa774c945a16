"""The driver of a simulation: the real engine on a clock that the simulation sets.

The Journey workflow, the activities, the dispatcher, SQL and templates are those of production.
Only the clock and the providers are simulated. The clock stands still while anything is at work,
then it jumps to the next due time. So months pass in seconds, and the same script gives the same
timeline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.context import Context
from api.runs.start import start_by_api
from dispatch.dispatcher import Dispatcher
from dispatch.due_times import DueTimes
from dispatch.segments import segment_queue
from infra.clients import open_pool
from infra.settings import Settings
from journeys.model.arms import Score
from journeys.protocol.channels import CHANNELS
from simulation.clock import Clock
from simulation.document_set import DocumentSet
from simulation.errors import SimulationRefused
from simulation.interceptors import SerialDispatcher, WorkflowTracker
from simulation.links import SimulatedLinks
from simulation.preparation import Preparation
from simulation.recording_channels import PlaceholderSecrets, RecordingAdapter, ScriptedProvider
from simulation.script import (
    Moment,
    Scenario,
    ScriptedContact,
    ScriptedScores,
    ScriptedSend,
    Start,
    TrackingCall,
)
from simulation.settling import Settling
from simulation.timed_entries import TimedEntries
from simulation.timeline import Line, Timeline
from simulation.workers import CONCURRENCY, simulated_workers
from store.definitions.catalog import Catalog
from store.events.ingest import take
from store.events.items import Rejected
from store.simulation.due_times import (
    next_condition_due,
    next_due,
    next_segment_due,
)
from store.simulation.run_histories import refused_entries, run_histories, unfinished_runs
from store.simulation.simulated_database import stop_clock

SENDER = "Parcours <parcours@example.com>"
"""The sender of e-mails whose step names no sender."""

_NO_RATE_LIMIT = 1_000_000_000
_HORIZON = timedelta(days=400)
"""How long after the last due time conditions that time may fulfil are still checked."""
_SETTLE_SECONDS = 60.0
"""How long the engine may work at one moment; each contact adds one second."""

Progress = Callable[[datetime, int], None]
"""A callback: the simulation's time and the number of open runs, when either may have changed."""
OnRefused = Callable[[str, str], None]
"""A callback: the external id of a contact, and why the engine rejected an item of its script."""


class Simulation:
    """A journey with its contacts and a clock; `simulating` makes it."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        environment: WorkflowEnvironment,
        documents: DocumentSet,
        contacts: Sequence[ScriptedContact],
        clock: Clock,
        progress: Progress | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self.documents = documents
        self.contacts = tuple(contacts)
        self.clock = clock
        self._tracker = WorkflowTracker()
        self.provider = ScriptedProvider(self._tracker.contact_by_run)
        self.timeline = Timeline(documents.journey)
        self._pool = pool
        self._environment = environment
        self._progress = progress
        self._on_refused = on_refused
        self._given_scores: dict[str, tuple[Score, ...]] = {}
        """The scores of splits that the script has given so far, by step."""
        config = environment.client.config()
        config["interceptors"] = [self._tracker]
        self._client = Client(**config)
        self._catalog = Catalog()
        dispatcher = Dispatcher(pool, self._client, self._catalog, judging=None)
        due_times = DueTimes(pool, self._client, self._catalog)
        segments = segment_queue(pool, self._catalog)
        self._context = Context(
            pool=pool,
            catalog=self._catalog,
            adapters={channel: RecordingAdapter(channel, self.provider) for channel in CHANNELS},
            sender=SENDER,
            secrets=PlaceholderSecrets(documents.secrets),
            given_scores=self._given_scores,
            files=None,
            links=SimulatedLinks(),
        )
        self._timed = TimedEntries(pool, self._client, self._catalog, self._context, clock)
        self._dispatcher = SerialDispatcher(
            pool, clock, dispatcher, due_times, [segments.page, self._timed.work]
        )
        self._settling = Settling(
            pool,
            environment,
            clock,
            self._tracker,
            self._dispatcher,
            patience=_SETTLE_SECONDS + len(self.contacts),
            at_work=self._report_progress,
        )
        self._contacts: dict[str, UUID] = {}
        """Our id of each contact, by its external id, in the order given."""
        self._reported_until: datetime | None = None

    @property
    def lines(self) -> list[Line]:
        """The timeline so far."""
        return self.timeline.lines

    # ------------------------------------------------------------------ the script

    async def play(self, *scenarios: Scenario) -> None:
        """Play the moments of the scenarios in order of time.

        The moments of several contacts at one instant are played together: the first action of
        each contact, then the second, and so on. Raises SimulationRefused for an action that the
        engine refuses.
        """
        moments = [(moment, each.contact) for each in scenarios for moment in each.moments]
        moments.sort(key=_moment_time)
        for at, together in groupby(moments, key=_moment_time):
            await self.until(at)
            await self._play_together(list(together))

    async def _play_together(self, moments: Sequence[tuple[Moment, ScriptedContact]]) -> None:
        for moment, scripted in moments:
            contact = self._contacts[scripted.id]
            for response in moment.responses:
                if isinstance(response, ScriptedSend):
                    self.provider.script_send(contact, response.step, response.result)
                elif isinstance(response, ScriptedScores):
                    self._given_scores[response.step] = response.scores
                else:
                    self.provider.script_answer(contact, response.step, response.answer)
        for index in range(max(len(moment.actions) for moment, _ in moments)):
            actions = [
                (moment.actions[index], scripted)
                for moment, scripted in moments
                if len(moment.actions) > index
            ]
            await self._ingest(
                [
                    (action, scripted)
                    for action, scripted in actions
                    if isinstance(action, TrackingCall)
                ]
            )
            for action, scripted in actions:
                self._settling.changed_contacts.add(self._contacts[scripted.id])
                if isinstance(action, Start):
                    await self._start(scripted, action.properties)
            # If an event and a timer are due at the same instant, the event comes first.
            await self._settle(timers=False)
        await self._settle()

    async def _ingest(self, calls: Sequence[tuple[TrackingCall, ScriptedContact]]) -> None:
        """Ingest tracking calls of contacts.

        A call that the engine rejects is handed to `on_refused`. Without it, raises
        SimulationRefused.
        """
        items = [call.item() for call, _ in calls]
        answers = await take(self._pool, items, limit_per_minute=_NO_RATE_LIMIT) if items else []
        for (call, contact), answer in zip(calls, answers, strict=True):
            if not isinstance(answer, Rejected):
                continue
            if self._on_refused is None:
                raise SimulationRefused(f"{call.place}: {answer.message}")
            self._on_refused(contact.id, f"{call.place}: {answer.message}")

    async def _start(self, contact: ScriptedContact, properties: dict[str, Any]) -> None:
        """Start a run as the API does; a refusal is a line of the timeline."""
        await start_by_api(
            self._pool,
            self._client,
            self._catalog,
            self.documents.journey.key,
            contact.id,
            properties,
            None,
        )

    # ------------------------------------------------------------------ time

    async def until(self, when: datetime) -> None:
        """Advance the clock to `when`. What is due before it happens, what is due then does not."""
        while (due := await self._next_due()) is not None and due < when:
            await self._advance_to(due)
        await self._set_clock(when)

    async def advance(self, by: timedelta) -> None:
        """Advance the clock by `by`. What is due until then happens, the last instant included."""
        when = self.clock.now + by
        await self.until(when)
        await self._settle()

    async def finish(self, until: datetime | None = None) -> None:
        """Advance until nothing is due any more, and add a line for each run still active.

        Dates and schedules count until each has come once, and after that as long as a run waits.
        With `until` all counts up to that time, and nothing after it.
        """
        if until is None:
            await self._advance_to_the_end()
        else:
            await self.advance(max(until - self.clock.now, timedelta(0)))
        # Everything is read once more, because the reads since the last moment may have missed a
        # line of an earlier one.
        self._settling.changed_contacts.update(self._contacts.values())
        self._reported_until = None
        await self._update_timeline()
        async with self._pool.connection() as conn:
            key = self.documents.journey.key
            active = await unfinished_runs(conn, key, list(self._contacts.values()))
        self.timeline.add_waiting(self.clock.now, active)

    async def _advance_to_the_end(self) -> None:
        begin = last = self.clock.now
        while True:
            async with self._pool.connection() as conn:
                due = await next_due(conn)
                changes = [await next_condition_due(conn)]
                if self.documents.begins_by_segment:
                    changes.append(await next_segment_due(conn))
            change = min((each for each in changes if each is not None), default=None)
            if due is not None:
                last = due
            first = await self._timed.first_due(self._entered())
            upcoming = await self._next_due()
            if upcoming is None or not (
                (due is not None and upcoming <= due)
                or (change is not None and upcoming <= change <= last + _HORIZON)
                or (first is not None and upcoming <= first <= begin + _HORIZON)
            ):
                break
            await self._advance_to(upcoming)

    def _entered(self) -> set[UUID]:
        """The contacts that have been in the journey."""
        return {self._contacts[line.contact] for line in self.lines if line.kind == "entry"}

    async def _next_due(self) -> datetime | None:
        async with self._pool.connection() as conn:
            due = await next_due(conn)
            condition = await next_condition_due(conn)
            segment = await next_segment_due(conn)
        times = (due, condition, segment, await self._timed.next_due())
        return min((each for each in times if each is not None), default=None)

    async def _advance_to(self, when: datetime) -> None:
        await self._set_clock(when)
        if (
            await self._dispatcher.drain()
            or await self._settling.overdue()
            or self._settling.has_unsettled_runs()
        ):
            await self._settle()

    async def _set_clock(self, to: datetime) -> None:
        await self.clock.advance_to(to)
        self._report_progress()

    def _report_progress(self) -> None:
        if self._progress is not None:
            self._progress(self.clock.now, len(self._tracker.open))

    # ------------------------------------------------------------------ the timeline

    async def _settle(self, *, timers: bool = True) -> None:
        """Wait until all that is due is done; with `timers`, due timers too. Read what happened."""
        await self._settling.settle(timers=timers)
        await self._update_timeline()

    async def _update_timeline(self) -> None:
        changed = self._settling.changed_contacts
        contacts = [contact for contact in self._contacts.values() if contact in changed]
        changed.clear()
        if not contacts:
            return
        async with self._pool.connection() as conn:
            key = self.documents.journey.key
            self.timeline.add_refused(await refused_entries(conn, key, contacts))
            happened = await run_histories(conn, key, contacts, self._reported_until)
        self.timeline.add(happened, self.provider.sent)
        self._reported_until = self.clock.now

    # ------------------------------------------------------------------ before it begins

    async def _prepare(self, start: datetime) -> None:
        preparation = Preparation(
            self._pool,
            self._catalog,
            self.documents,
            self.contacts,
            self.clock,
            self._dispatcher,
            self._ingest,
        )
        self._contacts = await preparation.prepare(start)
        await self._timed.begin()
        await self._dispatcher.drain()
        self._tracker.offset = start - await self._environment.get_current_time()

    def _workers(self) -> list[Worker]:
        return simulated_workers(
            self._client,
            self._pool,
            self.documents,
            self._context,
            self.clock,
            self._dispatcher,
            self._tracker,
            contacts=len(self.contacts),
        )


@asynccontextmanager
async def simulating(
    database_url: str,
    environment: WorkflowEnvironment,
    documents: DocumentSet,
    contacts: Sequence[ScriptedContact],
    start: datetime,
    progress: Progress | None = None,
    on_refused: OnRefused | None = None,
) -> AsyncIterator[Simulation]:
    """A simulation whose clock shows `start`, with its contacts stored and its journey active.

    The database must be migrated and empty, and can't be used again. The environment must serve
    this simulation only. The contacts have different ids and share the clock. Items that the engine
    rejects are handed to `on_refused`. Without it, raises SimulationRefused for the first one.
    """
    async with AsyncExitStack() as stack:
        settings = Settings.model_construct(database_url=database_url)
        pool = await open_pool(settings, min_size=2, max_size=CONCURRENCY)
        stack.push_async_callback(pool.close)
        begin = min([start, *(call.at for each in contacts for call in each.history)])
        async with pool.connection() as conn:
            await stop_clock(conn, begin)
        clock = Clock(pool, begin)
        simulation = Simulation(pool, environment, documents, contacts, clock, progress, on_refused)
        await simulation._prepare(start)
        for worker in simulation._workers():
            await stack.enter_async_context(worker)
        yield simulation


def _moment_time(one: tuple[Moment, ScriptedContact]) -> datetime:
    return one[0].at
