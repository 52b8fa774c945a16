"""Repairs of many whose workers are killed: each run is repaired once, each message sent once."""

import os
import time
from collections import Counter
from random import Random
from typing import Any

import pytest

from infra.settings import Settings
from tests.integration.engine.test_bulk_entries import Office, office
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually
from tests.support.engine import activate
from tests.support.smtp import SmtpSink

__all__ = ["office"]

RUNS = int(os.environ.get("REPAIRED_RUNS", "120"))
"""Runs that are repaired; `REPAIRED_RUNS=2000` repairs them in full."""
KILLS = 2
RATE = max(RUNS / 10, 10.0)
"""Per second, so that the kills come while the jobs are at work."""
JOURNEY = """
journey: letters
entry: {api: true}
steps:
  - {id: letter, email: {subject: A letter, text: Dear you, transactional: true}}
  - {id: first, wait: {event: Ready, up_to: 30d}}
  - {id: second, wait: {event: Ready, up_to: 30d}}
"""


async def stand(office: Office, settings: Settings) -> None:
    """The runs, all at the step after a letter that was refused."""
    async with office.pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id, email)"
            " select gen_random_uuid(), n::text, 'c' || n || '@shop.test'"
            " from generate_series(1, %s) n",
            (RUNS,),
        )
        await conn.execute(
            "insert into group_member (contact_id, group_key) select id, 'all' from contact"
        )
    await activate(office.pool, JOURNEY)
    async with worker_process(settings):
        await office.start(journey="letters", group="all", rate=1_000)

        async def all_stand() -> bool:
            rows = await office.rows(
                "select count(*) from run r join visit v on v.run_id = r.id and v.visit = r.visit"
                " where v.step = 'first' and v.outcome is null"
            )
            return rows == [(RUNS,)]

        await eventually(all_stand, 120 + RUNS, every=0.2, what="all runs at their step")
    assert await office.rows("select distinct state from message") == [("refused",)]


async def kill_twice(office: Office, settings: Settings, jobs: list[str]) -> None:
    """Kill workers, each at a random moment after all jobs have gone on."""
    draw = Random(12)
    for number in range(KILLS):
        goal = (number + 1) * RUNS // (KILLS + 2)

        async def far_enough(goal: int = goal) -> bool:
            rows = await office.rows(
                "select count(*) filter (where i.state <> 'waiting') from repair_item i"
                " group by i.job_id"
            )
            return len(rows) == len(jobs) and all(done >= goal for (done,) in rows)

        async with worker_process(settings) as worker:
            await eventually(far_enough, 120 + RUNS / 2, every=0.02, what=f"{goal} runs")
            until = time.monotonic() + draw.uniform(0, 0.5)

            def is_time(until: float = until) -> bool:
                return time.monotonic() >= until

            await eventually(is_time, every=0.01)
            worker.kill()
            await worker.wait()
        for job in jobs:
            assert (await office.job(job))["state"] == "running"


async def repair(office: Office, **body: Any) -> str:
    """The job of a repair of many."""
    answer = await office.client.post("/v1/runs/bulk", json={"reason": "why", **body})
    assert answer.status_code == 202, answer.text
    assert answer.json()["total"] == RUNS
    return str(answer.json()["id"])


@pytest.mark.long
async def test_each_run_is_repaired_once_however_often_workers_are_killed(
    office: Office, engine_settings: Settings, smtp_sink: SmtpSink
) -> None:
    smtp_sink.answer = lambda _envelope: "554 not today"
    await stand(office, engine_settings)
    smtp_sink.answer = lambda _envelope: "250 OK"
    skip = await repair(office, action="skip", journey="letters", step="first", rate=RATE)
    retry = await repair(office, action="retry", journey="letters", step="letter", rate=RATE)
    await kill_twice(office, engine_settings, [skip, retry])
    async with worker_process(engine_settings):
        skipped = await done(office, skip)
        retried = await done(office, retry)
    assert (skipped["done"], skipped["failed"]) == (RUNS, 0)
    assert skipped["result"]["repaired"] == RUNS
    repairs = await office.rows(
        "select action, visit, count(*), count(distinct run_id) from run_repair group by 1, 2"
        " order by 1"
    )
    assert repairs == [("retry", 1, RUNS, RUNS), ("skip", 2, RUNS, RUNS)]
    paths = await office.rows(
        "select path, count(*) from (select string_agg(step || ':' || coalesce(outcome, 'stands'),"
        " ' ' order by visit) as path from visit group by run_id) paths group by 1"
    )
    assert paths == [("letter:failed first:skipped second:stands", RUNS)]
    # A call that was under way when its worker was killed is unclear, and not repeated.
    states = dict(await office.rows("select state, count(*) from message group by 1"))
    assert states.get("unknown", 0) <= KILLS * 20
    assert states == Counter({"sent": RUNS - states.get("unknown", 0)}) + Counter(
        {"unknown": states.get("unknown", 0)}
    )
    assert retried["result"]["repaired"] == states["sent"]
    assert retried["failed"] == states.get("unknown", 0)
    received = Counter(mail.recipients[0] for mail in smtp_sink.messages)
    assert set(received.values()) == {1}
    assert len(received) >= states["sent"]


async def done(office: Office, job_id: str) -> dict[str, Any]:
    """A job, once it is done; longer for more runs."""

    async def ended() -> Any:
        job = await office.job(job_id)
        return job if job["state"] != "running" else None

    job: dict[str, Any] = await eventually(ended, 150 + RUNS, every=0.2)
    assert job["state"] == "done", job
    return job
