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
    done = parcours(server, "contact", "merge", "eda", "ada", "--reason", "one person")
    assert done.stdout == "ada has everything of both from now on\n"
    again = parcours(server, "contact", "merge", "eda", "ada")
    assert again.stdout == "eda and ada are one contact already: ada\n"
    unknown = parcours(server, "contact", "merge", "ada", "bob")
    assert (unknown.exit_code, "bob" in unknown.stderr) == (3, True)
