"""The commands on jobs, and the plan of many runs, against a real API and a worker."""

import asyncio
import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from infra.settings import Settings
from store.operations.jobs import create_job
from tests.integration.cli.commands import (
    HELLO,
    Parcours,
    Pool,
    write,
)
from tests.support.crowds import write_crowd
from tests.support.engine import engine_at_work


@pytest.fixture
async def job(applied: None, pool: Pool) -> UUID:
    """A job that is running, and has no workflow yet."""
    async with pool.connection() as conn:
        return await create_job(conn, "move", "hello", version=1, plan={}, total=7)


async def test_jobs_are_listed_shown_and_cancelled(parcours: Parcours, job: UUID) -> None:
    listed = parcours("job", "list", "--journey", "hello")
    assert (listed.exit_code, str(job) in listed.stdout) == (0, True)
    assert str(job) not in parcours("job", "list", "--journey", "other").stdout
    paused = parcours("job", "pause", str(job))
    assert (paused.exit_code, paused.stdout) == (0, f"job {job} is paused, after 0 of 7\n")
    assert "running, paused" in parcours("job", "show", str(job)).stdout
    assert parcours("job", "resume", str(job)).stdout == f"job {job} goes on\n"
    shown = parcours("job", "show", str(job)).stdout
    assert "paused" not in shown
    assert "running" in shown
    assert "0 of 7" in shown
    cancelled = parcours("job", "cancel", str(job))
    assert cancelled.stdout == f"job {job} is stopped, after 0 of 7\n"
    assert json.loads(parcours("job", "show", str(job), "--json").stdout)["state"] == "stopped"
    assert parcours("job", "show", str(uuid4())).exit_code == 3
    assert parcours("job", "cancel", "nonsense").exit_code == 1


async def test_a_plan_waits_for_the_preview_of_many_runs(
    parcours: Parcours,
    applied: None,
    here: Path,
    pool: Pool,
    settings: Settings,
    temporal_client: Client,
) -> None:
    await write_crowd(pool, "hello", "long", 520)
    file = str(write(here / "next.yaml", HELLO.replace("up_to: 30d", "up_to: 2d")))
    plan = ("journey", "plan", file, "--in-flight", "follow")
    async with engine_at_work(settings, pool, temporal_client):
        # The worker is at work in this thread.
        planned = await asyncio.to_thread(parcours, *plan)
        as_json = await asyncio.to_thread(parcours, *plan, "--json")
    assert planned.exit_code == 0, planned.output
    assert "    520 runs at long: from version 1 to 2\n" in planned.stdout
    assert "preview of hello: 520 of 520 runs" in planned.stderr
    [document] = json.loads(as_json.stdout)["documents"]
    assert document["in_flight"]["moves"] == [
        {"version": 1, "step": "long", "to": "long", "runs": 520}
    ]
    assert document["preview_job"] is not None


async def test_a_plan_says_that_its_preview_was_stopped(
    parcours: Parcours, applied: None, here: Path, pool: Pool
) -> None:
    await write_crowd(pool, "hello", "long", 520)
    file = str(write(here / "next.yaml", HELLO.replace("up_to: 30d", "up_to: 2d")))
    async with pool.connection() as conn:
        await conn.execute(
            """
            create function stop_it() returns trigger language plpgsql as $$
            begin new.state := 'stopped'; return new; end $$;
            create trigger stop_it before insert on job for each row execute function stop_it()
            """
        )
    planned = parcours("journey", "plan", file, "--in-flight", "follow")
    assert (planned.exit_code, planned.stdout) == (4, "")
    assert "the preview of hello was stopped: job " in planned.stderr
