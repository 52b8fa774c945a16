"""Temporal Schedules of journeys, on the real server: kept in step, and what they begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, ScheduleDescription, ScheduleOverlapPolicy
from temporalio.service import RPCError

from devstack.ports import free_port
from devstack.temporal_server import Temporal
from dispatch.journey_schedules import keep_schedules
from infra.clients import connect_temporal
from infra.settings import Settings
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from store.definitions.journeys import archive
from store.definitions.pausing import pause, resume
from tests.support.conditions import eventually
from tests.support.engine import engine_at_work, make_contact
from tests.support.timed_entries import apply

Pool = AsyncConnectionPool[AsyncConnection[Any]]

NEWS = """
journey: news
timezone: Europe/Paris
entry: {schedule: {cron: "0 9 * * *"}, up_to: 2h}
steps: [{id: hour, wait: 1h}]
"""


async def keep(pool: Pool, client: Client) -> None:
    async with pool.connection() as conn:
        assert await keep_schedules(conn, client, Catalog()) == []


async def described(client: Client, journey: str = "news") -> ScheduleDescription:
    return await client.get_schedule_handle(f"schedule.{journey}").describe()


@pytest.fixture
async def server(settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Client, Settings]]:
    """A Temporal server that serves Schedules, which the one that tests share does not."""
    temporal = Temporal(None, free_port(), None, tmp_path / "temporal.log")
    child = await temporal.start()
    environment = {
        **settings.temporal,
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_NAMESPACE": "default",
    }
    own = settings.model_copy(update={"temporal": environment})
    try:
        yield await connect_temporal(own), own
    finally:
        await child.stop()


def held(description: ScheduleDescription) -> list[datetime]:
    found = []
    for each in description.schedule.spec.calendars:
        parts = (each.year, each.month, each.day_of_month, each.hour, each.minute, each.second)
        year, month, day, hour, minute, second = (part[0].start for part in parts)
        found.append(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    return found


async def rows(pool: Pool, query: str) -> list[Any]:
    async with pool.connection() as conn:
        return list(await (await conn.execute(query)).fetchall())


async def test_a_schedule_is_kept_in_step_with_its_journey(
    pool: Pool, server: tuple[Client, Settings]
) -> None:
    client, _ = server
    await apply(pool, NEWS)
    await keep(pool, client)
    description = await described(client)
    instants = sorted(held(description))
    assert len(instants) == 50
    assert datetime.now(UTC) < instants[0] <= datetime.now(UTC) + timedelta(days=1)
    assert {each.hour for each in instants} <= {7, 8}
    assert description.schedule.policy.catchup_window == timedelta(hours=2)
    assert description.schedule.policy.overlap is ScheduleOverlapPolicy.ALLOW_ALL
    assert not description.schedule.state.paused

    # A new version changes what it holds, and how long it catches up.
    await apply(pool, NEWS.replace("0 9", "30 9").replace("2h", "1d"))
    await keep(pool, client)
    description = await described(client)
    assert {each.minute for each in held(description)} == {30}
    assert description.schedule.policy.catchup_window == timedelta(days=1)
    updated = description.info.last_updated_at
    await keep(pool, client)
    assert (await described(client)).info.last_updated_at == updated

    # A pause of the journey pauses it, and its end goes on with it.
    async with pool.connection() as conn, conn.transaction():
        await pause(conn, "news")
    await keep(pool, client)
    assert (await described(client)).schedule.state.paused
    async with pool.connection() as conn, conn.transaction():
        await resume(conn, "news", Overdue())
    await keep(pool, client)
    assert not (await described(client)).schedule.state.paused

    # What an operator paused stays so, also when the journey changes.
    handle = client.get_schedule_handle("schedule.news")
    await handle.pause(note="holidays")
    await apply(pool, NEWS)
    await keep(pool, client)
    description = await described(client)
    assert (description.schedule.state.paused, description.schedule.state.note) == (
        True,
        "holidays",
    )
    assert {each.minute for each in held(description)} == {0}

    # What an operator deleted is made again; an archived journey has none.
    await handle.delete()
    await keep(pool, client)
    assert len(held(await described(client))) == 50
    async with pool.connection() as conn, conn.transaction():
        await archive(conn, "news")
    await keep(pool, client)
    with pytest.raises(RPCError):
        await described(client)
    assert await rows(pool, "select * from schedule_state") == []


async def test_what_temporal_did_not_begin_is_begun_a_minute_later_unless_it_was_paused(
    pool: Pool, server: tuple[Client, Settings]
) -> None:
    client, _ = server
    await apply(pool, NEWS.replace("0 9 * * *", "* * * * *"))
    earlier = "update activation set activated_at = activated_at - interval '10 minutes'"
    await rows(pool, f"{earlier} returning 1")
    await keep(pool, client)
    await keep(pool, client)
    jobs = await rows(pool, "select plan ->> 'at' from job where kind = 'occurrence'")
    instants = sorted(datetime.fromisoformat(at) for (at,) in jobs)
    assert 8 <= len(instants) <= 10
    assert instants[-1] <= datetime.now(UTC) - timedelta(minutes=1)
    assert len(set(instants)) == len(instants)

    # The same ten minutes again, of another journey, whose Schedule an operator has paused.
    await apply(pool, NEWS.replace("0 9 * * *", "* * * * *").replace("news", "other"))
    await keep(pool, client)
    await client.get_schedule_handle("schedule.other").pause(note="holidays")
    await rows(
        pool,
        "update schedule_state set begun_until = begun_until - interval '10 minutes'"
        " where journey = 'other' returning 1",
    )
    await rows(pool, f"{earlier} where journey = 'other' returning 1")
    await keep(pool, client)
    await client.get_schedule_handle("schedule.other").unpause()
    await keep(pool, client)
    assert await rows(pool, "select * from job where journey = 'other'") == []


# ------------------------------------------------------------------------------ with a worker


async def test_an_occurrence_comes_by_its_schedule_and_enters_each_contact_once(
    pool: Pool, server: tuple[Client, Settings]
) -> None:
    client, settings = server
    contacts = [await make_contact(pool) for _ in range(3)]
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    await apply(
        pool,
        f"""
journey: launch
entry: {{schedule: {{at: "{soon.replace(tzinfo=None).isoformat()}"}}}}
steps: [{{id: hour, wait: 1h}}]
""",
    )

    await keep(pool, client)

    async def standing() -> list[Any] | None:
        found = await rows(
            pool,
            "select contact_id, key, occurrence from run where workflow_started_at is not null",
        )
        return found if len(found) == 3 else None

    async with engine_at_work(settings, pool, client, adapters={}, reconcile_every=0.2):
        found = await eventually(standing, timeout=40)
        assert {contact for contact, _, _ in found} == set(contacts)
        assert {key for _, key, _ in found} == {soon.strftime("%Y-%m-%dT%H:%M:%SZ")}
        assert {occurrence for _, _, occurrence in found} == {soon}
        handle = client.get_schedule_handle("schedule.launch")
        # Temporal began it, and not the reconciliation a minute later.
        assert (await handle.describe()).info.num_actions == 1

        async def done() -> bool:
            return await rows(pool, "select state from job where kind = 'occurrence'") == [
                ("done",)
            ]

        await eventually(done)
        # A time at which nothing comes begins nothing.
        await handle.trigger()

        async def triggered() -> bool:
            return (await handle.describe()).info.num_actions == 2

        await eventually(triggered)
        assert len(await rows(pool, "select from run")) == 3


async def test_a_date_comes_at_its_moment_while_workers_are_at_work(
    pool: Pool, settings: Settings, temporal_client: Client
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    contact = await make_contact(pool, attributes={"renews": soon.isoformat()})
    await apply(
        pool,
        "{journey: renewal, entry: {date: {attribute: renews}}, steps: [{id: hour, wait: 1h}]}",
    )
    async with engine_at_work(
        settings, pool, temporal_client, adapters={}, reconcile_every=0.2
    ) as engine:
        run = await engine.run_of(contact)
    assert run["key"] == soon.date().isoformat()
    started = datetime.fromisoformat(run["started_at"])
    assert timedelta(0) <= started - soon < timedelta(seconds=20)


async def test_a_schedule_of_leap_days_holds_those_that_temporal_can_hold(
    pool: Pool, server: tuple[Client, Settings]
) -> None:
    client, _ = server
    document = NEWS.replace("0 9 * * *", "0 9 29 2 *")
    await apply(pool, document)
    await keep(pool, client)
    year = datetime.now(UTC).year
    leap_years = [each for each in range(year, 2101) if each % 4 == 0 and each % 100]
    found = [each.year for each in held(await described(client))]
    assert sorted(found)[-5:] == leap_years[-5:]
    await keep(pool, client)
