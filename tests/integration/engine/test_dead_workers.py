"""Workers that die with contacts leased or locked: others take over, nothing is lost or doubled.

The clock of the database stands still, so that leases run out when the test says so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from dispatch.leases import LEASE
from infra.settings import Settings
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.dying_process import dying_process
from tests.support.segments import SegmentsAtWork
from tests.support.timed_entries import apply

Pool = AsyncConnectionPool[AsyncConnection[Any]]

BEGIN = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CONTACTS = 12
"""More than are judged in one transaction of a dispatcher."""
BUYERS = "{segment: buyers, if: {event: Bought, within: 1d}}"
JOURNEYS = """
journey: bought
entry: {event: Bought}
re_entry: always
steps: [{id: stand, wait: {event: Never, up_to: 30d}}]
---
journey: joined
entry: {segment: buyers}
re_entry: always
steps: [{id: stand, wait: {event: Never, up_to: 30d}}]
"""


class Shop:
    """Contacts, a segment of those who bought, and a gate at which a worker stands still."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.work = SegmentsAtWork(pool)

    async def open(self, gate: str) -> list[UUID]:
        """Make all; `gate`: what passes the gate, such as `insert on run`. The contacts."""
        await self.work.stop_clock(BEGIN)
        await self.work.save_filled(BUYERS)
        contacts = sorted([await self.work.contact() for _ in range(CONTACTS)])
        await self.work.dispatch()
        async with self.pool.connection() as conn:
            await conn.execute(
                "create function gate() returns trigger language plpgsql as $$ begin"
                " perform pg_advisory_xact_lock(7); return coalesce(new, old); end $$"
            )
            await conn.execute(
                f"create trigger gate before {gate} for each row execute function gate()".encode()
            )
        return contacts

    @asynccontextmanager
    async def at_the_gate(self, part: str, settings: Settings) -> AsyncIterator[None]:
        """While the context lasts, a process stands at the gate; then it is killed."""
        waiting = (
            "select pid from pg_locks where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        found: list[tuple[int]] = []

        async def stands() -> bool:
            found[:] = await self.work.rows(waiting)
            return bool(found)

        async with self.pool.connection() as conn:
            await conn.execute("select pg_advisory_lock(7)")
            async with dying_process(part, settings) as process:
                await eventually(stands, 60, every=0.02, what=f"the {part} to stand at the gate")
                yield
                process.kill()
                await process.wait()
            # As when its machine is gone: what it asked for last is not done after its death.
            [(pid,)] = found
            await conn.execute("select pg_terminate_backend(%s)", (pid,))
            await conn.execute("select pg_advisory_unlock(7)")

        async def gone() -> bool:
            return await self.work.rows("select from pg_stat_activity where pid = %s", pid) == []

        await eventually(gone, 30, every=0.02, what="the connection of the dead to end")


@pytest.mark.parametrize(
    "gate",
    [
        pytest.param("insert on run", id="before-its-runs"),
        # Their workflows are started by then, and nothing says so.
        pytest.param("delete on outbox", id="before-it-records"),
    ],
)
async def test_what_a_dead_dispatcher_had_leased_is_done_once_its_lease_is_over(
    pool: Pool, settings: Settings, temporal_client: Client, gate: str
) -> None:
    shop = Shop(pool)
    contacts = await shop.open(gate)
    rows = shop.work.rows
    await apply(pool, JOURNEYS)
    for contact in contacts:
        await shop.work.event(contact, "Bought")
    async with shop.at_the_gate("dispatcher", settings):
        leased = await rows("select id, leased_until from contact where leased_until is not null")
        assert Counter(leased) == Counter((contact, BEGIN + LEASE) for contact in contacts)
    bought = (
        "select e.contact_id from outbox o join event e on e.id = o.event_id and name = 'Bought'"
    )
    other = Dispatcher(pool, temporal_client, Catalog())
    for now in (BEGIN, BEGIN + LEASE - SECOND):
        await shop.work.to(now)
        assert await other.round() == 0
        assert sorted(await rows(bought)) == [(contact,) for contact in contacts]
    await shop.work.to(BEGIN + LEASE + SECOND)
    await other.drain()
    assert await rows("select from outbox") == []
    assert await rows("select from contact where leased_until is not null") == []
    runs = await rows("select journey, contact_id from run where workflow_started_at is not null")
    assert Counter(runs) == Counter(
        (journey, contact) for journey in ("bought", "joined") for contact in contacts
    )
    assert await rows("select count(*) from run") == [(2 * CONTACTS,)]
    known = await rows("select 'journey.' || journey || '.' || id from run")

    async def all_started() -> bool:
        query = "WorkflowType = 'Journey'"
        ids = Counter([each.id async for each in temporal_client.list_workflows(query)])
        return ids == Counter(each for (each,) in known)

    await eventually(all_started, what="each run to have one workflow")
    for contact in contacts:
        assert await shop.work.changes("buyers", contact) == [(True, BEGIN, "event")]


async def test_what_a_dead_drainer_had_locked_is_judged_by_another_at_once(
    pool: Pool, settings: Settings
) -> None:
    shop = Shop(pool)
    contacts = await shop.open("insert on segment_change")
    for contact in contacts:
        await shop.work.event(contact, "Bought")
    await shop.work.dispatch()
    over = BEGIN + timedelta(days=1)
    await shop.work.to(over + timedelta(hours=1))
    async with shop.at_the_gate("drainer", settings):
        # Nothing is waited for: what another has locked is left to it.
        assert await asyncio.wait_for(shop.work.queue.page(), 30) == 0
        assert await shop.work.members("buyers") == set(contacts)
    assert await shop.work.drain() == CONTACTS
    assert await shop.work.members("buyers") == set()
    for contact in contacts:
        assert await shop.work.changes("buyers", contact) == [
            (True, BEGIN, "event"),
            (False, over, "time"),
        ]
    assert await shop.work.check() == {"buyers": 0}
