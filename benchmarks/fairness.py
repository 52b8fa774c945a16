"""Benchmark of fairness: how late others are while one contact or one event makes a lot of work.

Others begin the sample journey at a quarter of the rate that the machine does. Measured is the time
from each of their events to their first provider call.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from benchmarks.process import worker_process
from benchmarks.report import Figure, percentile
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from journeys.model.journey import Journey
from store.definitions.catalog import Catalog
from store.entries.admission import EntryRequest, enter_all
from store.events.notification import notify

SECONDS = 8
"""How long others act in each case."""
ENTRIES = 6_000
"""Entry events of one contact."""
RUNS = int(os.environ.get("BENCH_RUNS", "5000"))
"""Runs of one contact that one event ends."""
_STARTED_AT_ONCE = 500
JOURNEYS = 1_000
"""Journeys that one event enters."""
P99 = 2.0
"""Seconds, at most."""


async def measure() -> list[Figure]:
    """Measure the 99th percentile of others' delays in three cases, and in quiet."""
    async with servers() as running:
        url = running.settings.database_url
        with worker_process("engine", running.settings):
            async with await AsyncConnection.connect(url, autocommit=True) as conn:
                await activate(conn, sample())
                await _sample_rate(conn, 30)
                rate = await _sample_rate(conn, 100) / 4
                figures = [_figure("in quiet", await _others(conn, rate), rate)]
                for name, prepare, attack in (
                    (f"{ENTRIES} entry events of one contact", _entry_journey, _enter_often),
                    (f"an exit of {RUNS} runs of one contact", _many_runs, _leave),
                    (f"an event that enters {JOURNEYS} journeys", _many_journeys, _enter_all),
                ):
                    contact = await prepare(conn)
                    await attack(conn, contact)
                    figure = _figure(name, await _others(conn, rate), rate)
                    figure.detail.update(await _progress(conn, contact))
                    figures.append(figure)
                    await conn.execute("delete from outbox where contact_id = %s", (contact,))
    return figures


def _figure(case: str, delays: list[float], rate: float) -> Figure:
    return Figure(
        f"event to provider of other contacts, {case}: p99",
        percentile(delays, 0.99),
        "s",
        detail={
            "p50": round(percentile(delays, 0.5), 3),
            "others": len(delays),
            "others_per_second": round(rate, 1),
            "aim": P99,
        },
    )


async def _sample_rate(conn: AsyncConnection[Any], count: int) -> float:
    """Runs of the sample that end in a second, so many at once."""
    contacts = await make_contacts(conn, count)
    began = time.perf_counter()
    await accept(conn, contacts)
    await _until(
        conn,
        "select count(*) = %s from run where contact_id = any(%s) and state = 'ended'",
        count,
        contacts,
    )
    return count / (time.perf_counter() - began)


async def _others(conn: AsyncConnection[Any], rate: float) -> list[float]:
    """Let one contact after another act; the seconds until each was written to."""
    contacts = await make_contacts(conn, int(rate * SECONDS) + 1)
    began = time.perf_counter()
    for number, contact in enumerate(contacts):
        await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
        await accept(conn, [contact])
    sent = "select count(*) >= %s from message where contact_id = any(%s) and visit = 1"
    await _until(conn, sent, len(contacts), contacts)
    cursor = await conn.execute(
        "select extract(epoch from m.first_attempt_at - e.stamped_at)::float8 from message m"
        " join run r on r.id = m.run_id join event e on e.id = r.entry_event_id"
        " where m.contact_id = any(%s) and m.visit = 1",
        (contacts,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _progress(conn: AsyncConnection[Any], contact: UUID) -> dict[str, int]:
    """How far the work of the one contact had come when the others were measured."""
    cursor = await conn.execute(
        "select count(*), count(*) filter (where state = 'ended'),"
        " (select count(*) from outbox where contact_id = %(contact)s)"
        " from run where contact_id = %(contact)s",
        {"contact": contact},
    )
    row = await cursor.fetchone()
    assert row is not None
    return dict(zip(("its_runs", "its_ended_runs", "its_events_left"), row, strict=True))


async def _until(conn: AsyncConnection[Any], query: str, *values: Any) -> None:
    while True:
        cursor = await conn.execute(query.encode(), values)
        if (await cursor.fetchone()) == (True,):
            return
        await asyncio.sleep(0.05)


def _waiting(key: str, **more: Any) -> Journey:
    steps = [{"id": "stand", "wait": {"event": "Never"}}]
    return Journey.model_validate({"journey": key, "re_entry": "always", "steps": steps, **more})


async def _entry_journey(conn: AsyncConnection[Any]) -> UUID:
    await activate(conn, _waiting("often", entry={"event": "Often", "key": "n"}))
    return (await make_contacts(conn, 1))[0]


async def _enter_often(conn: AsyncConnection[Any], contact: UUID) -> None:
    await _record(conn, contact, "Often", ENTRIES)


async def _many_runs(conn: AsyncConnection[Any]) -> UUID:
    entry = {"event": "Many", "key": "n"}
    await activate(conn, _waiting("many", entry=entry, exit=[{"event": "Leave"}]))
    [contact] = await make_contacts(conn, 1)
    # As starts by API: entries by events would take their share of each round for minutes.
    catalog = Catalog()
    definition = await catalog.definition(conn, "many", 1)
    for first in range(0, RUNS, _STARTED_AT_ONCE):
        numbers = range(first, min(first + _STARTED_AT_ONCE, RUNS))
        async with conn.transaction():
            await enter_all(
                conn,
                catalog,
                [
                    (definition, EntryRequest(contact, str(n), {"n": n}, None, start_workflow=True))
                    for n in numbers
                ],
            )
    await _until(
        conn,
        "select count(*) = %s from visit v join run r on r.id = v.run_id"
        " where r.contact_id = %s and r.journey = 'many'",
        RUNS,
        contact,
    )
    return contact


async def _leave(conn: AsyncConnection[Any], contact: UUID) -> None:
    await _record(conn, contact, "Leave", 1)


async def _many_journeys(conn: AsyncConnection[Any]) -> UUID:
    for number in range(JOURNEYS):
        await activate(conn, _waiting(f"one-of-{number}", entry={"event": "All"}))
    return (await make_contacts(conn, 1))[0]


async def _enter_all(conn: AsyncConnection[Any], contact: UUID) -> None:
    await _record(conn, contact, "All", 1)


async def _record(conn: AsyncConnection[Any], contact: UUID, name: str, count: int) -> None:
    """Write so many events of one contact at once."""
    events = orjson.dumps([{"n": number} for number in range(count)]).decode()
    await conn.execute(
        """
        with made as (
            insert into event (contact_id, name, properties, message_id)
            select %(contact)s, %(name)s, p, gen_random_uuid()::text
            from jsonb_array_elements(%(events)s::jsonb) p returning id, contact_id
        ), queued as (
            insert into outbox (contact_id, event_id) select contact_id, id from made
        )
        update contact set last_event_id = (select max(id) from made) where id = %(contact)s
        """,
        {"contact": contact, "name": name, "events": events},
    )
    await notify(conn)
