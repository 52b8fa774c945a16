"""The retention as it runs: on a Schedule of Temporal, page by page, with a report."""

from datetime import timedelta
from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.schedules import ensure_retention_schedule
from infra.settings import Settings
from journeys.protocol.names import RETENTION, RETENTION_SCHEDULE
from store.operations.api_keys import create_key
from tests.support.api import serving as serving_api
from tests.support.conditions import eventually
from worker import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def test_the_schedule_removes_what_is_old_and_reports_it(
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
    handle = temporal_client.get_schedule_handle(RETENTION_SCHEDULE)
    async with serving(settings, temporal_client, adapters={}):
        await handle.trigger()

        async def ended() -> bool:
            async for execution in temporal_client.list_workflows(f"WorkflowType = '{RETENTION}'"):
                return execution.id.startswith("job.retention") and execution.close_time is not None
            return False

        await eventually(ended, 30, what="the end of the retention")
    async with pool.connection() as conn:
        left = await (await conn.execute("select message_id from receipt")).fetchall()
    assert left == [("new",)]
    with serving_api(settings) as url:
        answer = httpx.get(
            f"{url}/v1/retention", headers={"Authorization": f"Bearer {key}"}, trust_env=False
        ).json()
    assert answer["keep"]["events"] == "2y"
    (report,) = answer["reports"]
    assert report["removed"] == {"receipts": 5100}
    assert report["ended_at"] is not None
    description = await handle.describe()
    next_times = description.info.next_action_times
    assert next_times[1] - next_times[0] == timedelta(days=1)
