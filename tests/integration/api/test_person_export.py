"""The export of everything that is held about a person is complete, readable and harmless."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Boolean, Date, DateTime, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

from store.messages.kept_contents import pack_content
from store.reports.person_export import HOLD_NOTHING, SECTIONS
from tests.integration.api.conftest import Pool, Rows

REFERRING = {
    "contact_id", "run_id", "message_id", "event_id", "reference", "external_id", "anonymous_id",
    "address", "address_hash", "email", "phone", "recipient",
}  # fmt: skip
"""Columns by which a row is about a person, directly or by what it refers to."""
NOT_OF_PERSONS = {
    "text_answer": "an answer to a number that leaves within seconds",
    "imported_suppression": "which job has added a suppression; that is exported",
}
CONTACT = UUID("0188a000-0000-7000-8000-000000000001")
RUN, MESSAGE, EVENT = uuid4(), uuid4(), 71
FIXED: dict[str, Any] = {
    "contact.id": CONTACT, "run.id": RUN, "message.id": MESSAGE, "event.id": EVENT,
    "contact.external_id": "ada", "contact.email": "ada@x.example", "contact.phone": "+33612345678",
    "message.visit": 1,     "rejected_item.reference": "ada", "import_line.reference": "ada",
    "kept_content.content": pack_content({"subject": "Marker in a subject"}),
}  # fmt: skip

NO_CHECKS = """
do $$ declare each record; begin
    for each in select conrelid::regclass as place, conname from pg_constraint
                where contype = 'c' and conrelid <> 0 loop
        execute format('alter table %s drop constraint %I', each.place, each.conname);
    end loop;
end $$
"""


def value_of(table: str, column: Any) -> Any:
    """A value of a column: its own name as far as its type allows, or what it refers to."""
    given = FIXED.get(f"{table}.{column.name}")
    if given is not None:
        return given
    for name, target in (
        ("contact_id", CONTACT), ("run_id", RUN), ("message_id", MESSAGE), ("event_id", EVENT),
    ):  # fmt: skip
        if column.name == name and not isinstance(column.type, Text):
            return target
    if isinstance(column.type, JSONB):
        return Jsonb({"marker": f"{table}.{column.name}"})
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, Uuid):
        return uuid4()
    if isinstance(column.type, LargeBinary):
        return b"x"
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Text):
        return f"{table}.{column.name}"
    return "2026-01-02T03:04:05Z" if isinstance(column.type, Date | DateTime) else 1


@pytest.fixture
async def filled(pool: Pool) -> list[str]:
    """A row about one person in every table that is exported; these tables."""
    exported = {section.table for section in SECTIONS}
    found = []
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("set local session_replication_role = replica")
        await conn.execute(NO_CHECKS.encode())
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in exported:
                continue
            columns = [each for each in table.columns if each.computed is None]
            names = ", ".join(f'"{each.name}"' for each in columns)
            places = ", ".join("%s" for _ in columns)
            values: list[Any] = [value_of(table.name, each) for each in columns]
            if table.name == "start_request":
                values[[each.name for each in columns].index("answer")] = Jsonb({"id": str(RUN)})
            await conn.execute(
                f'insert into "{table.name}" ({names}) values ({places})'.encode(), values
            )
            found.append(table.name)
        await conn.execute(
            "update suppression set channel = 'email', address_hash ="
            " (parcours.suppression_hashes(encode(sha256('ada@x.example'), 'hex')))[1]"
        )
    return found


def test_every_table_about_persons_is_exported_or_says_why_not() -> None:
    exported = {section.table for section in SECTIONS}
    open_ = [
        table.name
        for table in SQLModel.metadata.sorted_tables
        if REFERRING & {*table.columns.keys()}
        and table.name not in {*exported, *HOLD_NOTHING, *NOT_OF_PERSONS}
    ]
    assert open_ == []
    known = {table.name for table in SQLModel.metadata.sorted_tables}
    assert {*exported, *HOLD_NOTHING, *NOT_OF_PERSONS} <= known
    assert not exported & HOLD_NOTHING.keys()


async def test_an_export_has_a_row_of_every_table(
    admin: httpx.AsyncClient, filled: list[str], rows: Rows
) -> None:
    answer = await admin.get("/v1/contacts/ada/export")
    assert answer.headers["Content-Type"] == "application/json"
    export = answer.json()
    assert export["contact"] == "ada"
    assert {table for table in filled if len(export["data"].get(table, [])) != 1} == set()
    assert export["data"].keys() == {*filled}
    assert export["data"]["kept_content"][0]["content"] == {"subject": "Marker in a subject"}
    assert export["data"]["event"][0]["properties"] == {"marker": "event.properties"}
    # Another contact has nothing of it.
    await admin.put("/v1/contacts/eve", json={"email": "eve@x.example"})
    other = (await admin.get("/v1/contacts/eve/export")).json()
    assert other["data"].keys() == {"contact", "event"}
    assert await rows("select count(*) from contact") == [(2,)]


async def test_the_preview_of_an_erasure_counts_the_rows_of_every_table(
    admin: httpx.AsyncClient, operate: httpx.AsyncClient, filled: list[str], rows: Rows
) -> None:
    answer = await admin.get("/v1/contacts/ada/erasure")
    assert answer.json() == {"contact": "ada", "rows": dict.fromkeys(filled, 1), "more": []}
    assert await rows("select count(*) from contact") == [(1,)]
    assert (await operate.get("/v1/contacts/ada/erasure")).status_code == 403
    assert (await admin.get("/v1/contacts/eve/erasure")).status_code == 404


async def test_the_preview_of_an_erasure_counts_up_to_a_bound(
    admin: httpx.AsyncClient, pool: Pool
) -> None:
    await admin.put("/v1/contacts/ada", json={})
    async with pool.connection() as conn:
        await conn.execute(
            "insert into event (contact_id, name, properties, source, message_id)"
            " select c.id, 'Looked', '{}', 'ingest', n::text"
            " from contact c, generate_series(1, 10000) n"
        )
    preview = (await admin.get("/v1/contacts/ada/erasure")).json()
    assert (preview["rows"]["event"], preview["more"]) == (10_000, ["event"])


class Page(HTMLParser):
    """The tags and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


async def test_the_page_is_readable_and_runs_and_loads_nothing(
    admin: httpx.AsyncClient, filled: list[str]
) -> None:
    await admin.put(
        "/v1/contacts/ada",
        json={"attributes": {"note": "<script>alert(1)</script>", "pets": ["a"]}},
    )
    by_type = await admin.get("/v1/contacts/ada/export", headers={"Accept": "text/html"})
    answer = await admin.get("/v1/contacts/ada/export", params={"format": "html"})
    assert by_type.headers["Content-Type"] == answer.headers["Content-Type"]
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    page = Page(answer.text)
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "section", "dl",
        "dt", "dd",
    }  # fmt: skip
    assert not {name for _, attributes in page.tags for name in attributes} & {
        "src", "href", "style", "onclick", "srcset", "background",
    }  # fmt: skip
    words = "\n".join(page.words)
    titles = [each.title for each in SECTIONS if each.table in filled]
    assert [title for title in titles if title not in words] == []
    for expected in (
        "<script>alert(1)</script>", "Marker in a subject", "E-mail address", "ada@x.example",
        "marker: event.properties",
    ):  # fmt: skip
        assert expected in words


async def test_an_export_needs_an_admin_and_a_contact(
    admin: httpx.AsyncClient, operate: httpx.AsyncClient
) -> None:
    assert (await operate.get("/v1/contacts/ada/export")).status_code == 403
    assert (await admin.get("/v1/contacts/ada/export")).status_code == 404
    assert (await admin.get("/v1/contacts/ada/export?format=xml")).status_code == 422


async def test_a_large_export_is_sent_while_it_is_read(
    admin: httpx.AsyncClient, rows: Rows
) -> None:
    await admin.put("/v1/contacts/large", json={})
    await rows(
        "insert into event (contact_id, name, properties, message_id)"
        " select id, 'E', jsonb_build_object('n', n), n::text"
        " from contact cross join generate_series(1, 5000) n returning 1"
    )
    export = (await admin.get("/v1/contacts/large/export")).json()
    found = [each["properties"]["n"] for each in export["data"]["event"] if each["name"] == "E"]
    assert found == list(range(1, 5_001))
