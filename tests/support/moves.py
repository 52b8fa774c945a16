"""Jobs begun as the API begins them, and waited for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.jobs import start_job
from journeys.versions.overdue import Overdue
from store.definitions.documents import lock_catalog
from store.definitions.pausing import pause, resume
from store.operations.jobs import JobRow, create_job, read_job, stop_older_jobs
from store.operations.migration_progress import count_runs_to_migrate
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]
SEND = Overdue()
SKIP = Overdue("skip")


def spread(seconds: float) -> Overdue:
    """Over so many seconds."""
    return Overdue("spread", timedelta(seconds=seconds))


async def begin_move(
    pool: Pool,
    client: Client,
    journey: str,
    *,
    mapping: Mapping[str, str] | None = None,
    overdue: Overdue = SEND,
) -> UUID:
    """A job that moves the journey's runs to its active version."""
    async with pool.connection() as conn:
        async with conn.transaction():
            cursor = await conn.execute(
                "select active_version from journey where key = %s", (journey,)
            )
            row = await cursor.fetchone()
            assert row is not None
            await stop_older_jobs(conn, "move", journey)
            job = await create_job(
                conn,
                "move",
                journey,
                version=row[0],
                plan={"map": dict(mapping or {}), "overdue": overdue.as_json()},
                total=await count_runs_to_migrate(conn, journey, row[0]),
            )
        await start_job(conn, client, job)
    return job


async def paused(pool: Pool, journey: str) -> None:
    """Pause a journey."""
    async with pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        await pause(conn, journey)
        await stop_older_jobs(conn, "resume", journey)


async def resumed(pool: Pool, client: Client, journey: str, overdue: Overdue) -> UUID:
    """Let a journey go on; the job that wakes what it held."""
    async with pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            held = await resume(conn, journey, overdue)
            await stop_older_jobs(conn, "resume", journey)
            plan = {"overdue": overdue.as_json()}
            job = await create_job(conn, "resume", journey, plan=plan, total=held.total)
        await start_job(conn, client, job)
    return job


async def ended(pool: Pool, job_id: UUID, timeout: float = 25.0) -> JobRow:
    """A job, waited for until it is over."""

    async def look() -> JobRow | None:
        async with pool.connection() as conn:
            job = await read_job(conn, job_id)
        assert job is not None
        return None if job.state == "running" else job

    job = await eventually(look, timeout, every=0.1, what="the job's end")
    assert job is not None
    return job
