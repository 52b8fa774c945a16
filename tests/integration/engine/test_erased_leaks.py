"""After an erasure nothing of the person is left: in tables, Temporal, logs, files or the inbox."""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from temporalio.client import Client

from infra.logging import configure_logging
from infra.settings import Settings
from store.coupons.pools import add_codes, make_pool
from store.operations.api_keys import create_key
from tests.integration.engine.test_erasures import erased
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.logs import log_plainly
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

MARK = "zqxwv"
"""In every text that is known of the person; nothing else has it."""
PERSON = f"{MARK}-person"
EMAIL = f"{MARK}@leaks.example"
PHONE = "+33755519283"
WORDS = [MARK, "755519283"]

JOURNEYS = """
topic: offers
default: opt_out
---
journey: by-mail
entry: {event: Cart Updated, key: cart}
re_entry: never
steps:
  - id: offer
    email:
      subject: "Hello {{ contact.name }}"
      html: "<p>{{ entry.cart }}</p><a href='https://shop.example/?who={{ contact.name }}'>go</a>"
      topic: offers
  - {id: text, sms: {text: "Hello {{ contact.name }}, https://shop.example/{{ entry.cart }}", transactional: true}}
  - {id: crm, webhook: {url: "http://127.0.0.1:9/{{ contact.email }}", body: {who: {attribute: email}}, up_to: 1s}}
  - {id: code, coupon: {pool: spring}}
  - {id: keep, update: {set: {town: {entry: town}}}}
  - {id: club, group: {add: [near]}}
  - {id: quiet, wait: {event: Never, where: {cart: {entry: cart}}, up_to: 30d}}
---
journey: faulty
entry: {event: Fault Wanted}
steps:
  - {id: stop, wait: 1s}
  - {id: over, exit: finished}
"""  # noqa: E501 - as a person would write it

# A fault of ours whose words hold what the person's row holds.
FAULTY = """
create function fail() returns trigger language plpgsql as $$
begin
    if new.step = 'stop' then
        raise exception 'no good: %', (select c::text from contact c limit 1);
    end if;
    return new;
end $$;
create trigger fail before insert on visit for each row execute function fail();
"""


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """The file that the API and the worker of this process log to, as they do in production."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    path = tmp_path / "parcours.log"
    with path.open("w", encoding="utf-8") as stream:
        configure_logging("json", process="all", stream=stream)
        yield path
    structlog.contextvars.clear_contextvars()
    log_plainly()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def engine_settings(engine_settings: Settings, tmp_path: Path) -> Settings:
    """Settings with links, webhooks and a spool."""
    return engine_settings.model_copy(
        update={
            "webhook_secret": SecretStr("a secret of the test"),
            "webhook_allow": (ip_network("127.0.0.0/8"),),
            "public_url": "https://links.example",
            "link_keys": (SecretStr("k" * 32),),
            "spool": tmp_path / "spool",
            "consent_address": "keep",
        }
    )


@pytest.fixture
async def engine(
    engine_settings: Settings, pool: Pool, temporal_client: Client, log_file: Path
) -> AsyncIterator[Engine]:
    """A worker whose logs are in the file."""
    assert log_file.name
    async with engine_at_work(
        engine_settings, pool, temporal_client, reconcile_every=1.0
    ) as engine:
        yield engine


@pytest.fixture
async def admin(engine_settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an API on the engine's database, with a key of scope `admin`."""
    async with engine.pool.connection() as conn:
        key = await create_key(conn, "admin")
    with serving(engine_settings) as url:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            yield client


def found_in(text: str) -> list[str]:
    """The words of the person in a text."""
    low = text.lower()
    return [word for word in WORDS if word in low]


async def tables_with(pool: Pool) -> set[str]:
    """The columns of all tables of the schema that hold one of the person's words.

    What is packed is unpacked.
    """
    found = set()
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select table_schema, table_name, column_name, data_type"
            " from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        )
        for schema, table, column, kind in await cursor.fetchall():
            place = f'"{schema}"."{table}"'
            if kind == "bytea":
                rows = await conn.execute(f'select "{column}" from {place}'.encode())
                texts = [unpacked(bytes(value)) for (value,) in await rows.fetchall() if value]
            else:
                rows = await conn.execute(f'select "{column}"::text from {place}'.encode())
                texts = [value for (value,) in await rows.fetchall() if value]
            if any(found_in(text) for text in texts):
                found.add(f"{table}.{column}")
    return found


def unpacked(data: bytes) -> str:
    """Bytes as a text, with what they hold if they are packed."""
    try:
        data += zlib.decompress(data)
    except zlib.error:
        pass
    return data.decode("utf-8", "replace")


async def temporal_with(client: Client) -> list[str]:
    """The workflows of the namespace that hold one of the person's words, anywhere."""
    found = []
    async for listed in client.list_workflows():
        handle = client.get_workflow_handle(listed.id, run_id=listed.run_id)
        parts = [listed.raw_info, (await handle.describe()).raw_description]
        parts += (await handle.fetch_history()).events
        known = b"".join(part.SerializeToString() for part in parts)
        if found_in(known.decode("utf-8", "replace")):
            found.append(listed.id)
    return found


def files_with(directory: Path) -> list[str]:
    """The files of the test's directory that hold one of the person's words."""
    return [
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and found_in(path.read_bytes().decode("utf-8", "replace"))
    ]


def logged(path: Path) -> set[str]:
    """What the lines of a log are about."""
    return {str(json.loads(line).get("event")) for line in text_of(path).splitlines()}


def text_of(path: Path) -> str:
    """The text of a file."""
    return path.read_text(encoding="utf-8")


async def play(engine: Engine, admin: httpx.AsyncClient, smtp_sink: SmtpSink) -> UUID:
    """Let the person do all there is to do; our id of it."""
    person = {"userId": PERSON, "anonymousId": f"{MARK}-browser"}
    traits = {"name": f"{MARK} Name", "email": EMAIL, "phone": PHONE, "nested": {"a": [MARK]}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("track", {"anonymousId": f"{MARK}-browser", "event": f"{MARK} Seen"}),
        ("identify", {**person, "traits": traits, "messageId": "m-1"}),
        ("group", {"userId": PERSON, "groupId": f"{MARK}-group"}),
        ("page", {**person, "name": MARK, "context": {"ip": "192.0.2.7", "page": {"url": MARK}}}),
        ("track", {**person, "event": "Topic Subscribed",
                   "properties": {"topic": "offers", "text": f"Yes, {MARK}", "ip": "192.0.2.7"}}),
        ("track", {**person, "event": "Cart Updated", "messageId": f"{MARK}-m2",
                   "properties": {"cart": f"{MARK}-cart", "town": MARK}}),
        ("track", {**person, "event": "Cart Updated",
                   "properties": {"cart": f"{MARK}-cart", "town": MARK}}),
    ]  # fmt: skip
    for path, body in calls:
        answer = await admin.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, (path, answer.text)
    # Two calls that are rejected: one of the person, one that only names it.
    for who in ({"userId": PERSON}, {"userId": "someone-else"}):
        wrong = {**who, "event": "", "properties": {"to": EMAIL, "id": PERSON}}
        assert (await admin.post("/v1/track", json=wrong)).status_code == 400
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select id from contact where external_id = %s", (PERSON,))
        row = await cursor.fetchone()
    assert row is not None
    contact: UUID = row[0]
    await engine.standing_at(contact, "quiet")
    # The person clicks, opens, answers, and the mail comes back.
    [mail] = await smtp_sink.wait_for(1)
    html = mail.message.get_body(("html",))
    assert html is not None
    for token in set(re.findall(r"/l/([A-Za-z0-9_-]{42})\?[^\"']*", html.get_content())):
        await admin.get(f"/l/{token}", headers={"User-Agent": MARK})
    message = mail.message["X-Parcours-Message"]
    for name, properties in (
        ("Message Replied", {"text": f"Thanks, {MARK}"}),
        ("Message Delivered", {"detail": f"250 <{EMAIL}> ok"}),
    ):
        answer = await admin.post(
            "/v1/track",
            json={"userId": PERSON, "event": name,
                  "properties": {**properties, "message_id": message}},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    # A step fails with words that hold the whole row.
    async with engine.pool.connection() as conn:
        await conn.execute(FAULTY.encode())
    await admin.post("/v1/track", json={"userId": PERSON, "event": "Fault Wanted"})

    async def has_fault() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select count(*) from fault where position(%s in detail) > 0", (MARK,)
            )
            return await cursor.fetchone() != (0,)

    await eventually(has_fault, 20, what="a fault with the person's words")
    async with engine.pool.connection() as conn:
        await conn.execute("drop trigger fail on visit")
        # Faults of other things, whose words name the person.
        await conn.execute(
            "insert into fault (subject, activity, code, detail) values"
            " ('retention of events', 'x', 'internal', %s)",
            (f"Failing row contains ({EMAIL})",),
        )
    # An operator looks at a template for the person, and starts a journey by an id of their own.
    await admin.post(
        "/v1/journeys/by-mail/runs",
        json={"contact": PERSON, "idempotency_key": f"{MARK}-key",
              "properties": {"cart": f"{MARK}-other"}},
    )  # fmt: skip
    await import_and_export(admin)
    return contact


async def import_and_export(admin: httpx.AsyncClient) -> None:
    """Import a file with the person and with a line that is refused, and export all contacts."""
    table = (
        f"external_id,email,phone,name\n{PERSON},{EMAIL},,{MARK}\n{PERSON},{MARK} is no address,,\n"
    )
    started = await admin.post(
        "/v1/contacts/import",
        params={"name": f"{EMAIL}.csv"},
        content=table.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert started.status_code == 202, started.text
    exporting = await admin.post("/v1/contacts/export", json={"format": "jsonl"})
    assert exporting.status_code == 202, exporting.text
    for job in (started.json()["job"]["id"], exporting.json()["id"]):

        async def done(job: str = job) -> bool:
            return bool((await admin.get(f"/v1/jobs/{job}")).json()["state"] == "done")

        await eventually(done, 30, what="the end of a job")


@pytest.mark.long
async def test_nothing_of_an_erased_person_is_left(
    engine: Engine,
    admin: httpx.AsyncClient,
    smtp_sink: SmtpSink,
    engine_settings: Settings,
    tmp_path: Path,
    log_file: Path,
) -> None:
    await engine.activate(JOURNEYS)
    async with engine.pool.connection() as conn, conn.transaction():
        await make_pool(conn, "spring")
        await add_codes(conn, "spring", ["SPRING-1", "SPRING-2"])
    contact = await play(engine, admin, smtp_sink)

    # The search finds the person where it is known to be.
    before = await tables_with(engine.pool)
    assert before >= {
        "contact.email", "contact.phone", "contact.attributes", "contact.external_id",
        "identity.anonymous_id", "event.properties", "event.name", "run.key", "run.entry",
        "message.address", "kept_content.content", "consent_record.address",
        "consent_record.text", "group_member.group_key", "rejected_item.body", "fault.detail",
        "listener.match", "short_link.target", "job_chunk.data", "import_line.content",
    }  # fmt: skip
    inbox = engine_settings.dev_inbox
    assert inbox is not None
    assert found_in(inbox.read_text())

    answer = await admin.delete(f"/v1/contacts/{PERSON}?suppress=true")
    assert answer.status_code == 204, answer.text
    report = await erased(engine.pool, UUID(answer.headers["Location"].rpartition("/")[2]))
    assert report.suppressed == 2
    assert report.removed["job_file"] >= 1
    # A request for one of its links that comes now is dropped.
    assert await tables_with(engine.pool) <= {
        # Ids of calls are the client's own, and are kept for as long as it may repeat them.
        "receipt.message_id",
    }

    async def out_of_temporal() -> bool:
        listed = [each.id async for each in engine.client.list_workflows()]
        assert [each for each in listed if "by-mail" in each or "faulty" in each] == []
        return True

    # Temporal removes them, and then its list of them, in the background.
    await eventually(out_of_temporal, 60, every=0.2, what="no workflow of the person in Temporal")
    assert await temporal_with(engine.client) == []
    assert files_with(tmp_path) == []
    assert logged(log_file) >= {"request", "message_settled"}
    # The fault was logged, and not its words.
    assert "SQLSTATE P0001" in text_of(log_file)

    # The same person comes back by an import: known again, and nothing is sent.
    sent = len(smtp_sink.messages)
    again = await admin.put(f"/v1/contacts/{PERSON}", json={"email": EMAIL, "phone": PHONE})
    assert again.status_code == 201
    assert again.json()["id"] != str(contact)
    started = await admin.post(
        "/v1/track",
        json={"userId": PERSON, "event": "Cart Updated", "properties": {"cart": "1", "town": "x"}},
    )
    assert started.status_code == 200
    run = await engine.standing_at(UUID(again.json()["id"]), "quiet")
    path = dict(await engine.path(run["id"]))
    assert (path["offer"], path["text"]) == ("skipped", "skipped")
    assert len(smtp_sink.messages) == sent
    assert not inbox.exists() or not found_in(inbox.read_text())


def test_the_search_finds_words_however_they_are_kept() -> None:
    assert found_in(json.dumps({"a": MARK.upper()})) == [MARK]
    assert found_in(unpacked(zlib.compress(f"call {PHONE}".encode()))) == ["755519283"]
    assert found_in("SPRING-1") == []
