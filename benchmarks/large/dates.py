"""A journey with an entry by date that goes live over many contacts."""

from __future__ import annotations

import time
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.plan_dates import PlanDatesActivities
from benchmarks.report import Figure
from benchmarks.sample import activate
from dispatch.date_entries import make_date_fills
from journeys.model.journey import Journey
from journeys.protocol.payloads import JobInput
from store.definitions.catalog import Catalog
from store.operations.jobs import read_job

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def measure_birthdays(pool: Pool, contacts: int, seconds: float) -> Figure:
    """Contacts per second whose next birthday is set; it is stopped after the seconds."""
    journey = Journey.model_validate(
        {
            "journey": "birthday",
            "entry": {"date": {"attribute": "birthday", "every": "year", "at": "09:00"}},
            "steps": [{"id": "hello", "email": {"subject": "Hello", "text": "Hello"}}],
        }
    )
    async with pool.connection() as conn:
        await activate(conn, journey)
        [job_id] = await make_date_fills(conn)
    activities = PlanDatesActivities(
        Context(pool=pool, catalog=Catalog(), adapters={}), cast(Client, None)
    )
    began = time.perf_counter()
    while True:
        page = await ActivityEnvironment().run(
            activities.page, JobInput(job_id=job_id, subject="birthday")
        )
        took = time.perf_counter() - began
        if page.state != "running" or took > seconds:
            break
    async with pool.connection() as conn:
        job = await read_job(conn, job_id)
        cursor = await conn.execute(
            "select (select count(*) from date_entry),"
            " (select count(*) from contact where attributes ? 'birthday')"
        )
        row = await cursor.fetchone()
    assert job is not None
    assert row is not None
    moments, born = row
    if page.state == "done" and moments != born:
        raise RuntimeError(f"{moments} moments of {born} contacts with a birthday")
    return Figure(
        f"a birthday journey made live over {contacts:,} contacts",
        job.done / took,
        "contacts per second",
        detail={
            "contacts": job.done,
            "failed": job.failed,
            "moments": moments,
            "state": page.state,
            "seconds": round(took, 1),
        },
    )
