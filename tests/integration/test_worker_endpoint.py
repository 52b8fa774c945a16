"""The endpoint of a worker: health, readiness, and metrics of the process and of the engine."""

from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from devstack.ports import free_port
from infra.clients import connect_temporal
from infra.settings import Settings
from infra.telemetry import temporal_runtime
from tests.support.conditions import eventually
from worker import serving

Pool = AsyncConnectionPool[AsyncConnection[object]]


@pytest.fixture
async def endpoint(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a worker's endpoint."""
    sdk_port, port = free_port(), free_port()
    client: Client = await connect_temporal(
        settings, runtime=temporal_runtime(f"127.0.0.1:{sdk_port}")
    )
    own = settings.model_copy(update={"metrics_port": port})
    async with (
        serving(own, client, adapters={}, sdk_metrics=f"http://127.0.0.1:{sdk_port}/metrics"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield http


async def metrics(endpoint: httpx.AsyncClient) -> dict[str, float]:
    answer = await endpoint.get("/metrics")
    assert answer.status_code == 200
    return {
        f"{sample.name}{dict(sorted(sample.labels.items())) or ''}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_worker_serves_health_and_the_engines_figures(
    endpoint: httpx.AsyncClient, pool: Pool
) -> None:
    assert (await endpoint.get("/healthz")).json() == {"status": "ok"}
    assert (await endpoint.get("/readyz")).json() == {"status": "ok"}
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id)"
            " values ('00000000-0000-0000-0000-000000000001', 'ada')"
        )
        await conn.execute(
            "insert into dead_event (event_id, contact_id, code, detail)"
            " values (1, '00000000-0000-0000-0000-000000000001', 'c', 'd')"
        )
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref,"
            " workflow_started_at) select gen_random_uuid(), 'hello', 1,"
            " '00000000-0000-0000-0000-000000000001', 0, 0, now()"
        )
    first = await metrics(endpoint)
    assert first["parcours_database_up"] == 1
    assert first["parcours_dead_events"] == 1
    assert first["parcours_attention{'kind': 'dead_events'}"] == 1
    assert first["parcours_attention{'kind': 'failed'}"] == 0
    assert first["parcours_conditions_late_seconds"] == 0
    assert first["parcours_active_runs{'journey': 'hello'}"] == 1
    assert first["parcours_undispatched_events"] == 0
    assert first["parcours_database_pool_max"] == 20
    # The alert of workers that are full reads these labels.
    slots = [name for name in first if name.startswith("temporal_worker_task_slots_available{")]
    assert slots
    assert all("'task_queue'" in name and "'worker_type'" in name for name in slots)


async def test_a_worker_without_a_database_is_alive_and_not_ready(
    settings: Settings, temporal_client: Client
) -> None:
    port = free_port()
    own = settings.model_copy(
        update={
            "metrics_port": port,
            "database_url": f"postgresql://parcours@127.0.0.1:{free_port()}/none",
        }
    )
    async with (
        serving(own, temporal_client, adapters={}),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        assert (await http.get("/healthz")).status_code == 200

        async def not_ready() -> bool:
            answer = await http.get("/readyz")
            return answer.status_code == 503 and "PostgreSQL" in answer.json()["reason"]

        await eventually(not_ready, 15, what="not ready")
        assert "parcours_database_up 0.0" in (await http.get("/metrics")).text
