"""The audit log: each change leaves a row, and what was refused or changed nothing leaves none."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.errors import InsufficientPrivilege
from temporalio.client import Client

from api.app import ROUTERS
from api.http.audit import NOT_AUDITED
from journeys.protocol.names import workflow_id_of_test
from store.operations.audit import Actor, record_audit
from store.tables.identifiers import new_id
from tests.integration.api.audited_calls import CALLS, Call
from tests.integration.api.conftest import Keys, Pool, Rows
from tests.support.conditions import eventually

SEND = Call(
    "POST /v1/templates/{key}/send",
    "/v1/templates/note/send",
    "template.send",
    "template:note",
    body={"to": "me@example.com"},
)
SESSIONS = ("POST /v1/session", "DELETE /v1/session")
"""Routes that a page of the console calls alone: see `test_sessions.py`."""
PERSONAL = ("zoraya", "adele", "bob", "example.com", "secret-plan", "0123456789abcdef")
"""What the calls say of people, and a secret."""


class World:
    """A server, and what the calls before have made on it."""

    def __init__(self, admin: httpx.AsyncClient, ingest: httpx.AsyncClient, rows: Rows) -> None:
        self.admin = admin
        self.ingest = ingest
        self.rows = rows
        self.known: dict[str, str] = {}

    async def make(self, call: Call, client: httpx.AsyncClient | None = None) -> httpx.Response:
        """Make a call."""
        method = call.route.partition(" ")[0]
        return await (client or self.admin).request(
            method,
            self.filled(call.path),
            json=call.body,
            content=call.content,
            headers=call.headers,
        )

    def filled(self, text: str) -> str:
        """The text with what was kept."""
        for name, value in self.known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    async def changes(self) -> list[dict[str, Any]]:
        """All that the log has, the oldest first."""
        found = await self.rows("select row_to_json(a) from audit a order by id")
        return [row for (row,) in found]

    async def prepare(self, what: str) -> None:
        """Do what a call needs that no call can do."""
        if what == "import":
            await self.rows(
                "update job set state = 'stopped', ended_at = now() where id = %s returning id",
                UUID(self.known["import"]),
            )
        elif what == "repairing":
            await self.rows(
                "update job set state = 'waiting', key_id = null where id = %s returning id",
                UUID(self.known["repairing"]),
            )
        elif what == "failed":
            await self.prepare("message")
            message = new_id()
            await self.rows(
                "with m as (insert into message (id, run_id, visit, step, contact_id, channel,"
                " state, token) select %s, id, 1, 'quiet', contact_id, 'email', 'refused', ''"
                " from run where id = %s)"
                " update visit set outcome = 'failed', kind = 'email' where run_id = %s"
                " returning visit",
                message, UUID(self.known["message"]), UUID(self.known["message"]),
            )  # fmt: skip
            self.known["failed"] = str(message)
        elif what == "rejected":
            unknown = {"userId": "eve", "event": "Topic Subscribed", "properties": {"topic": "x"}}
            assert (await self.ingest.post("/v1/track", json=unknown)).status_code == 400
            [(item,)] = await self.rows("select id from rejected_item")
            self.known["rejected"] = f"item.{item}"
            saved = await self.admin.put("/v1/topics/x", json={"topic": "x", "default": "opt_in"})
            assert saved.is_success
        elif what in ("dead", "dismissed", "refused"):
            [(event, contact)] = await self.rows(
                "insert into event (contact_id, name, properties, message_id)"
                " select id, 'Seen', '{}', %s from contact where external_id = 'zoraya'"
                " returning id, contact_id",
                what,
            )
            self.known[what] = str(event)
            await self.rows(
                "insert into refusal (journey, contact_id, event_id, code)"
                " values ('hello', %s, %s, 'paused') returning id"
                if what == "refused"
                else "insert into dead_event (contact_id, event_id, code, detail)"
                " values (%s, %s, 'too_big', 'the start') returning event_id",
                contact, event,
            )  # fmt: skip
        else:
            # A run that stands at a wait; the one to be retried at a send.
            kind, held = ("email", "retry") if what == "retried" else ("wait", None)
            run = new_id()
            await self.rows(
                "with r as (insert into run (id, journey, version, contact_id, key, entry_ref,"
                " ref, step, visit, workflow_started_at)"
                " select %s, 'hello', 2, id, %s, 0, 0, 'quiet', 1, now() from contact limit 1)"
                " insert into visit (run_id, visit, step, kind, held, due_at, ref)"
                " values (%s, 1, 'quiet', %s, %s, now() + interval '30 days', 0)"
                " returning run_id",
                run, what, run, kind, held,
            )  # fmt: skip
            self.known[what] = str(run)


@pytest.fixture
async def world(admin: httpx.AsyncClient, ingest: httpx.AsyncClient, rows: Rows) -> World:
    """A server without anything."""
    return World(admin, ingest, rows)


async def test_each_route_that_changes_something_is_called_or_says_why_not(
    stranger: httpx.AsyncClient,
) -> None:
    described = (await stranger.get("/openapi.json")).json()["paths"]
    routes = {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method in operations
        if method not in ("get", "head")
    }
    # Some routes of browsers are not described.
    routes |= {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        for method in getattr(route, "methods", ())
        if method not in ("GET", "HEAD")
    }
    called = {call.route for call in (*CALLS, SEND)} | {*SESSIONS}
    assert called & {*NOT_AUDITED} == set()
    assert routes - called - {*NOT_AUDITED} == set(), "add a call to audited_calls.py"
    assert (called | {*NOT_AUDITED}) - routes == set()
    assert all(reason for reason in NOT_AUDITED.values())


async def test_each_change_leaves_a_row_and_what_changes_nothing_leaves_none(
    world: World, temporal_client: Client, keys: Keys
) -> None:
    [(key_id,)] = await world.rows("select id from api_key where scope = 'admin'")
    for call in CALLS:
        if call.prepare is not None:
            await world.prepare(call.prepare)
        before = await world.changes()
        await _refused(world, call)
        assert await world.changes() == before, f"refused: {call}"
        answer = await world.make(call)
        assert answer.is_success, f"{call}: {answer.text}"
        for name, place in call.keep.items():
            value = answer.json()
            for part in place.split("."):
                value = value[part]
            world.known[name] = value
        known = {row["id"] for row in before}
        made = [row for row in await world.changes() if row["id"] not in known]
        assert [row["action"] for row in made][:1] == [call.action], f"{call}: {made}"
        assert [row["action"] for row in made][1:] == [*call.others]
        for row in made:
            assert (row["actor"], row["key_id"]) == (f"admin {str(key_id)[:8]}", str(key_id))
            assert (row["scope"], row["via"]) == ("admin", "api")
            assert row["request_id"] == answer.headers["X-Request-Id"]
        subject = f"{made[0]['subject_kind']}:{made[0]['subject']}"
        wanted = world.filled(call.subject)
        assert subject.startswith(wanted[:-1]) if wanted.endswith("*") else subject == wanted
        if call.repeated is not None:
            before = await world.changes()
            again = await world.make(call)
            assert again.status_code == call.repeated, f"{call}: {again.text}"
            assert await world.changes() == before, f"again: {call}"
    await _send(world, temporal_client)
    everything = json.dumps(await world.changes())
    assert {word for word in PERSONAL if word in everything} == set()
    assert {row["action"] for row in await world.changes()} >= {
        call.action for call in (*CALLS, SEND)
    }


async def _refused(world: World, call: Call) -> None:
    """Calls that are refused: by a key that may not, and with a field that is not known."""
    answer = await world.make(call, world.ingest)
    assert answer.status_code == 403, f"{call}: {answer.text}"
    if isinstance(call.body, dict):
        answer = await world.make(replace(call, body={**call.body, "nonsense": 1}))
        assert answer.status_code == 422, f"{call}: {answer.text}"
    through = {**call.headers, "Parcours-Via": "engine"}
    answer = await world.make(replace(call, headers=through))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_via"), call


async def _send(world: World, temporal: Client) -> None:
    """A test message is in the log before it is sent; its workflow finds no worker here."""
    sending = asyncio.create_task(world.make(SEND))

    async def recorded() -> dict[str, Any] | None:
        return next((r for r in await world.changes() if r["action"] == SEND.action), None)

    row = await eventually(recorded)
    assert row is not None
    message = UUID(row["after"]["message"])

    async def ended() -> bool:
        try:
            await temporal.get_workflow_handle(workflow_id_of_test(message)).terminate()
        except Exception:
            return False
        return True

    await eventually(ended)
    assert (await sending).status_code == 200


# ----------------------------------------------------------------------------- reading the log


@pytest.fixture
async def four_changes(pool: Pool) -> list[str]:
    """Changes by two keys and by the engine; their sentences, the newest first."""
    kim = Actor("kim", "cli", new_id(), "operate", "request-1")
    lee = Actor("=lee()", "console", new_id(), "edit", "request-2")
    engine = Actor("engine", "engine")
    async with pool.connection() as conn:
        await record_audit(
            conn, kim, "journey.activate", "journey:hello",
            before={"version": 1, "state": "draft"}, after={"version": 2, "state": "active"},
        )  # fmt: skip
        await record_audit(conn, lee, "template.save", "template:note", after={"version": 1})
        await record_audit(
            conn, kim, "run.skip", "run:r-1", before={"step": "quiet"}, reason="it hangs",
            journey="hello",
        )  # fmt: skip
        await record_audit(conn, engine, "channel.freeze", "channel:email", reason="bounces")
    return [
        "froze the marketing of email",
        "skipped a step of run r-1: step quiet",
        "saved template note: version 1",
        "activated journey hello: version 1 → 2, state draft → active",
    ]


async def test_the_log_is_read_page_by_page_and_filtered(
    api_url: str, keys: Keys, admin: httpx.AsyncClient, four_changes: list[str]
) -> None:
    headers = {"Authorization": f"Bearer {keys.read}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=60) as reader:

        async def found(**parameters: Any) -> list[str]:
            answer = await reader.get("/v1/audit", params=parameters)
            assert answer.status_code == 200, answer.text
            return [each["sentence"] for each in answer.json()["items"]]

        _, skipped, saved, activated = four_changes
        assert (await found())[:4] == four_changes
        paged: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await reader.get("/v1/audit", params={"limit": 1, "cursor": cursor})).json()
            paged += [each["sentence"] for each in page["items"]]
            cursor = page["next"]
        assert paged[:4] == four_changes
        assert len(paged) == len(await found())
        assert await found(journey="hello") == [skipped, activated]
        assert await found(actor="kim") == [skipped, activated]
        assert await found(action="template.save") == [saved]
        assert await found(action="journey") == [activated]
        assert await found(subject="template:note") == [saved]
        assert await found(subject="run") == [skipped]
        assert await found(actor="kim", journey="hello", action="run.skip") == [skipped]
        assert await found(actor="max") == []
        first = (await reader.get("/v1/audit", params={"action": "journey"})).json()["items"][0]
        assert await found(actor=first["key"]) == [skipped, activated]
        assert (first["via"], first["scope"], first["request_id"]) == (
            "cli", "operate", "request-1",
        )  # fmt: skip
        assert await found(**{"from": first["at"]}) == four_changes
        assert activated not in await found(to=first["at"])
        for parameters, code in (
            ({"action": "journey.fly"}, "unknown_action"),
            ({"subject": "ship:a"}, "unknown_subject"),
            ({"cursor": "nonsense"}, "invalid_cursor"),
            ({"cursor": f"{10**18}.1"}, "invalid_cursor"),
            ({"who": "kim"}, "unknown_parameter"),
        ):
            answer = await reader.get("/v1/audit", params=parameters)
            assert (answer.status_code // 100, answer.json()["code"]) == (4, code)
    for scope in (keys.ingest, keys.edit):
        answer = await admin.get("/v1/audit", headers={"Authorization": f"Bearer {scope}"})
        assert answer.status_code == 403


async def test_the_log_is_exported_as_a_whole(
    admin: httpx.AsyncClient, four_changes: list[str]
) -> None:
    lines = (await admin.get("/v1/audit/export", params={"format": "jsonl"})).text.splitlines()
    items = (await admin.get("/v1/audit")).json()["items"]
    assert [json.loads(line) for line in lines] == items
    text = (await admin.get("/v1/audit/export", params={"journey": "hello"})).text
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["sentence"] for row in rows] == [four_changes[1], four_changes[3]]
    assert json.loads(rows[1]["after"]) == {"version": 2, "state": "active"}
    saved = (await admin.get("/v1/audit/export", params={"action": "template"})).text
    assert next(csv.DictReader(io.StringIO(saved)))["actor"] == "'=lee()"


async def test_a_row_is_neither_changed_nor_deleted(pool: Pool, four_changes: list[str]) -> None:
    allow = "with a as materialized (select set_config('parcours.audit', '{}', true)) "
    as_erasure, as_merge = allow.format("erasure"), allow.format("merge")
    for statement in (
        "update audit set actor = 'someone else'",
        "update audit set after = null",
        "delete from audit",
        "truncate audit",
        # What an erasure and a merge may do is narrow.
        f"{as_erasure} update audit set subject = 'x' from a",
        f"{as_erasure} update audit set reason = 'another reason' from a",
        f"{as_merge} update audit set reason = '(erased)' from a",
        f"{as_merge} delete from audit using a",
    ):
        with pytest.raises(InsufficientPrivilege, match="only grows"):
            async with pool.connection() as conn, conn.transaction():
                await conn.execute(statement.encode())


async def test_long_values_are_cut(pool: Pool, rows: Rows) -> None:
    actor = Actor("kim", "command")
    async with pool.connection() as conn:
        await record_audit(
            conn, actor, "group.add", "group:a",
            after={"names": [*range(1_000)], "text": "x" * 10_000, "nul": "a\0b"},
            reason="y" * 10_000,
        )  # fmt: skip
        await record_audit(
            conn, actor, "group.add", "group:b", after={f"n{n}": "z" * 150 for n in range(100)}
        )
    [(first, reason), (second, _)] = await rows(
        "select after, reason from audit where action = 'group.add' order by id"
    )
    assert first["names"] == [*range(50), "and 950 more"]
    assert first["text"] == f"{'x' * 199}…"
    assert first["nul"] == "ab"
    assert len(reason) == 500
    assert second["cut"] is True
    async with pool.connection() as conn:
        with pytest.raises(ValueError, match="changes a group"):
            await record_audit(conn, actor, "group.add", "segment:a")
