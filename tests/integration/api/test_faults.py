"""Faults over HTTP, and events that cannot be read."""

from __future__ import annotations

import httpx

from store.definitions.catalog import Catalog
from store.operations.faults import record_fault
from tests.integration.api.conftest import Keys, Pool
from tests.support.bystanders import accept_of_each
from tests.support.engine import activate, make_contact
from tests.support.racing import entered_runs

JOURNEY = "journey: a\nentry: {event: X}\nsteps:\n  - {id: stand, wait: {event: Never}}\n"


async def test_faults_are_paged_and_name_what_has_them(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient, keys: Keys, pool: Pool
) -> None:
    await activate(pool, JOURNEY)
    ada = await make_contact(pool, external_id="ada")
    async with pool.connection() as conn:
        for number in range(3):
            await record_fault(
                conn, activity="dispatch", code="internal", detail=f"no {number}", contact_id=ada,
                event_id=number + 7,
            )  # fmt: skip
        await record_fault(
            conn, activity="catalog", code="broken_document", detail="7", subject="journey a"
        )
    page = (await operate.get("/v1/faults", params={"limit": 2})).json()
    assert [each["subject"] for each in page["items"]] == ["journey a", "event 9"]
    following = (await operate.get("/v1/faults", params={"cursor": page["next"]})).json()
    assert following["next"] is None
    assert following["items"][1] == {
        "id": following["items"][1]["id"],
        "at": following["items"][1]["at"],
        "subject": "event 7",
        "part": "dispatch",
        "code": "internal",
        "detail": "no 0",
        "journey": None,
        "run": None,
        "visit": None,
        "contact": "ada",
        "event": 7,
    }
    reading = {"Authorization": f"Bearer {keys.read}"}
    of_ada = await operate.get("/v1/faults", params={"contact": "ada"}, headers=reading)
    assert len(of_ada.json()["items"]) == 3
    assert (await ingest.get("/v1/faults")).status_code == 403
    for query, status in (("contact=x", 404), ("cursor=x", 400), ("kode=x", 400), ("limit=0", 422)):
        answer = await operate.get(f"/v1/faults?{query}")
        assert answer.status_code == status, (query, answer.text)


async def test_a_fault_of_a_run_is_among_those_of_its_contact(
    operate: httpx.AsyncClient, pool: Pool
) -> None:
    await activate(pool, JOURNEY)
    [run] = await entered_runs(pool, Catalog(), "a", 1)
    async with pool.connection() as conn:
        await record_fault(
            conn, activity="send", code="internal", detail="x", run_id=run.run_id, visit=2
        )
    found = await operate.get("/v1/faults", params={"contact": str(run.contact_id)})
    [shown] = found.json()["items"]
    assert (shown["journey"], shown["run"], shown["visit"]) == ("a", str(run.run_id), 2)


async def test_an_event_that_cannot_be_read_is_listed_with_why_it_waits(
    operate: httpx.AsyncClient, pool: Pool
) -> None:
    contact = await make_contact(pool, external_id="ada")
    async with pool.connection() as conn:
        await accept_of_each(conn, [contact], "Any", '{"n": 1e5000, "m": 12}')
        await conn.execute("update outbox set attempts = 2, not_before = '2030-01-31 12:00:00+00'")
    answer = await operate.get("/v1/events", params={"contact": "ada"})
    assert answer.status_code == 200, answer.text
    [shown] = answer.json()["items"]
    assert shown["properties"] == {"n": "1" + "0" * 5000, "m": 12}
    assert shown["why_nothing"] == (
        "its dispatch failed 2 times, and is tried again at 2030-01-31T12:00:00Z"
    )
