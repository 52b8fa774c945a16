"""Erasure: at once where it counts, to the end by a job, and the same under faults and at work."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool
from sqlmodel import SQLModel
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import Settings
from journeys.protocol.names import workflow_id
from store.contacts.erasure import begin_erasure
from store.contacts.erasure_listing import ErasureReport, list_reports, read_report
from store.contacts.erasure_pages import erase_page
from store.counters.recount import differences
from store.operations.api_keys import create_key
from store.operations.jobs import end_job, read_job
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, make_contact
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

EVENTS = int(os.environ.get("ERASED_EVENTS", "6000"))
"""Events of a large contact; 100,000 before a release."""

LETTERS = """
journey: letters
entry: {event: Asked}
re_entry: always
steps:
  - {id: first, email: {subject: "Hello", text: "{{ entry.words }}", transactional: true}}
  - {id: quiet, wait: {event: Never, up_to: 30d}}
"""


async def erased(pool: Pool, erasure: UUID, timeout: float = 60.0) -> ErasureReport:
    """The report of an erasure, waited for until it is finished."""

    async def look() -> ErasureReport | None:
        async with pool.connection() as conn:
            report = await read_report(conn, erasure)
        return report if report is not None and report.finished_at is not None else None

    report = await eventually(look, timeout, what="the end of the erasure")
    assert report is not None
    return report


async def rows_of(pool: Pool, contact: UUID) -> dict[str, int]:
    """How many rows name a contact in each table that can."""
    found = {}
    async with pool.connection() as conn:
        for table in SQLModel.metadata.sorted_tables:
            if "contact_id" in table.columns:
                cursor = await conn.execute(
                    f"select count(*) from {table.name} where contact_id = %s".encode(), (contact,)
                )
                row = await cursor.fetchone()
                assert row is not None
                if row[0]:
                    found[table.name] = row[0]
    return found


async def is_in_temporal(client: Client, run: UUID) -> bool:
    """Whether Temporal has a workflow of a run."""
    try:
        await client.get_workflow_handle(workflow_id("letters", run)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


@pytest.fixture
async def admin(engine_settings: Settings, pool: Pool) -> Any:
    """A caller of an API on the engine's database, with a key of scope `admin`."""
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", "lee")
    with serving(engine_settings) as url:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            yield client


async def test_an_erased_contact_is_gone_at_once_and_its_workflows_with_it(
    engine: Engine, admin: httpx.AsyncClient
) -> None:
    await engine.activate(LETTERS)
    contact = await engine.contact(external_id="ada-4471", email="ada@x.example")
    await engine.event(contact, "Asked", words="x")
    run = await engine.standing_at(contact, "quiet")
    assert await is_in_temporal(engine.client, run["id"])
    answer = await admin.delete("/v1/contacts/ada-4471")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await rows_of(engine.pool, contact) in ({}, {"erasure": 1})
    assert (await admin.get("/v1/contacts/ada-4471")).status_code == 404
    report = await erased(engine.pool, UUID(answer.headers["Location"].rpartition("/")[2]))
    assert await rows_of(engine.pool, contact) == {}

    async def gone() -> bool:
        return not await is_in_temporal(engine.client, run["id"])

    await eventually(gone, 20, what="the end of the workflow's history")
    shown = (await admin.get(answer.headers["Location"])).json()
    assert shown["state"] == "done"
    assert shown["requested_by"] == "lee"
    assert shown["suppressed"] == 0
    counted = shown["removed"]
    assert counted.items() >= {"contact": 1, "run": 1, "visit": 2, "message": 1}.items()
    assert counted["event"] >= 1
    # The job's own record, and the report, say nothing of whom.
    assert "4471" not in answer.headers["Location"] + str(shown)
    assert str(contact) not in str(shown)
    listed = (await admin.get("/v1/erasures", params={"contact": "ada-4471"})).json()
    assert [each["id"] for each in listed["items"]] == [str(report.id)]
    other = (await admin.get("/v1/erasures", params={"contact": "eve"})).json()
    assert other["items"] == []
    job = (await admin.get(f"/v1/jobs/{report.job_id}")).json()
    assert (job["kind"], job["state"], job["done"]) == ("erase", "done", sum(counted.values()))


async def test_a_large_contact_is_unknown_at_once_and_removed_page_by_page(
    engine: Engine, admin: httpx.AsyncClient
) -> None:
    contact = await engine.contact(external_id="large", email="large@x.example")
    async with engine.pool.connection() as conn:
        await conn.execute(
            "insert into event (contact_id, name, properties, message_id)"
            " select %s, 'E' || n %% 7, '{}', n::text from generate_series(1, %s) n",
            (contact, EVENTS),
        )
        await conn.execute(
            "insert into run (id, journey, version, contact_id, key, state, outcome, entry_ref,"
            " ref) select gen_random_uuid(), 'old', 1, %s, n::text, 'ended', 'finished', 0, 0"
            " from generate_series(1, 350) n",
            (contact,),
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome)"
            " select id, n, 's', 'email', 'sent' from run cross join generate_series(1, 3) n"
            " where contact_id = %s",
            (contact,),
        )
    began = time.perf_counter()
    answer = await admin.delete("/v1/contacts/large")
    took = time.perf_counter() - began
    assert answer.status_code == 202
    assert answer.json()["state"] == "running"
    assert took < 5
    assert (await admin.get("/v1/contacts/large")).status_code == 404
    cancelled = await admin.post(f"/v1/jobs/{answer.json()['job']}/cancel")
    assert cancelled.status_code == 409
    report = await erased(engine.pool, UUID(answer.json()["id"]), timeout=180)
    assert (report.removed["event"], report.removed["run"], report.removed["visit"]) == (
        EVENTS, 350, 1_050,
    )  # fmt: skip
    assert await rows_of(engine.pool, contact) == {}
    # The figures of the journey are what they were.
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select fact, step, label, removed, sum(count) from ("
            "    select journey, fact, step, label, removed, count from figure where span = 'total'"
            "    union all select journey, fact, step, label, removed, count from figure_delta) f"
            " where journey = 'old' and fact in ('ended', 'outcome')"
            " group by 1, 2, 3, 4 order by 1, 4"
        )
        assert await cursor.fetchall() == [
            ("ended", "", "finished", False, 350),
            ("ended", "", "finished", True, 350),
            ("outcome", "s", "sent", False, 1_050),
            ("outcome", "s", "sent", True, 1_050),
        ]
        assert await differences(conn, "UTC") == []


async def test_a_send_under_way_is_not_recorded_after_the_erasure(
    engine: Engine, admin: httpx.AsyncClient, smtp_sink: SmtpSink
) -> None:
    await engine.activate(LETTERS)
    contact = await engine.contact(external_id="under-way", email="way@x.example")
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_envelope: Any) -> str:
        taken.set()
        await go_on.wait()
        return "250 OK"

    smtp_sink.answer = wait
    await engine.event(contact, "Asked", words="x")
    await asyncio.wait_for(taken.wait(), 20)
    answer = await admin.delete("/v1/contacts/under-way")
    assert answer.status_code == 204
    go_on.set()
    await erased(engine.pool, UUID(answer.headers["Location"].rpartition("/")[2]))

    async def settled() -> bool:
        return len(smtp_sink.messages) == 1

    await eventually(settled, 20)
    for table in ("message", "kept_content", "visit", "run", "event", "contact", "outbox"):
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(f"select count(*) from {table}".encode())
            assert await cursor.fetchone() == (0,), table


async def test_an_erasure_whose_job_was_stopped_goes_on_with_another(engine: Engine) -> None:
    contact = await engine.contact(external_id="stopped")
    await engine.event(contact, "E")
    async with engine.pool.connection() as conn, conn.transaction():
        begun = await begin_erasure(conn, contact)
        assert begun is not None
        await end_job(conn, begun.job_id, "stopped")
    report = await erased(engine.pool, begun.id)
    assert report.job_id not in (None, begun.job_id)
    assert await rows_of(engine.pool, contact) == {}
    async with engine.pool.connection() as conn:
        assert report.job_id is not None
        job = await read_job(conn, report.job_id)
        assert job is not None
        assert job.state == "done"


async def cut_off(pool: Pool, database_url: str, erasure: UUID) -> None:
    """Work through a page on a connection that is lost before its commit."""
    doomed = await AsyncConnection.connect(database_url, autocommit=True)
    async with doomed.transaction():
        await erase_page(doomed, erasure)
        async with pool.connection() as conn:
            pid = doomed.info.backend_pid
            await conn.execute("select pg_terminate_backend(%s, 5000)", (pid,))
        await doomed.execute("select 1")


async def test_what_is_removed_is_counted_once_though_pages_are_cut_off_and_done_twice(
    pool: Pool, database_url: str
) -> None:
    contact = await make_contact(pool, external_id="cut-off")
    async with pool.connection() as conn:
        await conn.execute(
            "insert into event (contact_id, name, properties, message_id)"
            " select %s, 'E', '{}', n::text from generate_series(1, 7000) n",
            (contact,),
        )
        async with conn.transaction():
            begun = await begin_erasure(conn, contact)
    assert begun is not None
    # Its process dies after the work of a page, and before the commit.
    for _ in range(5):
        with pytest.raises(OperationalError):
            await cut_off(pool, database_url, begun.id)

    # Two attempts work at the same time.
    async def work() -> None:
        more = True
        while more:
            async with pool.connection() as conn, conn.transaction():
                more = await erase_page(conn, begun.id)

    await asyncio.gather(work(), work())
    async with pool.connection() as conn:
        report = await read_report(conn, begun.id)
        job = await read_job(conn, begun.job_id)
    assert report is not None
    assert job is not None
    assert (report.removed["event"], report.removed["contact"]) == (7000, 1)
    assert job.done == sum(report.removed.values())
    assert await rows_of(pool, contact) == {"erasure": 1}


async def test_two_erasures_of_a_contact_at_once_are_one(pool: Pool) -> None:
    contact = await make_contact(pool, external_id="twice")

    async def once() -> bool:
        async with pool.connection() as conn, conn.transaction():
            return await begin_erasure(conn, contact) is not None

    assert sorted(await asyncio.gather(*(once() for _ in range(4)))) == [False] * 3 + [True]
    async with pool.connection() as conn:
        assert len(await list_reports(conn, contact="twice", before=None, limit=9)) == 1


async def test_an_erased_address_may_be_suppressed_with_it(
    engine: Engine, admin: httpx.AsyncClient, smtp_sink: SmtpSink
) -> None:
    await engine.activate(LETTERS)
    for reference, query, sent in (("kept", "", 1), ("no", "?suppress=true", 0)):
        address = f"{reference}@x.example"
        await engine.contact(external_id=reference, email=address, phone="+33612345678")
        answer = await admin.delete(f"/v1/contacts/{reference}{query}")
        report = await erased(engine.pool, UUID(answer.headers["Location"].rpartition("/")[2]))
        assert report.suppressed == (0 if sent else 2)
        # The same person is imported again.
        again = await admin.put(f"/v1/contacts/{reference}", json={"email": address.upper()})
        assert again.status_code == 201
        tracked = await admin.post(
            "/v1/track", json={"userId": reference, "event": "Asked", "properties": {"words": "x"}}
        )
        assert tracked.status_code == 200
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select id from contact where external_id = %s", (reference,)
            )
            row = await cursor.fetchone()
        assert row is not None
        run = await engine.standing_at(row[0], "quiet")
        outcome = (await engine.visits(run["id"]))[0]
        assert outcome["outcome"] == ("sent" if sent else "skipped")
        to = [each.recipients[0].casefold() for each in smtp_sink.messages]
        assert to.count(address) == sent
