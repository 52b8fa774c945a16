"""Events interleaved with the start of the waits they end: none is missed, none is taken twice.

PostgreSQL and the dispatcher are real; a walker stands in for each workflow, so that thousands of
races take seconds. Whole workflows race in `test_waits`.
"""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import uvloop
from psycopg_pool import AsyncConnectionPool

from activities.context import Context
from dispatch.dispatcher import Dispatcher
from infra.clients import connect_temporal, open_pool
from infra.settings import Settings
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.engine import activate
from tests.support.racing import (
    Bare,
    Offset,
    Pool,
    Side,
    Wakes,
    Walker,
    accept_between,
    at_work,
    bare_runs,
    context_of,
    in_turn,
    stands,
)

TRIES = int(os.environ.get("RACES", "1500"))
"""Races of one event; `RACES=10000` runs more."""
BURSTS = TRIES // 2
"""Races of two."""
AT_ONCE = 100

ONE_WAIT = """
journey: race
entry: {event: Begun}
steps:
  - {id: first, wait: {event: Ping}}
"""
TWO_WAITS = """
journey: race
entry: {event: Begun}
steps:
  - {id: first, wait: {event: Ping}}
  - {id: second, wait: {event: Ping}}
"""


@dataclass(frozen=True)
class Raced:
    """What came of many races."""

    first: Counter[Side | None]
    """How often which commit came first."""
    taken: list[tuple[Any, ...]]
    """For each run: the events that ended its waits, in order; its events in order; the outcomes;
    its reference."""
    deaf: bool
    """No listener is left."""


def race(settings: Settings, journey: str, steps: list[str], runs: int) -> Raced:
    """Race so many runs of a journey, on the fastest loop there is."""
    return uvloop.run(_race(settings, journey, steps, runs))


async def _race(settings: Settings, journey: str, steps: list[str], count: int) -> Raced:
    # Those who walk, those who post events, and the dispatcher.
    async with (
        await open_pool(settings, min_size=8, max_size=8, timeout=90) as walkers,
        await open_pool(settings, min_size=8, max_size=8, timeout=90) as clients,
        await open_pool(settings, min_size=2, max_size=2) as pool,
    ):
        await activate(pool, journey)
        runs = await bare_runs(pool, "race", count)
        wakes = Wakes()
        client = wakes.watched(await connect_temporal(settings))
        dispatcher = Dispatcher(pool, client, Catalog(), poll=0.05)
        race = _Race(walkers, clients, context_of(walkers), wakes, steps)
        async with at_work(dispatcher.run()):
            await in_turn(AT_ONCE, [partial(race.one, run) for run in runs])
            await eventually(lambda: empty(pool, "outbox"), what="an empty outbox")
        return Raced(race.first, await taken(pool), await empty(pool, "listener"))


class _Race:
    def __init__(
        self, walkers: Pool, clients: Pool, context: Context, wakes: Wakes, steps: list[str]
    ) -> None:
        self._walkers = walkers
        self._clients = clients
        self._context = context
        self._wakes = wakes
        self._steps = steps
        self._offset = Offset(seed=1)
        self.first: Counter[Side | None] = Counter()

    async def one(self, run: Bare) -> None:
        """Post a run's events, one for each of its waits, while it comes to the first."""
        walker = Walker(self._walkers, self._context, self._wakes, run)
        first, *others = self._steps
        async with self._walkers.connection() as its, self._clients.connection() as theirs:
            planned, side = await asyncio.gather(
                walker.begin(its, first),
                accept_between(theirs, self._offset, run, "Ping", events=len(self._steps)),
            )
        if stands(planned):
            # The look right after the wait's commit did not see the event.
            side = "step"
        self._offset.balance(side)
        self.first[side] += 1
        await walker.end(first, planned)
        for step in others:
            async with self._walkers.connection() as its:
                planned = await walker.begin(its, step)
            await walker.end(step, planned)


async def empty(pool: AsyncConnectionPool[Any], table: str) -> bool:
    """Whether a table has no rows."""
    async with pool.connection() as conn:
        cursor = await conn.execute(f"select not exists (select from {table})")
        row = await cursor.fetchone()
    return bool(row and row[0])


async def taken(pool: AsyncConnectionPool[Any]) -> list[tuple[Any, ...]]:
    """For each run: the events that ended its waits, in order, and its events in order."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            """
            select array_agg((v.facts->>'event_id')::bigint order by v.visit),
                   (select array_agg(e.id order by e.id) from event e
                    where e.contact_id = r.contact_id),
                   array_agg(distinct v.outcome), max(r.ref)
            from run r join visit v on v.run_id = r.id group by r.id
            """
        )
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
    return rows


@pytest.mark.long
def test_an_event_beside_the_start_of_its_wait_ends_it_once(settings: Settings) -> None:
    raced = race(settings, ONE_WAIT, ["first"], TRIES)
    assert len(raced.taken) == TRIES
    assert all(
        ended_by == events and outcomes == ["happened"] and ref == events[-1]
        for ended_by, events, outcomes, ref in raced.taken
    )
    assert raced.deaf
    assert min(raced.first["event"], raced.first["step"]) >= TRIES / 5, raced.first


@pytest.mark.long
def test_each_of_two_events_ends_one_of_two_waits_in_order(settings: Settings) -> None:
    raced = race(settings, TWO_WAITS, ["first", "second"], BURSTS)
    assert len(raced.taken) == BURSTS
    assert all(
        ended_by == events and len(events) == 2 and outcomes == ["happened"] and ref == events[-1]
        for ended_by, events, outcomes, ref in raced.taken
    )
    assert raced.deaf
    assert min(raced.first["event"], raced.first["step"]) >= BURSTS / 5, raced.first
