"""Jobs that enter many contacts, whose workers are killed: each contact enters once."""

import os
import time
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from tests.integration.engine.test_backfills import apply, plan
from tests.integration.engine.test_bulk_entries import Office, office
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually

__all__ = ["office"]

CONTACTS = int(os.environ.get("BULK_ENTRIES", "240"))
"""Contacts of each job; `BULK_ENTRIES=20000` enters them in full."""
KILLS = 5 if CONTACTS >= 5_000 else 2
RATE = CONTACTS / 8 if CONTACTS < 5_000 else CONTACTS / 12
"""Contacts per second, so that all kills come while the jobs are at work."""
JOURNEY = """
journey: JOURNEY
entry: ENTRY
re_entry: always
steps:
  - {id: end, exit: done}
"""
"""A contact whose run has ended may enter again: nothing but the job keeps it from it."""


def journey(key: str, entry: str) -> str:
    return JOURNEY.replace("JOURNEY", key).replace("ENTRY", entry)


async def make_contacts(pool: AsyncConnectionPool[Any]) -> int:
    """The contacts, all in one group; a tenth is restricted. How many may enter."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(
            "insert into contact (id, external_id, restricted)"
            " select gen_random_uuid(), n::text, n %% 10 = 0 from generate_series(1, %s) n",
            (CONTACTS,),
        )
        await conn.execute(
            "insert into group_member (contact_id, group_key) select id, 'vip' from contact"
        )
    return CONTACTS - CONTACTS // 10


async def kill_again_and_again(office: Office, settings: Settings, jobs: Sequence[str]) -> None:
    """Kill workers, each at a random moment after all jobs have gone on."""
    draw = Random(11)
    for number in range(KILLS):
        goal = (number + 1) * CONTACTS // (KILLS + 2)

        async def far_enough(goal: int = goal) -> bool:
            return all([(await office.job(job))["done"] >= goal for job in jobs])

        async with worker_process(settings) as worker:
            await eventually(far_enough, 600, every=0.02, what=f"{goal} contacts")
            until = time.monotonic() + draw.uniform(0, 0.5)

            def is_time(until: float = until) -> bool:
                return time.monotonic() >= until

            await eventually(is_time, every=0.01)
            worker.kill()
            await worker.wait()
        for job in jobs:
            assert (await office.job(job))["state"] == "running"


async def check(office: Office, job_id: str, key: str, expected: int) -> None:
    """Each contact that may enter has one run, whose workflow was at work."""

    async def ended() -> bool:
        rows = await office.rows(
            "select count(*) from run where journey = %s and state = 'active'", key
        )
        return rows == [(0,)] and (await office.job(job_id))["state"] != "running"

    await eventually(ended, 60 + CONTACTS / 5, every=0.5, what="the runs to end")
    job = await office.job(job_id)
    assert (job["state"], job["done"], job["total"]) == ("done", CONTACTS, CONTACTS)
    assert job["result"]["entered"] == expected
    assert job["result"]["refused"] == {"restricted": CONTACTS - expected}
    rows = await office.rows(
        "select count(*), count(distinct contact_id), array_agg(distinct outcome),"
        " min((select count(*) from visit v where v.run_id = run.id))"
        " from run where journey = %s",
        key,
    )
    assert rows == [(expected, expected, ["exited"], 1)]
    refused = await office.rows(
        "select count(*), count(distinct contact_id) from refusal where journey = %s", key
    )
    assert refused == [(CONTACTS - expected, CONTACTS - expected)]


@pytest.mark.long
async def test_a_bulk_entry_and_a_backfill_survive_kills_of_their_workers(
    office: Office, engine_settings: Settings
) -> None:
    expected = await make_contacts(office.pool)
    bulk, filled = journey("bulk", "{api: true}"), journey("filled", "{group: vip, backfill: true}")
    await apply(office, bulk)
    async with worker_process(engine_settings):
        preview = await office.start(True, "bulk", group="vip")
    assert preview["enter"] == expected
    [planned] = await plan(office, filled)
    assert (planned["enter"], planned["complete"]) == (expected, True)
    # The rate of a backfill is set, so that the kills come in time here.
    await office.rows(
        "create function slow() returns trigger language plpgsql as $$ begin"
        f" new.plan := new.plan || '{{\"rate\": {RATE}}}'; return new; end $$"
    )
    await office.rows("create trigger slow before insert on job for each row"
                      " when (new.kind = 'backfill') execute function slow()")  # fmt: skip
    [backfill] = (await apply(office, filled))[0]["backfills"]
    job = (await office.start(journey="bulk", group="vip", rate=RATE))["id"]
    await kill_again_and_again(office, engine_settings, [job, backfill])
    async with worker_process(engine_settings):
        await check(office, job, "bulk", expected)
        await check(office, backfill, "filled", expected)
