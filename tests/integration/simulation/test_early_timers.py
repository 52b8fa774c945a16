"""Temporal's clock runs ahead of the simulation's while work is done."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg_pool import AsyncConnectionPool

from simulation.clock import Clock
from simulation.document_set import read_document_set
from simulation.driver import simulating
from simulation.scenarios import read_scenario
from simulation.servers import time_skipping_temporal
from store.simulation.simulated_database import stop_clock
from tests.integration.simulation.samples import ADA
from tests.support.conditions import eventually

START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = """
journey: hour
entry: {event: Signed Up}
steps:
  - {id: first, wait: {event: Order Completed, up_to: 1h}}
  - {id: second, wait: 1h}
"""


async def test_a_timer_that_fires_early_waits_for_its_time(database_url: str) -> None:
    book = read_document_set([("hour.yaml", HOUR)], None)
    script = [{"at": "+0s", "event": "Signed Up"}, {"at": "+30m", "event": "Order Completed"}]
    scenario = read_scenario(book, ADA, script, START)
    async with (
        time_skipping_temporal() as environment,
        simulating(database_url, environment, book, [scenario.contact], START) as simulation,
    ):
        # As if an hour had passed in Temporal while the simulation was made.
        await environment.sleep(timedelta(hours=1))
        await simulation.play(scenario)
        await simulation.finish()
        shown = [
            (line.step or line.kind, line.outcome, line.at - START) for line in simulation.lines
        ]
    assert shown == [
        ("entry", "entered", timedelta()),
        ("first", "happened", timedelta(minutes=30)),
        ("second", "elapsed", timedelta(minutes=90)),
        ("end", "completed", timedelta(minutes=90)),
    ]


async def test_a_run_whose_time_has_come_is_no_longer_early(pool: AsyncConnectionPool[Any]) -> None:
    async with pool.connection() as conn:
        await stop_clock(conn, START)
    clock, run = Clock(pool, START), uuid4()
    due = START + timedelta(hours=1)
    waiting = asyncio.create_task(clock.wait_until_due(run, due))
    await eventually(lambda: clock.is_early(run))
    await clock.advance_to(due)
    # The activity still waits, but its run counts as at work.
    assert not waiting.done()
    assert not clock.is_early(run)
    assert await waiting
