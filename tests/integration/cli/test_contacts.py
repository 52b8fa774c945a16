"""`parcours contact`, against a real API."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.engine import make_contact


@pytest.fixture
async def server(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[Any]]
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API, and a key of it."""
    await make_contact(pool, external_id="ada", email="ada@example.com")
    await make_contact(pool, external_id="eda", email="ADA@example.com", phone="+33612345678")
    async with pool.connection() as conn, conn.transaction():
        key = await create_key(conn, "operate")
    with capture_logs(), serving(settings) as url:
        yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}


def parcours(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "240", **server})


def test_a_contact_is_restricted_and_unrestricted(server: dict[str, str]) -> None:
    done = parcours(server, "contact", "restrict", "ada", "--reason", "asked by letter")
    assert done.stdout == "ada: restricted\n"
    answer = parcours(server, "contact", "unrestrict", "ada", "--reason", "mended", "--json")
    assert json.loads(answer.stdout)["restricted"] is False
    unknown = parcours(server, "contact", "restrict", "bob", "--reason", "asked")
    assert unknown.exit_code == 3


def test_two_contacts_are_merged(server: dict[str, str]) -> None:
    dry = parcours(server, "contact", "merge", "eda", "ada", "--dry-run")
    assert dry.stdout == "ada would have everything of both from now on\n"
    done = parcours(server, "contact", "merge", "eda", "ada", "--reason", "one person")
    assert done.stdout == "ada has everything of both from now on\n"
    again = parcours(server, "contact", "merge", "eda", "ada")
    assert again.stdout == "eda and ada are one contact already: ada\n"
    unknown = parcours(server, "contact", "merge", "ada", "bob")
    assert (unknown.exit_code, "bob" in unknown.stderr) == (3, True)


def test_contacts_are_shown_and_listed(server: dict[str, str]) -> None:
    shown = parcours(server, "contact", "show", "+33 6 12 34 56 78", "--json")
    assert json.loads(shown.stdout)["external_id"] == "eda"
    shown = parcours(server, "contact", "show", "ada")
    assert "ada@example.com" in shown.stdout
    assert "1 more contacts have this e-mail address" in shown.stdout
    both = parcours(server, "contact", "show", "ada@example.com")
    assert "2 contacts have ada@example.com: show one by its id" in both.stdout
    unclear = parcours(server, "contact", "restrict", "ada@example.com", "--reason", "asked")
    assert unclear.exit_code == 1
    assert {"ada", "eda"} <= {*unclear.stderr.replace(",", " ").split()}
    assert parcours(server, "contact", "show", "eve@example.com").exit_code == 3
    listed = parcours(server, "contact", "list", "--q", "e", "--json")
    assert [each["external_id"] for each in json.loads(listed.stdout)["items"]] == ["eda"]
    page = parcours(server, "contact", "list", "--limit", "1")
    assert "There are more: --cursor " in page.stdout
