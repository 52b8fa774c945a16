"""The retention as it runs: on a Schedule of Temporal, page by page, with a report."""

from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.schedules import ensure_retention_schedule
from infra.settings import Settings
from journeys.protocol.names import QUEUE, RETENTION, RETENTION_ID, RETENTION_SCHEDULE
from journeys.protocol.payloads import RetentionPage
from store.operations.api_keys import create_key
from tests.support.api import serving as serving_api
from tests.support.conditions import eventually
from worker import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def test_the_nightly_job_removes_what_is_old_and_reports_it(
    settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into receipt (message_id, received_at)"
            " select n::text, now() - interval '31 days' from generate_series(1, 5100) n"
        )
        await conn.execute("insert into receipt (message_id) values ('new')")
        key = await create_key(conn, "operate")
    await ensure_retention_schedule(temporal_client)
    await ensure_retention_schedule(temporal_client)
    async with serving(settings, temporal_client, adapters={}):
        # The test server runs no Schedules, so the workflow is started as theirs is.
        result: RetentionPage = await temporal_client.execute_workflow(
            RETENTION,
            RetentionPage(),
            id=RETENTION_ID,
            task_queue=QUEUE,
            result_type=RetentionPage,
        )
    assert (result.done, result.removed) == (True, 5100)
    async with pool.connection() as conn:
        left = await (await conn.execute("select message_id from receipt")).fetchall()
    assert left == [("new",)]
    with serving_api(settings) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            shown = await http.get("/v1/retention", headers={"Authorization": f"Bearer {key}"})
    answer = shown.json()
    assert answer["keep"]["events"] == "2y"
    (report,) = answer["reports"]
    assert report["removed"] == {"receipts": 5100}
    assert report["ended_at"] is not None

    async def scheduled() -> bool:
        found = [each.id async for each in await temporal_client.list_schedules()]
        return found == [RETENTION_SCHEDULE]

    await eventually(scheduled, 15, what="the schedule")
