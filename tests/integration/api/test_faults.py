"""Faults as operators list them: each thing once, with what is planned for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.operations.faults import record_fault
from tests.integration.api.conftest import Keys

Pool = AsyncConnectionPool[AsyncConnection[Any]]


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
    assert datetime.fromisoformat(welcome["last_at"]) - since > timedelta(hours=4)
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


async def test_faults_are_for_operators(
    stranger: httpx.AsyncClient, keys: Keys, operate: httpx.AsyncClient
) -> None:
    # Details may hold the words of a provider, and so an address.
    for key in (keys.ingest, keys.read, keys.edit):
        answer = await stranger.get("/v1/faults", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 403
    wrong = await operate.get("/v1/faults", params={"cursor": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_cursor")
