"""Imports by the API: lines become contacts, their groups, consents, suppressions and events."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.settings import Settings
from store.contacts.rows import find_contact, read_contact
from tests.support.crowds import Pool
from tests.support.engine import Engine, make_contact
from tests.support.imports import begin, caller, done, imported, refused


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
    csv = await refused(client, report)
    assert csv.splitlines()[-1].startswith(",noone@example.com,,,,6,missing,")


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


async def test_a_job_that_is_paused_and_cancelled_leaves_no_file(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    text = "id\n" + "".join(f"c{n}\n" for n in range(200))
    report = await begin(client, text, rate=1)
    job = report["job"]["id"]
    stopped = await client.post(f"/v1/jobs/{job}/cancel")
    assert stopped.json()["state"] == "stopped"
