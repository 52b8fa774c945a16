"""Jobs over HTTP: read, listed and cancelled, also while no worker takes them up."""

from uuid import UUID, uuid4

import httpx
import pytest

from store.operations.jobs import create_job, end_job
from tests.integration.api.conftest import Pool
from tests.support.engine import activate

JOURNEY = """
journey: hello
entry: {event: Signed Up}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
"""


@pytest.fixture
async def job(pool: Pool) -> UUID:
    """A job that is running, and has no workflow yet."""
    await activate(pool, JOURNEY)
    async with pool.connection() as conn:
        return await create_job(conn, "move", "hello", version=1, plan={}, total=7)


async def test_a_cancelled_job_is_stopped_for_good(operate: httpx.AsyncClient, job: UUID) -> None:
    for _ in range(2):
        answer = await operate.post(f"/v1/jobs/{job}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
    read = (await operate.get(f"/v1/jobs/{job}")).json()
    assert (read["state"], read["set_aside"], read["preview"]) == ("stopped", [], None)
    assert read["ended_at"] is not None


async def test_a_job_that_has_ended_is_not_cancelled(
    operate: httpx.AsyncClient, pool: Pool, job: UUID
) -> None:
    async with pool.connection() as conn:
        await end_job(conn, job, "done")
    answer = await operate.post(f"/v1/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["detail"] == "the job has ended: it is done"
    unknown = await operate.post(f"/v1/jobs/{uuid4()}/cancel")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_job")


async def test_a_key_of_scope_ingest_cancels_no_job(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, job: UUID
) -> None:
    assert (await ingest.post(f"/v1/jobs/{job}/cancel")).status_code == 403
    assert (await operate.get(f"/v1/jobs/{job}")).json()["state"] == "running"
