"""Exports: what they hold, and that an import of them gives the same again."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from infra.settings import Settings
from tests.support.crowds import Pool
from tests.support.engine import Engine, make_contact
from tests.support.imports import caller, exported, imported

TOPICS = "topic: news\ndefault: opt_in\n---\ntopic: club\ndefault: double\n"
CONTACTS: list[dict[str, Any]] = [
    {"external_id": "1", "email": "ada@example.com", "phone": "+33612345678", "score": 4.5},
    {
        "external_id": "a,b;\"c'",
        "timezone": "Europe/Paris",
        "locale": "fr-FR",
        "country": "FR",
        "lifecycle": "lead",
        "restricted": True,
        "attributes": {
            "first_name": 'Zoé\n"Z"',
            "visits": 3,
            "vip": True,
            "tags": ["a", {"b": None}],
            "mixed": "007",
            "empty": "",
            "Email": "not the field",
            "x:number": "a text",
            "groups": "an attribute",
            "=cmd()": "=1+1",
        },
    },
    {"external_id": "3", "attributes": {"mixed": 7, "visits": 2.5, "vip": False}},
    {"external_id": None, "email": "anonymous@example.com", "attributes": {"empty": "full"}},
]


@pytest.fixture
async def client(engine_settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(engine_settings, pool) as client:
        yield client


async def people(pool: Pool) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select coalesce(external_id, 'none'), id = %s, email, phone, timezone, locale,"
            " country, score, lifecycle, attributes, derived,"
            " restricted, array(select group_key from group_member m where m.contact_id = c.id"
            " order by 1),"
            " array(select (topic, state)::text from topic_state t where t.contact_id = c.id"
            " order by 1), array(select (topic, state, source, text, address, channel,"
            " coalesce(given_at, recorded_at))::text from consent_record r"
            " where r.contact_id = c.id and text is not null order by 1)"
            " from contact c order by 1",
            ("00000000-0000-0000-0000-000000000000",),
        )
        return await cursor.fetchall()


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
async def test_what_was_exported_is_the_same_once_it_is_imported(
    engine: Engine, client: httpx.AsyncClient, format_: str
) -> None:
    await engine.activate(TOPICS)
    for contact in CONTACTS:
        await make_contact(engine.pool, **contact)
    # Worked out from a phone number, and from the context of a call.
    await imported(client, "id,phone\n1,+4915112345678\n")
    traits = {"userId": "3", "context": {"timezone": "Asia/Tokyo", "locale": "ja"}}
    assert (await client.post("/v1/identify", json=traits)).status_code == 200
    kind = "text/csv" if format_ == "csv" else "application/x-ndjson"
    await imported(client, 'id,group\n1,vip\n1,"a, b"\n3,vip\n', what="groups")
    proof = "id,topic,state,at,source,text\n"
    proof += "1,news,subscribed,2024-01-02T03:04:05Z,form,Yes\n"
    proof += "1,club,confirmed,2024-01-02T03:04:05Z,form,Yes\n3,news,unsubscribed,,form,No\n"
    await imported(client, proof, what="topics")
    files = {
        what: await exported(client, what=what, format=format_)
        for what in ("contacts", "groups", "topics")
    }
    before = await people(engine.pool)
    async with engine.pool.connection() as conn:
        await conn.execute("delete from contact")
        await conn.execute("delete from event")
    for what, text in files.items():
        report = await imported(client, text, kind=kind, what=what)
        assert (report["refused"], report["left_out"]) == (0, 0), report["reasons"]
    after = await people(engine.pool)
    assert after == before
    # The same again changes nothing.
    report = await imported(client, files["contacts"], kind=kind)
    assert (report["unchanged"], report["created"], report["updated"]) == (len(CONTACTS), 0, 0)


async def test_an_export_may_be_of_a_group_a_segment_or_a_condition(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await engine.activate("segment: gold\nif: {attribute: plan, is: gold}\n")
    await imported(client, "id,plan,groups\na,gold,vip\nb,free,vip\nc,gold,\n")

    async def ids(**filters: Any) -> list[str]:
        text = await exported(client, format="jsonl", **filters)
        return sorted(orjson.loads(line)["external_id"] for line in text.splitlines())

    assert await ids() == ["a", "b", "c"]
    assert await ids(group="vip") == ["a", "b"]
    assert await ids(segment="gold") == ["a", "c"]
    assert await ids(**{"if": {"attribute": "plan", "is_not": "gold"}}) == ["b"]
    assert await ids(**{"if": {"segment": "gold"}}) == ["a", "c"]
    for body, wrong in [
        ({"if": {"attribute": "x"}}, "if:"),
        ({"if": {"segment": "none"}}, "if:"),
        ({"group": "a", "segment": "gold"}, "give one of them"),
        ({"what": "suppressions", "group": "a"}, "belong to no contact"),
    ]:
        answer = await client.post("/v1/contacts/export", json=body)
        assert answer.status_code == 422, answer.text
        assert wrong in answer.json()["message"]


async def test_a_segment_that_is_not_there_has_no_members_to_export(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/contacts/export", json={"segment": "none"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_segment")


async def test_events_and_suppressions_are_exported(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    a = await make_contact(engine.pool, external_id="a")
    b = await make_contact(engine.pool, external_id="b")
    for n in range(3):
        await engine.event(a, "Order Completed", total=n)
    await engine.event(b, "Order Completed", total=9)
    text = await exported(client, what="events")
    read = list(csv.DictReader(io.StringIO(text)))
    found = [(each["external_id"], orjson.loads(each["properties:json"])["total"]) for each in read]
    assert sorted(found) == [("a", 0), ("a", 1), ("a", 2), ("b", 9)]
    # All are known by their message ids.
    report = await imported(client, text, what="events", source="engine-test")
    assert report["events"] == 4
    again = await imported(client, text, what="events", source="engine-test")
    assert (again["events"], again["repeated"]) == (0, 4)
    file = "channel,address,reason\nemail,gone@example.com,complained\n"
    await imported(client, file, what="suppressions")
    hashes = await exported(client, what="suppressions")
    assert "gone" not in hashes
    report = await imported(client, hashes, what="suppressions")
    assert (report["suppressed"], report["known"]) == (0, 1)


async def test_a_file_for_spreadsheets_holds_no_formula(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    values = ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\tx", "+33612345678", "-4.5", "plain"]
    lines = "".join(f'{{"external_id": "{n}", "note": {orjson.dumps(value).decode()}}}\n'
                    for n, value in enumerate(values))  # fmt: skip
    await imported(client, lines, kind="application/x-ndjson")
    text = await exported(client, spreadsheet=True)
    notes = [row["note"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert sorted(notes) == sorted(
        ["'=1+1", "'+cmd|x", "'-2+3", "'@SUM(A1)", "'\tx", "+33612345678", "-4.5", "plain"]
    )
