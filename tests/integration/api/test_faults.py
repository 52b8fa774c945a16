"""Faults over HTTP, and events that cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

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
        "since": following["items"][1]["at"],
        "state": "recorded",
        "attempts": None,
        "next_try_at": None,
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


@pytest.fixture
async def run(pool: Pool) -> UUID:
    """A run of the contact `ada`, at the first visit."""
    contact, made = uuid4(), uuid4()
    async with pool.connection() as conn:
        await conn.execute("insert into contact (id, external_id) values (%s, 'ada')", (contact,))
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref, visit)"
            " values (%s, 'j', 1, %s, 0, 0, 1)",
            (made, contact),
        )
    return made


async def test_a_fault_that_lasts_is_listed_once_with_its_beginning(
    pool: Pool, operate: httpx.AsyncClient
) -> None:
    async with pool.connection() as conn:
        for hours, detail in ((5, "first"), (2, "second"), (0, "third")):
            await record_fault(
                conn, activity="catalog", code="broken_document", detail=detail,
                subject="journey welcome",
            )  # fmt: skip
            await conn.execute(
                "update fault set happened_at = now() - make_interval(hours => %s)"
                " where detail = %s",
                (hours, detail),
            )
        await record_fault(conn, activity="catalog", code="internal", detail="other",
                           subject="segment big")  # fmt: skip
    page = (await operate.get("/v1/faults")).json()
    assert [(each["subject"], each["detail"]) for each in page["items"]] == [
        ("segment big", "other"), ("journey welcome", "third"),
    ]  # fmt: skip
    welcome = page["items"][1]
    since = datetime.fromisoformat(welcome["since"])
    assert timedelta(hours=4.9) < datetime.now(UTC) - since < timedelta(hours=5.1)
    assert datetime.fromisoformat(welcome["at"]) - since > timedelta(hours=4)
    assert (welcome["part"], welcome["code"], welcome["state"], welcome["next_try_at"]) == (
        "catalog", "broken_document", "recorded", None,
    )  # fmt: skip
    first = (await operate.get("/v1/faults", params={"limit": 1})).json()
    assert [each["subject"] for each in first["items"]] == ["segment big"]
    rest = (await operate.get("/v1/faults", params={"cursor": first["next"]})).json()
    assert ([each["subject"] for each in rest["items"]], rest["next"]) == (
        ["journey welcome"], None,
    )  # fmt: skip
    for filters in ({"subject": "journey welcome"}, {"code": "broken_document"}):
        found = (await operate.get("/v1/faults", params=filters)).json()
        assert [each["subject"] for each in found["items"]] == ["journey welcome"]


async def test_what_is_tried_again_says_how_often_and_when_next(
    pool: Pool, operate: httpx.AsyncClient, run: UUID
) -> None:
    """A parked call, a send that could not be decided, an event set aside, a condition, a dead
    event: each has its own place, and only a dead event is given up."""
    async with pool.connection() as conn:
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, held, due_at, facts) values"
            " (%s, 1, 's', 'email', 'retry', now() + interval '9 minutes',"
            """ '{"faults": 4, "fault": "internal"}')""",
            (run,),
        )
        await conn.execute(
            "insert into parked_call (run_id, kind, attempts, not_before)"
            " values (%s, 'start', 3, now() + interval '2 minutes')",
            (run,),
        )
        await conn.execute(
            "insert into listener (run_id, visit, slot, contact_id, match, ref, attempts, due_at)"
            " select id, 2, 0, contact_id, '{}', 0, 6, now() + interval '5 minutes' from run"
        )
        events = []
        for message in ("m1", "m2"):
            cursor = await conn.execute(
                "insert into event (contact_id, name, message_id) select contact_id, 'E', %s"
                " from run returning id",
                (message,),
            )
            row = await cursor.fetchone()
            assert row is not None
            events.append(row[0])
        await conn.execute(
            "insert into outbox (contact_id, event_id, attempts, not_before)"
            " select contact_id, %s, 2, now() + interval '8 seconds' from run",
            (events[0],),
        )
        await conn.execute(
            "insert into dead_event (event_id, contact_id, code, detail)"
            " select %s, contact_id, 'internal', 'x' from run",
            (events[1],),
        )
        faults: list[tuple[str, dict[str, Any]]] = [
            ("send", {"run_id": run, "visit": 1}),
            ("start", {"run_id": run, "visit": 0}),
            ("due_times", {"run_id": run, "visit": 2}),
            ("dispatch", {"event_id": events[0]}),
            ("dispatch", {"event_id": events[1]}),
        ]
        for part, place in faults:
            await record_fault(conn, activity=part, code="internal", detail="boom", **place)
    items = (await operate.get("/v1/faults")).json()["items"]
    assert [(each["part"], each["state"], each["attempts"]) for each in reversed(items)] == [
        ("send", "retrying", 4),
        ("start", "retrying", 3),
        ("due_times", "retrying", 6),
        ("dispatch", "retrying", 2),
        ("dispatch", "given_up", None),
    ]
    assert {each["contact"] for each in items} == {"ada"}
    minutes = [
        round(
            (datetime.fromisoformat(each["next_try_at"]) - datetime.now(UTC)).total_seconds() / 60
        )
        for each in reversed(items[1:])
    ]
    assert minutes == [9, 2, 5, 0]
    assert items[4]["subject"] == f"run {run} 1"
