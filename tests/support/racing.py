"""Runs without workflows, for races: a test walks them, and real dispatchers wake them.

A walker does what a Journey workflow does at a wait: it plans, stands still until the dispatcher's
signal comes, and closes. So ten thousand races cost no more than what they are about.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, LiteralString
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, Interceptor, OutboundInterceptor, SignalWorkflowInput

from activities.context import Context
from activities.waiting.waits import close, plan
from journeys.protocol.names import WAKE
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter_all
from store.events.recording import NewEvent, record_events
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Side = Literal["event", "step"]

VISITED: LiteralString = "select exists (select from visit where run_id = %s)"
CLAIMED: LiteralString = "select exists (select from message where run_id = %s)"


class Wakes(Interceptor):
    """Sees the signals that a client sends, and wakes the walkers they are meant for."""

    def __init__(self) -> None:
        self._come: defaultdict[tuple[UUID, int], asyncio.Event] = defaultdict(asyncio.Event)
        self.count = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Called by the client for its chain of interceptors."""
        return _Noting(next, self)

    def note(self, run_id: UUID, visit: int) -> None:
        """A signal for this run and visit was sent."""
        self.count += 1
        self._come[run_id, visit].set()

    async def wait(self, run_id: UUID, visit: int) -> None:
        """Until a signal for this run and visit has been sent; the next call waits for another."""
        come = self._come[run_id, visit]
        await come.wait()
        come.clear()

    def watched(self, client: Client) -> Client:
        """The same client, with its signals seen."""
        config = client.config()
        config["interceptors"] = [self]
        return Client(**config)


class _Noting(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, wakes: Wakes) -> None:  # noqa: A002
        super().__init__(next)
        self._wakes = wakes

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        if input.signal == WAKE:
            self._wakes.note(UUID(input.id.rpartition(".")[2]), input.args[0].visit)
        await super().signal_workflow(input)


@dataclass(frozen=True)
class Bare:
    """A run's row and its contact, without a workflow."""

    run_id: UUID
    contact_id: UUID


async def bare_runs(pool: Pool, journey: str, count: int) -> list[Bare]:
    """So many contacts, each with a run of `journey` that has just begun."""
    made = [Bare(uuid4(), uuid4()) for _ in range(count)]
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(
            "insert into contact (id, external_id) select id, id from unnest(%s::uuid[]) id",
            ([each.contact_id for each in made],),
        )
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref,"
            " workflow_started_at) select run_id, %s, 1, contact_id, 0, 0, parcours.clock()"
            " from unnest(%s::uuid[], %s::uuid[]) r(run_id, contact_id)",
            (journey, [each.run_id for each in made], [each.contact_id for each in made]),
        )
    return made


async def entered_runs(pool: Pool, catalog: Catalog, journey: str, count: int) -> list[Bare]:
    """So many contacts with an e-mail address, each with a run that entered `journey` just now."""
    contacts = [uuid4() for _ in range(count)]
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(
            "insert into contact (id, external_id, email)"
            " select id, id, id || '@example.com' from unnest(%s::uuid[]) id",
            (contacts,),
        )
        definition = await catalog.definition(conn, journey, 1)
        requests = [EntryRequest(contact, "", {}, None) for contact in contacts]
        answers = await enter_all(conn, catalog, [(definition, each) for each in requests])
        await conn.execute("update run set workflow_started_at = parcours.clock()")
    return [
        Bare(answer.run_id, contact)
        for answer, contact in zip(answers, contacts, strict=True)
        if isinstance(answer, AdmittedEntry)
    ]


class Walker:
    """Walks one run through a line of waits, as its workflow would."""

    def __init__(self, pool: Pool, context: Context, wakes: Wakes, run: Bare) -> None:
        self._pool = pool
        self._context = context
        self._wakes = wakes
        self._run = run
        self._visit = 0

    async def begin(self, conn: AsyncConnection[Any], step: str) -> StepResult:
        """Come to the next wait."""
        self._visit += 1
        return await plan(conn, self._context, self._given(step))

    async def end(self, step: str, result: StepResult) -> str:
        """Stand at the wait until it has ended; its outcome."""
        while stands(result):
            await self._wakes.wait(self._run.run_id, self._visit)
            async with self._pool.connection() as conn:
                result = await close(conn, self._context, self._given(step))
        assert result.outcome is not None
        return result.outcome

    def _given(self, step: str) -> StepInput:
        return StepInput(
            run_id=self._run.run_id, visit=self._visit, step=step, now=datetime.now(UTC)
        )


def stands(result: StepResult) -> bool:
    """Whether the run stands still after this."""
    return result.outcome is None and result.exit_rule is None and result.ended is None


class Offset:
    """A random delay that finds by itself the range in which both sides of a race win."""

    def __init__(self, seed: int, *, reach: float = 0.01) -> None:
        """`reach`: seconds, the longest delay to begin with."""
        self._random = random.Random(seed)
        self._reach = reach

    async def spend(self, conn: AsyncConnection[Any]) -> None:
        """Let the server pass some time within the connection's transaction, or before it."""
        await conn.execute("select pg_sleep(%s)", (self._random.uniform(0, self._reach),))

    def balance(self, side: Side | None) -> None:
        """The delayed event, or what it races with, was committed first: let the other win."""
        factor = {"event": 1.1, "step": 1 / 1.1, None: 1.0}[side]
        self._reach = min(max(self._reach * factor, 0.001), 1.0)

    def coin(self) -> bool:
        """One of two ways."""
        return self._random.random() < 0.5


async def accept_between(
    conn: AsyncConnection[Any],
    offset: Offset,
    run: Bare,
    name: str,
    *,
    events: int = 1,
    asked: LiteralString = VISITED,
) -> Side | None:
    """Accept events as ingest does, each in its transaction, at random moments: before it begins,
    or with the event's id drawn and not yet committed.

    Says whether the first event or the run's own step was committed first, of which `asked` tells;
    None if it was too close to tell.
    """
    seen = []
    # What needs no answer goes along with what comes next.
    async with conn.pipeline():
        for _ in range(events):
            within = offset.coin()
            if not within:
                await offset.spend(conn)
            async with conn.transaction():
                await conn.execute(
                    "select from contact where id = %s for no key update", (run.contact_id,)
                )
                await record_events(conn, run.contact_id, [NewEvent(name, {})])
                if within:
                    await offset.spend(conn)
                seen.append(await conn.execute(asked, (run.run_id,)))
            seen.append(await conn.execute(asked, (run.run_id,)))
    before, after = [await cursor.fetchone() == (True,) for cursor in seen[:2]]
    # What a statement sees was committed before it; what it does not see is committed after it.
    return "step" if before else None if after else "event"


def context_of(pool: Pool) -> Context:
    """A context that can wait and claim, and send nothing."""
    return Context(pool=pool, catalog=Catalog(), adapters={})


@asynccontextmanager
async def at_work(*tasks: Any) -> AsyncIterator[None]:
    """Let coroutines run beside, until the context ends."""
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def in_turn(limit: int, tries: Iterable[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Run all tries, so many at a time; their results in order.

    Fails once none has ended for half a minute: what they wait for will not come.
    """
    turn = asyncio.Semaphore(limit)

    async def one(attempt: Callable[[], Awaitable[Any]]) -> Any:
        async with turn:
            return await attempt()

    tasks = [asyncio.ensure_future(one(attempt)) for attempt in tries]
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, timeout=30, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        if left and not done:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            raise AssertionError(f"{len(left)} of {len(tasks)} tries do not end")
    return [task.result() for task in tasks]


async def eventually_none(pool: Pool, query: LiteralString, timeout: float = 60.0) -> None:
    """Until a query finds no rows; one look for many runs."""

    async def look() -> bool:
        async with pool.connection() as conn:
            return await (await conn.execute(query)).fetchone() is None

    await eventually(look, timeout, every=0.1, what=f"no rows of: {query}")
