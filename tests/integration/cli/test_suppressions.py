"""`parcours suppression` and `parcours contact consents`, against a real API."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.events.recording import NewEvent, record_events
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.engine import activate, make_contact


@pytest.fixture
async def server(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[Any]]
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API, and a key of it."""
    await activate(pool, "topic: offers\ndefault: opt_in\n")
    contact = await make_contact(pool, external_id="ada", email="ada@example.com")
    properties = {"topic": "offers", "source": "form", "text": "Yes, please"}
    subscribed = NewEvent("Topic Subscribed", properties, source="operate")
    async with pool.connection() as conn, conn.transaction():
        await record_events(conn, contact, [subscribed])
        key = await create_key(conn, "admin")
    with capture_logs(), serving(settings) as url:
        yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}


def parcours(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "240", **server})


def test_addresses_are_added_listed_and_removed(server: dict[str, str]) -> None:
    added = parcours(server, "suppression", "add", "ada@example.com", "--reason", "asked")
    assert added.stdout == "ada@example.com: suppressed on email (asked)\n"
    again = parcours(server, "suppression", "add", "ada@example.com")
    assert again.stdout == "ada@example.com: was suppressed before on email (asked)\n"
    listed = parcours(server, "suppression", "list", "--json").stdout
    assert [each["reason"] for each in json.loads(listed)["items"]] == ["asked"]
    assert "asked" in parcours(server, "suppression", "list").stdout
    removed = parcours(server, "suppression", "remove", "ada@example.com")
    assert removed.stdout == "ada@example.com: no longer suppressed on email\n"
    assert parcours(server, "suppression", "remove", "ada@example.com").exit_code == 3
    parcours(server, "suppression", "add", "+33612345678", "--reason", "stop")
    assert parcours(server, "suppression", "remove", "+33612345678").exit_code == 4


def test_a_long_file_is_sent_in_parts_and_exported_again(
    server: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    lines = [f"u{n}@example.com\n" for n in range(6_000)]
    lines[5_500] = "no-address\n"
    file.write_text("address\n" + "".join(lines))
    sent = parcours(server, "suppression", "import", str(file))
    assert (sent.exit_code, sent.stdout) == (1, "5999 addresses suppressed, 0 were before\n")
    # The wrong one is on this line of the whole file.
    assert f"{file}:5502: " in sent.stderr
    exported = parcours(server, "suppression", "export").stdout
    assert len(list(csv.DictReader(io.StringIO(exported)))) == 5_999
    shown = parcours(server, "suppression", "export", "--addresses").stdout
    assert shown == "channel,address,reason,suppressed_at,contact\n"
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert parcours(server, "suppression", "import", str(empty)).exit_code == 1


def test_the_consents_of_a_contact_are_listed(server: dict[str, str]) -> None:
    page = json.loads(parcours(server, "contact", "consents", "ada", "--json").stdout)
    [item] = page["items"]
    assert (item["topic"], item["channel"], item["address"], item["state"]) == (
        "offers", "email", "ada@example.com", "subscribed",
    )  # fmt: skip
    assert (item["source"], item["text"], item["previous"]) == ("form", "Yes, please", None)
    assert "Yes, please" in parcours(server, "contact", "consents", "ada").stdout
    assert parcours(server, "contact", "consents", "stranger").exit_code == 3
