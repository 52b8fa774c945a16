"""An import whose workers are killed again and again does everything exactly once."""

import os
from functools import partial
from random import Random
from typing import Any

import orjson
import pytest

from infra.settings import Settings
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually
from tests.support.crowds import Pool
from tests.support.engine import activate, make_contact
from tests.support.imports import begin, caller, done

LINES = int(os.environ.get("IMPORT_LINES", "2400"))
KILLS = int(os.environ.get("IMPORT_KILLS", "2"))
CONTACTS = LINES // 2
EVERY = 100
"""One of so many lines is refused."""


def content() -> str:
    """Each contact stands in it twice: created by the first half, and changed by the second."""
    created = [f"c{n},free,{n},all,subscribed" for n in range(CONTACTS)]
    changed = [
        f"c{n},gold,{n},all,subscribed" if n % EVERY else f",gold,{n},all,subscribed"
        for n in range(CONTACTS)
    ]
    return "\n".join(["external_id,plan,visits:number,groups,topics.news", *created, *changed, ""])


async def value(pool: Pool, query: str) -> Any:
    async with pool.connection() as conn:
        row = await (await conn.execute(query)).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


@pytest.mark.long
async def test_an_import_whose_workers_are_killed_does_everything_once(
    engine_settings: Settings, pool: Pool
) -> None:
    await activate(
        pool,
        "topic: news\ndefault: opt_in\n---\nsegment: gold\nif: {attribute: plan, is: gold}\n"
        "---\njourney: greet\nentry: {event: Contact Created}\nsteps: [{id: a, wait: 1d}]\n",
    )
    random = Random(LINES)
    # Slow enough for a kill to come in the middle of it.
    rate = max(LINES // (2 * (KILLS + 1)), 100)
    async with caller(engine_settings, pool) as client:
        job = (await begin(client, content(), rate=rate))["job"]["id"]
        for number in range(KILLS):
            aim = LINES * (number + random.uniform(0.2, 0.8)) / (KILLS + 1)
            async with worker_process(engine_settings) as worker:
                reached = f"select done >= {aim:.0f} from job where kind = 'import'"
                await eventually(partial(value, pool, reached), 240)
                worker.kill()
                await worker.wait()
        assert await value(pool, "select state from job where kind = 'import'") == "running"
        async with worker_process(engine_settings):
            await done(client, job, timeout=240)
        report = (await client.get(f"/v1/jobs/{job}/import")).json()
    refused = len(range(0, CONTACTS, EVERY))
    counts = {name: report[name] for name in ("created", "updated", "unchanged", "refused")}
    assert counts == {
        "created": CONTACTS, "updated": CONTACTS - refused, "unchanged": 0, "refused": refused,
    }  # fmt: skip
    assert (report["joined"], report["consents"]) == (CONTACTS, CONTACTS)
    assert await value(pool, "select count(*), count(distinct external_id) from contact") == (
        CONTACTS, CONTACTS,
    )  # fmt: skip
    assert await value(pool, "select count(*) from group_member") == CONTACTS
    assert await value(pool, "select count(*) from topic_state") == CONTACTS
    assert await value(pool, "select count(*) from consent_record") == CONTACTS
    assert await value(pool, "select count(*) from import_line") == refused
    async with pool.connection() as conn:
        events = await (
            await conn.execute(
                "select name, count(*), count(distinct (contact_id, properties)) from event"
                " where name not like 'Segment%' group by name order by name"
            )
        ).fetchall()
    gold = CONTACTS - refused
    assert events == [
        ("Contact Changed", CONTACTS + gold, CONTACTS + gold),
        ("Contact Created", CONTACTS, CONTACTS),
        ("Group Joined", CONTACTS, CONTACTS),
        ("Topic Subscribed", CONTACTS, CONTACTS),
    ]
    # Nothing has begun, and the file is gone.
    assert await value(pool, "select count(*) from run") == 0
    assert await value(pool, "select count(*) from job_chunk") == 0


@pytest.mark.long
async def test_undoing_an_import_whose_worker_is_killed_takes_back_all_of_it_once(
    engine_settings: Settings, pool: Pool
) -> None:
    await make_contact(pool, external_id="c700", attributes={"plan": "old"})
    lines = "\n".join(["external_id,plan,groups", *(f"c{n},new,all" for n in range(900)), ""])
    async with caller(engine_settings, pool) as client:
        async with worker_process(engine_settings):
            job = (await begin(client, lines))["job"]["id"]
            await done(client, job, timeout=120)
        # A contact that another transaction holds: the job gets as far as that, and is killed.
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where external_id = 'c450' for update")
            async with worker_process(engine_settings) as worker:
                undo = (await client.post(f"/v1/jobs/{job}/undo")).json()["id"]
                waits = (
                    "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'"
                    " and datname = current_database()"
                )
                await eventually(partial(value, pool, waits), 120)
                worker.kill()
                await worker.wait()
            state = await value(pool, f"select state from job where id = '{undo}'")
            assert state == "running"
        async with worker_process(engine_settings):
            ended = await done(client, undo, timeout=240)
    assert ended["result"] == {**ended["result"], "removed": 899, "restored": 1, "kept": 0}
    assert await value(pool, "select count(*), min(external_id) from contact") == (1, "c700")
    assert await value(pool, "select attributes ->> 'plan' from contact") == "old"
    assert await value(pool, "select count(*) from group_member") == 0


@pytest.mark.long
async def test_an_export_whose_worker_is_killed_has_each_contact_once(
    engine_settings: Settings, pool: Pool
) -> None:
    count = 30_000
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id) select gen_random_uuid(), 'c' || n"
            f" from generate_series(1, {count}) n"
        )
    async with caller(engine_settings, pool) as client:
        async with worker_process(engine_settings) as worker:
            answer = await client.post("/v1/contacts/export", json={"format": "jsonl"})
            export = answer.json()["id"]
            begun = f"select done > 0 from job where id = '{export}'"
            await eventually(partial(value, pool, begun), 120)
            worker.kill()
            await worker.wait()
        assert await value(pool, f"select state from job where id = '{export}'") == "running"
        async with worker_process(engine_settings):
            ended = await done(client, export, timeout=240)
        file = (await client.get(f"/v1/jobs/{export}/file")).text
    names = [orjson.loads(line)["external_id"] for line in file.splitlines()]
    assert ended["result"]["rows"] == len(names) == count
    assert set(names) == {f"c{n}" for n in range(1, count + 1)}
