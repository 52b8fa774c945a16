"""Imports by the API: lines become contacts, their groups, consents, suppressions and events."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.jobs.import_contacts import ImportContactsActivities
from infra.settings import Settings
from journeys.protocol.payloads import JobInput
from store.contacts.rows import find_contact, read_contact
from store.definitions.catalog import Catalog
from store.retention.removal import Kind, remove_old_rows
from tests.support.conditions import eventually
from tests.support.crowds import Pool
from tests.support.engine import Engine, make_contact
from tests.support.imports import begin, caller, done, exported, imported, refused
from tests.support.smtp import SmtpSink


@pytest.fixture
async def client(engine_settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(engine_settings, pool) as client:
        yield client


async def contact_of(pool: Pool, external_id: str) -> dict[str, Any]:
    async with pool.connection() as conn:
        contact_id = await find_contact(conn, external_id)
        assert contact_id is not None
        contact = await read_contact(conn, contact_id)
    assert contact is not None
    return {"id": contact.id, **contact.field_values(), "attributes": contact.attributes}


async def rows(pool: Pool, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        return await (await conn.execute(query, values)).fetchall()


def reason(line: int, code: str) -> dict[str, Any]:
    return {"refused_line": line, "refused_code": code, "refused_reason": ""}


async def test_a_line_that_is_no_json_is_given_back_as_it_stands(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    text = '{"external_id": "a"}\n{"external_id": "b", "plan\n{"plan": "x"}\n'
    report = await imported(client, text, kind="application/x-ndjson")
    assert (report["created"], report["refused"]) == (1, 2)
    given = [orjson.loads(line) for line in (await refused(client, report)).splitlines()]
    assert [{**each, "refused_reason": ""} for each in given] == [
        {"content": '{"external_id": "b", "plan', **reason(2, "not_json")},
        {"plan": "x", **reason(3, "missing")},
    ]


async def test_lines_become_contacts_or_change_them(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await make_contact(
        engine.pool, external_id="b", email="old@example.com", attributes={"plan": "free"}
    )
    await make_contact(engine.pool, external_id="c", email="c@example.com")
    text = (
        "id;E-Mail;First name;plan;visits:number\n"
        "a;Ada@Example.com;Ada;gold;3\n"
        "b;b@example.com;;gold;\n"
        "c;c@example.com;;;\n"
        "d;not an address;Dan;;x\n"
        ";noone@example.com;;;\n"
    )
    report = await imported(client, text)
    counts = {name: report[name] for name in ("created", "updated", "unchanged", "refused")}
    assert counts == {"created": 2, "updated": 1, "unchanged": 1, "refused": 1}
    assert report["delimiter"] == ";"
    assert report["left_out"] == 2
    ada = await contact_of(engine.pool, "a")
    assert ada["email"] == "Ada@example.com"
    assert ada["attributes"] == {"first_name": "Ada", "plan": "gold", "visits": 3}
    assert (await contact_of(engine.pool, "b"))["attributes"] == {"plan": "gold"}
    dan = await contact_of(engine.pool, "d")
    assert (dan["email"], dan["attributes"]) == (None, {"first_name": "Dan"})
    assert {each["code"]: each["lines"] for each in report["reasons"]} == {
        "invalid_email": [5],
        "invalid_number": [5],
        "missing": [6],
    }
    events = await rows(
        engine.pool,
        "select c.external_id, array_agg(e.name order by e.id) from event e"
        " join contact c on c.id = e.contact_id group by 1 order by 1",
    )
    assert events == [
        ("a", ["Contact Created", "Contact Changed"]),
        ("b", ["Contact Changed"]),
        ("d", ["Contact Created", "Contact Changed"]),
    ]
    # Nothing begins, and the file is gone.
    assert await rows(engine.pool, "select 1 from outbox") == []
    assert await rows(engine.pool, "select 1 from job_chunk") == []
    kept = await refused(client, report)
    assert kept.splitlines()[-1].startswith(",noone@example.com,,,,6,missing,")


async def test_a_dry_run_counts_as_the_import_does_and_changes_nothing(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await make_contact(engine.pool, external_id="b", email="b@example.com")
    text = "id,email,plan\n" + "".join(
        f"{name},{name}@example.com,{plan}\n"
        for name, plan in [("a", "x"), ("a", "x"), ("a", "y"), ("b", ""), ("b", "z"), ("b", "z")]
    )
    wanted = {"created": 1, "updated": 2, "unchanged": 3, "refused": 0}
    dry = await imported(client, text, dry_run=True, rate=2)
    assert {name: dry[name] for name in wanted} == wanted
    assert [each["row"]["outcome"] for each in dry["sample"]] == [
        "created", "unchanged", "updated", "unchanged", "updated", "unchanged",
    ]  # fmt: skip
    assert await rows(engine.pool, "select external_id, attributes from contact") == [("b", {})]
    assert await rows(engine.pool, "select 1 from import_change") == []
    real = await imported(client, text, rate=2)
    assert {name: real[name] for name in wanted} == wanted
    assert real["sample"] == []


async def test_an_import_can_be_undone(engine: Engine, client: httpx.AsyncClient) -> None:
    await make_contact(engine.pool, external_id="old", attributes={"plan": "free", "age": 4})
    await make_contact(engine.pool, external_id="later", attributes={"plan": "free"})
    before = await contact_of(engine.pool, "old")
    text = (
        "id,plan,city,groups\nold,gold,Rome,vip\nlater,gold,Rome,\nnew,gold,Rome,vip\nused,gold,,\n"
    )
    report = await imported(client, text)
    assert (await contact_of(engine.pool, "old"))["attributes"]["plan"] == "gold"
    answer = await client.put("/v1/contacts/later", json={"attributes": {"plan": "silver"}})
    assert answer.status_code == 200, answer.text
    used = await contact_of(engine.pool, "used")
    await engine.event(used["id"], "Order Completed")
    undo = await client.post(f"/v1/jobs/{report['job']['id']}/undo")
    assert undo.status_code == 202, undo.text
    job = await done(client, undo.json()["id"])
    assert job["result"]["removed"] == 1
    assert await contact_of(engine.pool, "old") == before
    assert (await contact_of(engine.pool, "later"))["attributes"] == {"plan": "silver"}
    assert await contact_of(engine.pool, "used")
    async with engine.pool.connection() as conn:
        assert await find_contact(conn, "new") is None
    stays = (await refused(client, {"job": {"id": undo.json()["id"]}})).splitlines()[1:]
    assert sorted(line.split(",")[0:3:2] for line in stays) == [
        ["later", "changed_since"],
        ["used", "has_events"],
    ]
    assert await rows(engine.pool, "select group_key from group_member") == []
    again = await client.post(f"/v1/jobs/{report['job']['id']}/undo")
    assert again.json()["id"] == undo.json()["id"]


async def test_a_job_that_is_cancelled_leaves_no_file(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    text = "id\n" + "".join(f"c{n}\n" for n in range(200))
    report = await begin(client, text, rate=1)
    job = report["job"]["id"]
    stopped = await client.post(f"/v1/jobs/{job}/cancel")
    assert stopped.json()["state"] == "stopped"

    async def gone() -> bool:
        return await rows(engine.pool, "select 1 from job_chunk") == []

    await eventually(gone)


async def test_lines_find_their_contacts_by_address(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await make_contact(engine.pool, external_id="a", email="Ada@Example.com")
    for name in ("b", "c"):
        await make_contact(engine.pool, external_id=name, email="shared@example.com")
    text = (
        "Mail,plan\nada@example.com,x\nshared@example.com,x\nnew@example.com,x\n"
        "new@example.com,y\nwrong,z\n"
    )
    options: dict[str, Any] = {"by": "email", "map": {"Mail": "email"}}
    dry = await imported(client, text, dry_run=True, **options)
    report = await imported(client, text, **options)
    wanted = {"created": 1, "updated": 2, "refused": 2}
    assert {name: report[name] for name in wanted} == wanted
    assert {name: dry[name] for name in wanted} == wanted
    assert {each["code"]: each["lines"] for each in report["reasons"]} == {
        "ambiguous": [3], "invalid_email": [6],
    }  # fmt: skip
    found = await rows(
        engine.pool, "select external_id, email, attributes->>'plan' from contact order by email"
    )
    assert found[0] == ("a", "ada@example.com", "x")
    assert (None, "new@example.com", "y") in found
    only = await imported(client, "id\na\nz\n", mode="only_existing")
    assert [each["code"] for each in only["reasons"]] == ["unknown_contact"]
    only = await imported(client, "id,plan\na,q\nz,q\nz,r\n", mode="only_new", rate=1)
    assert (only["created"], only["updated"], only["refused"]) == (1, 1, 1)


async def test_consents_come_with_their_proof_and_never_against_a_withdrawal(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await engine.activate("topic: news\ndefault: opt_in\n---\ntopic: club\ndefault: double\n")
    left = await make_contact(engine.pool, external_id="left", email="left@example.com")
    await engine.event(left, "Topic Unsubscribed", topic="news")
    text = (
        "id,email,topic,state,at,source,text\n"
        "a,,news,subscribed,2024-01-02T03:04:05Z,form,Yes please\n"
        "a,,club,yes,2024-01-02T03:04:05Z,form,Yes\n"
        "b,,club,confirmed,2024-01-02T03:04:05Z,import,\n"
        "left,,news,subscribed,2024-01-02T03:04:05Z,form,Yes please\n"
        "a,,nothing,subscribed,,,\n"
        "a,,news,perhaps,,,\n"
    )
    await imported(client, "id,email\na,a@example.com\nb,b@example.com\n")
    report = await imported(client, text, what="topics")
    assert (report["consents"], report["refused"], report["left_out"]) == (3, 1, 2)
    codes = {each["code"]: each["lines"] for each in report["reasons"]}
    assert codes == {"withdrawn": [5], "unknown_topic": [6], "invalid_consent": [7]}
    states = await rows(
        engine.pool,
        "select c.external_id, t.topic, t.state from topic_state t"
        " join contact c on c.id = t.contact_id order by 1, 2",
    )
    assert states == [
        ("a", "club", "pending"),
        ("a", "news", "subscribed"),
        ("b", "club", "subscribed"),
        ("left", "news", "unsubscribed"),
    ]
    consents = (await client.get("/v1/contacts/a/consents")).json()["items"]
    news = next(each for each in consents if each["topic"] == "news")
    assert (news["source"], news["text"], news["given_at"], news["address"]) == (
        "form", "Yes please", "2024-01-02T03:04:05Z", "a@example.com",
    )  # fmt: skip
    again = await imported(client, text, what="topics")
    assert again["consents"] == 0
    # A consent that was given after the withdrawal counts.
    later = "id,topic,state,at\nleft,news,subscribed,2999-01-01T00:00:00Z\n"
    assert (await imported(client, later, what="topics"))["consents"] == 1


async def test_past_events_are_seen_by_conditions_and_begin_nothing(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await engine.activate(
        "journey: thanks\nentry: {event: Order Completed}\nsteps: [{id: a, wait: 1d}]\n"
        "---\nsegment: buyers\nif: {event: Order Completed, within: 30d}\n"
    )
    now = datetime.now(UTC)
    recent, old = (now - timedelta(days=3)).isoformat(), "2020-02-03T04:05:06+01:00"
    text = (
        "user_id,event,timestamp,message_id,total:number\n"
        f"a,Order Completed,{recent},m1,12.5\n"
        f"b,Order Completed,{old},m2,3\n"
        f"b,Order Completed,{old},,3\n"
        f"a,Contact Created,{old},,\n"
        f"a,Topic Subscribed,{old},,\n"
        "a,Order Completed,yesterday,,\n"
    )
    report = await imported(client, text, what="events")
    assert (report["events"], report["created"], report["refused"]) == (3, 2, 3)
    codes = {each["code"] for each in report["reasons"]}
    assert codes == {"engine_event", "consent_event", "invalid_time"}
    found = await rows(
        engine.pool,
        "select c.external_id, e.properties, e.occurred_at, e.source from event e"
        " join contact c on c.id = e.contact_id where e.name = 'Order Completed' order by 3, e.id",
    )
    before = datetime(2020, 2, 3, 3, 5, 6, tzinfo=UTC)
    assert found[:2] == [("b", {"total": 3}, before, "operate")] * 2 or found[0][3] == "admin"
    assert found[2][:3] == ("a", {"total": 12.5}, datetime.fromisoformat(recent))
    again = await imported(client, text, what="events")
    assert (again["events"], again["repeated"]) == (0, 3)
    assert await rows(engine.pool, "select 1 from outbox") == []
    assert await rows(engine.pool, "select 1 from run") == []
    members = await rows(
        engine.pool,
        "select c.external_id from segment_member m join contact c on c.id = m.contact_id",
    )
    assert members == [("a",)]
    undo = await client.post(f"/v1/jobs/{report['job']['id']}/undo")
    job = await done(client, undo.json()["id"])
    assert (job["result"]["events"], job["result"]["removed"]) == (3, 2)
    for table in ("contact", "event", "segment_member", "import_line where kind = 'kept'"):
        assert await rows(engine.pool, f"select 1 from {table}") == []


async def test_segments_are_judged_and_journeys_begin_only_if_asked(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await engine.activate(
        "journey: greet\nentry: {event: Contact Created}\nsteps: [{id: a, wait: 1d}]\n"
        "---\nsegment: gold\nif: {attribute: plan, is: gold}\n"
    )
    await imported(client, "id,plan\na,gold\nb,free\n")
    query = "select c.external_id, h.by from segment_change h join contact c on c.id = h.contact_id"
    assert await rows(engine.pool, query) == [("a", "import")]
    assert await rows(engine.pool, "select 1 from run") == []
    await imported(client, "id,plan\nc,free\n", begin_journeys=True)
    contact = (await contact_of(engine.pool, "c"))["id"]
    run = await engine.run_of(contact)
    assert run["journey"] == "greet"
    assert len(await rows(engine.pool, "select 1 from run")) == 1


async def test_a_suppressed_address_that_is_imported_again_gets_nothing(
    engine: Engine, client: httpx.AsyncClient, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        "topic: news\ndefault: opt_out\n---\njourney: letter\nentry: {event: Asked}\n"
        "steps: [{id: mail, email: {subject: Hello, text: Hello, topic: news}}]\n"
    )
    file = (
        "channel,address,reason\nemail,Gone@example.com,complained\nsms,+33612345678,stop\nx,y,\n"
    )
    report = await imported(client, file, what="suppressions")
    assert (report["suppressed"], report["known"], report["refused"]) == (2, 0, 1)
    contact = await make_contact(engine.pool, external_id="gone", email="gone@example.com")
    erased = await client.delete("/v1/contacts/gone")
    assert erased.status_code in (200, 202, 204), erased.text

    async def is_gone() -> bool:
        return await rows(engine.pool, "select 1 from contact where id = %s", contact) == []

    await eventually(is_gone)
    await imported(client, "id,email\nagain,gone@example.com\nother,other@example.com\n")
    for name in ("again", "other"):
        await engine.event((await contact_of(engine.pool, name))["id"], "Asked")
    await smtp_sink.wait_for(1)
    again = await engine.ended((await contact_of(engine.pool, "again"))["id"])
    path = await engine.path(again["id"])
    assert path == [("mail", "skipped")]
    assert [mail.recipients for mail in smtp_sink.messages] == [["other@example.com"]]
    undo = await client.post(f"/v1/jobs/{report['job']['id']}/undo")
    await done(client, undo.json()["id"])
    # STOP stands above all: only the answer START ends it.
    assert await rows(engine.pool, "select channel from suppression") == []


HOSTILE = [
    (b"PK\x03\x04....", "spreadsheet"),
    (b"", "empty"),
    (b"[{}]", "JSON Lines"),
    (b"plan,city\nx,y\n", "external_id of the contacts"),
]


@pytest.mark.parametrize(("content", "wrong"), HOSTILE)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    settings: Settings, pool: Pool, content: bytes, wrong: str
) -> None:
    async with caller(settings, pool) as client:
        answer = await client.post("/v1/contacts/import", content=content)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_import")
        assert wrong in answer.json()["message"]
    assert await rows(pool, "select 1 from job_file") == []


async def test_a_file_has_a_bounded_size(settings: Settings, pool: Pool) -> None:
    small = settings.model_copy(update={"import_limit": 2_000_000})
    packed = gzip.compress(b"id\n" + b"x" * 5_000_000)
    async with caller(small, pool) as client:
        answer = await client.post(
            "/v1/contacts/import", content=packed, headers={"Content-Encoding": "gzip"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "oversize")
        kind = {"Content-Type": "application/json"}
        assert (await client.post("/v1/contacts/import", headers=kind)).status_code == 415
    assert await rows(pool, "select 1 from job_file") == []


async def test_hostile_lines_are_refused_one_by_one(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    lines = [
        b"id,note", b"a,=cmd|' /C calc'!A0", b"b,\x00", b"c,\xff\xfe", b"d,1,2",
        b"e," + b"x" * 300_000, b"f," + b"y" * 70_000, b"\x07,control", "g,finé".encode(),
    ]  # fmt: skip
    report = await imported(client, b"\n".join(lines))
    codes = {each["code"]: each["lines"] for each in report["reasons"]}
    assert codes == {
        "not_storable": [3],
        "wrong_encoding": [4],
        "too_many_cells": [5],
        "too_long": [6],
        "attributes_oversize": [7],
        "invalid_id": [8],
    }
    assert report["created"] == 2
    assert (await contact_of(engine.pool, "a"))["attributes"] == {"note": "=cmd|' /C calc'!A0"}


async def test_two_attempts_at_one_page_count_once(
    settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    content = "id,plan,groups\n" + "".join(f"c{n},gold,all\n" for n in range(3_000)) + ",x,\n"
    async with caller(settings, pool) as client:
        job = UUID((await begin(client, content))["job"]["id"])
        activities = ImportContactsActivities(
            Context(pool=pool, catalog=Catalog(), adapters={}), temporal_client
        )

        async def attempt() -> str:
            while True:
                request = JobInput(job_id=job, subject="")
                page = await ActivityEnvironment().run(activities.page, request)
                if page.state != "running":
                    return page.state

        assert await asyncio.gather(*(attempt() for _ in range(4))) == ["done"] * 4
        report = (await client.get(f"/v1/jobs/{job}/import")).json()
    counts = [report[name] for name in ("created", "updated", "joined", "refused")]
    assert counts == [3_000, 0, 3_000, 1]
    found = await rows(
        pool,
        "select (select count(*) from contact), (select count(*) from event),"
        " (select count(*) from group_member), (select count(*) from import_line)",
    )
    assert found == [(3_000, 9_000, 3_000, 1)]


async def test_what_imports_and_exports_keep_is_removed_in_time(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    report = await imported(client, "id\na\n,\nb,c\n")
    await imported(client, "id,event,timestamp\na,Past,2020-01-01T00:00:00Z\n", what="events")
    await imported(client, "address\nx@example.com\n", what="suppressions")
    await exported(client)
    removed: dict[Kind, int] = {"imports": 0, "exports": 0}
    async with engine.pool.connection() as conn:
        early = datetime(2020, 1, 1, tzinfo=UTC)
        for kind in removed:
            assert (await remove_old_rows(conn, kind, early, 100)).done
        late = datetime.now(UTC) + timedelta(hours=1)
        for kind in removed:
            while not (page := await remove_old_rows(conn, kind, late, 100)).done:
                removed[kind] += page.removed
    assert removed["imports"] == 3
    assert removed["exports"] >= 1
    for table in ("import_change", "import_line", "imported_event", "imported_suppression",
                  "job_file", "job_chunk"):  # fmt: skip
        assert await rows(engine.pool, f"select 1 from {table}") == []
    undo = await client.post(f"/v1/jobs/{report['job']['id']}/undo")
    assert (undo.status_code, undo.json()["code"]) == (409, "wrong_state")
    assert await contact_of(engine.pool, "a")
