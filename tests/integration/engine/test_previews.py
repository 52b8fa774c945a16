"""Previews of many runs are jobs: their progress, what they find, and what they leave alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from infra.settings import Settings
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog
from store.operations.api_keys import create_key
from store.versions.migration_preview import MigrationPreview, preview_migration
from store.versions.run_migration import Target
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.crowds import Pool, write_crowd
from tests.support.engine import Engine, activate
from tests.support.moves import ended

FIRST = """
journey: crowd
entry: {event: Never}
defaults: {transactional: true}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: letter, email: {subject: A letter, text: Dear you}}
  - {id: after, wait: 30d}
"""
SECOND = FIRST.replace("up_to: 30d", "up_to: 1d")
HALF = 300
SEGMENT = "segment: old\nif: {attribute: age, gte: 60}\n"


@pytest.fixture
async def operator(settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an API."""
    async with pool.connection() as conn:
        key = await create_key(conn, "operate")
    with serving(settings) as url:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        ) as client:
            yield client


async def crowd(pool: Pool) -> None:
    """Runs at `quiet`, half of them for two days; and some at `after`."""
    await activate(pool, FIRST)
    await write_crowd(pool, "crowd", "quiet", HALF, age=timedelta(days=2))
    await write_crowd(pool, "crowd", "quiet", HALF)
    await write_crowd(pool, "crowd", "after", 20)


async def preview_of(operator: httpx.AsyncClient, job: str) -> dict[str, Any]:
    """What a job has found, waited for."""

    async def look() -> Any:
        body = (await operator.get(f"/v1/jobs/{job}")).json()
        assert body["preview"] is None or body["state"] == "done"
        return body if body["state"] != "running" else None

    body: dict[str, Any] = await eventually(look, 60, every=0.1, what="the end of the preview")
    assert (body["kind"], body["state"], body["failed"]) == ("preview", "done", 0)
    assert (body["done"], body["total"]) == (2 * HALF + 20, 2 * HALF + 20)
    found: dict[str, Any] = body["preview"]
    return found


async def test_the_preview_of_many_runs_is_a_job_that_counts_as_a_request_does(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await crowd(engine.pool)
    await activate(engine.pool, SECOND)
    body = {"version": 2, "in_flight": "follow"}
    begun = await operator.post("/v1/journeys/crowd/activate/preview", json=body)
    assert begun.status_code == 202, begun.text
    assert list(begun.json()) == ["job"]
    found = await preview_of(operator, begun.json()["job"])
    assert len(found["sent_at_once"].pop("contacts")) == 100
    assert found == {
        "journey": "crowd",
        "version": 2,
        "in_flight": "follow",
        "total": 2 * HALF + 20,
        "moves": [
            {"version": 1, "step": "after", "to": "after", "runs": 20},
            {"version": 1, "step": "quiet", "to": "quiet", "runs": 2 * HALF},
        ],
        "stays": [],
        "unlisted": 0,
        "at_work": 0,
        "failed": 0,
        "ends_at_once": HALF,
        "leaves_at_once": 0,
        "sent_at_once": {"count": HALF},
    }
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select (select count(*) from listener where visit < 0),"
            " (select count(*) from run where version <> 1), (select planned from job)"
        )
        assert await cursor.fetchone() == (0, 0, None)


async def test_a_plan_gives_the_preview_of_many_runs_to_a_job_with_its_own_segments(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await crowd(engine.pool)
    source = FIRST.replace("event: Go, up_to: 30d", "if: {segment: old}, up_to: 60d").strip()
    async with engine.pool.connection() as conn:
        await conn.execute(
            """update contact set attributes = '{"age": 70}' where id in
            (select contact_id from run where step = 'quiet' order by id limit 50)"""
        )
    files = {"a.yaml": SEGMENT, "b.yaml": source}
    request = {
        "documents": [{"filename": name, "source": text} for name, text in files.items()],
        "in_flight": {"map": {"after": "letter"}},
    }
    answer = await operator.post("/v1/plan", json=request)
    assert answer.status_code == 200, answer.text
    segment, journey = answer.json()["documents"]
    assert (segment["preview_job"], journey["in_flight"]) == (None, None)
    found = await preview_of(operator, journey["preview_job"])
    assert found["in_flight"] == {"map": {"after": "letter"}}
    assert (found["version"], found["ends_at_once"]) == (2, 50)
    assert found["sent_at_once"]["count"] == 50 + 20


async def test_equal_previews_are_one_job_and_a_cancelled_one_shows_nothing(
    pool: Pool, operator: httpx.AsyncClient
) -> None:
    # No worker is at work.
    await crowd(pool)
    await activate(pool, SECOND)
    where = "/v1/journeys/crowd/activate/preview"
    follow, skip = {"in_flight": "follow"}, {"in_flight": "follow", "overdue": "skip"}
    one, same, other = [
        (await operator.post(where, json=body)).json()["job"] for body in (follow, follow, skip)
    ]
    assert one == same != other
    cancelled = await operator.post(f"/v1/jobs/{one}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "stopped")
    assert (await operator.get(f"/v1/jobs/{one}")).json()["preview"] is None
    assert (await operator.get(f"/v1/jobs/{other}")).json()["state"] == "running"
    again = (await operator.post(where, json=follow)).json()["job"]
    assert again not in (one, other)


async def found_for(pool: Pool) -> MigrationPreview:
    async with pool.connection() as conn:
        catalog = Catalog()
        definition = await catalog.definition(conn, "crowd", 2)
        target = Target(definition, {}, Overdue(), datetime.now(UTC))
        found = await preview_migration(conn, catalog, "crowd", target, paused=False)
    assert found is not None
    return found


async def test_a_preview_waits_for_no_lock_on_contacts_or_runs(pool: Pool) -> None:
    await activate(pool, FIRST)
    await write_crowd(pool, "crowd", "quiet", 5)
    await activate(pool, SECOND)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact c join run r on true for update of c, r")
        await conn.execute("select from visit for update")
        async with asyncio.timeout(10):
            found = await found_for(pool)
    assert (found.total, found.failed) == (5, 0)


async def break_version(pool: Pool, run: UUID) -> None:
    """The run is of a version 3 whose document no longer validates."""
    async with pool.connection() as conn:
        await conn.execute(
            "insert into journey_version (journey, version, document, program, source, sha256)"
            " select journey, 3, jsonb_set(document, '{steps,0,wait}', '\"nonsense\"'), program,"
            " source, sha256 from journey_version where version = 1"
        )
        await conn.execute("update run set version = 3 where id = %s", (run,))


async def mend_version(pool: Pool) -> None:
    """Version 3 validates again."""
    async with pool.connection() as conn:
        await conn.execute(
            "update journey_version set document = (select document from journey_version"
            " where version = 1) where version = 3"
        )


async def test_a_run_that_cannot_be_previewed_keeps_no_other_from_being_so(pool: Pool) -> None:
    await activate(pool, FIRST)
    members = await write_crowd(pool, "crowd", "quiet", 60, age=timedelta(days=2))
    await activate(pool, SECOND)
    await break_version(pool, members[30].run_id)
    found = await found_for(pool)
    assert (found.total, found.failed, found.moves.total(), found.sends) == (60, 1, 59, 59)


async def test_a_run_that_cannot_be_moved_is_tried_again_and_then_set_aside(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await activate(engine.pool, FIRST)
    members = await write_crowd(engine.pool, "crowd", "quiet", 3)
    await activate(engine.pool, SECOND)
    broken = members[1].run_id
    await break_version(engine.pool, broken)
    body = {"version": 2, "in_flight": "follow"}
    job = (await operator.post("/v1/journeys/crowd/activate", json=body)).json()["job"]
    done = await ended(engine.pool, UUID(job), 60)
    assert (done.state, done.moved, done.kept, done.failed, done.done) == ("done", 2, 1, 1, 3)
    shown = (await operator.get(f"/v1/jobs/{job}")).json()
    assert shown["set_aside"] == [{"run": str(broken), "code": "broken_document"}]
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select run_id, activity, code from fault")
        assert await cursor.fetchall() == [(broken, "move_page", "broken_document")]
    # The next job takes it, once the cause is gone.
    await mend_version(engine.pool)
    job = (await operator.post("/v1/journeys/crowd/activate", json=body)).json()["job"]
    done = await ended(engine.pool, UUID(job), 60)
    assert (done.state, done.moved, done.failed) == ("done", 1, 0)


async def test_a_run_that_can_be_moved_at_a_later_try_is_moved(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await activate(engine.pool, FIRST)
    members = await write_crowd(engine.pool, "crowd", "quiet", 2)
    await activate(engine.pool, SECOND)
    await break_version(engine.pool, members[0].run_id)
    body = {"version": 2, "in_flight": "follow"}
    job = (await operator.post("/v1/journeys/crowd/activate", json=body)).json()["job"]

    async def failed_once() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select attempts from straggler where attempts >= 1")
            return await cursor.fetchone() is not None

    await eventually(failed_once, 30, every=0.05)
    await mend_version(engine.pool)
    done = await ended(engine.pool, UUID(job), 60)
    assert (done.state, done.moved, done.kept, done.failed) == ("done", 2, 0, 0)
