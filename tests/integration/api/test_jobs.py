"""Jobs over HTTP: read, listed and cancelled, also while no worker takes them up."""

from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from store.operations.api_keys import create_key
from store.operations.jobs import create_job, end_job
from store.operations.preview_progress import begin_preview
from tests.integration.api.conftest import Pool
from tests.support.engine import activate, make_contact

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


async def test_a_job_is_paused_and_resumed(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient, job: UUID
) -> None:
    first = (await operate.post(f"/v1/jobs/{job}/pause")).json()
    assert (first["state"], first["paused_at"] is None) == ("running", False)
    # Again: nothing changes.
    assert (await operate.post(f"/v1/jobs/{job}/pause")).json() == first
    assert (await operate.get(f"/v1/jobs/{job}")).json()["paused_at"] == first["paused_at"]
    for _ in range(2):
        assert (await operate.post(f"/v1/jobs/{job}/resume")).json()["paused_at"] is None
    for action in ("pause", "resume"):
        assert (await ingest.post(f"/v1/jobs/{job}/{action}")).status_code == 403
        unknown = await operate.post(f"/v1/jobs/{uuid4()}/{action}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_job")
    await operate.post(f"/v1/jobs/{job}/cancel")
    for action in ("pause", "resume"):
        over = await operate.post(f"/v1/jobs/{job}/{action}")
        assert (over.status_code, over.json()["code"]) == (409, "wrong_state")


async def test_a_key_of_scope_ingest_cancels_no_job(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, job: UUID
) -> None:
    assert (await ingest.post(f"/v1/jobs/{job}/cancel")).status_code == 403
    assert (await operate.get(f"/v1/jobs/{job}")).json()["state"] == "running"


async def test_a_key_that_edits_reads_a_preview_without_its_contacts(
    operate: httpx.AsyncClient, pool: Pool, job: UUID
) -> None:
    contact = await make_contact(pool, external_id="ada")
    found = {"total": 1, "sends": 1, "recipients": [str(contact)]}
    async with pool.connection() as conn:
        key = await create_key(conn, "edit")
        plan = {"in_flight": "follow", "map": {}, "paused": False}
        preview = await begin_preview(conn, "hello", 1, plan=plan, planned=None, total=1)
        await conn.execute(
            "update job set result = %s, state = 'done' where id = %s", (Jsonb(found), preview)
        )
    path = f"/v1/jobs/{preview}"
    read = (await operate.get(path)).json()["preview"]
    assert read["sent_at_once"] == {"count": 1, "contacts": ["ada"]}
    edits = await operate.get(path, headers={"Authorization": f"Bearer {key}"})
    assert edits.status_code == 200, edits.text
    assert edits.json()["preview"]["sent_at_once"] == {"count": 1, "contacts": []}
    refused = await operate.post(f"{path}/cancel", headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 403
