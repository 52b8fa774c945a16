"""`parcours key`, against a real API and its database."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving


@pytest.fixture
async def server(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[object]]
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API and its database, and a key of it."""
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", "mine")
    with capture_logs(), serving(settings) as url:
        yield {
            "PARCOURS_API_URL": url,
            "PARCOURS_API_KEY": key,
            "DATABASE_URL": settings.database_url,
        }


def run(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["key", *arguments], env={"COLUMNS": "240", **server})


def test_a_key_is_made_with_options_listed_and_revoked(server: dict[str, str]) -> None:
    made = run(
        server, "create", "--scope", "ingest", "--name", "shop", "--source", "web",
        "--origin", "https://a.example", "--origin", "https://b.example:8443",
        "--events-per-minute", "60", "--may-change-addresses", "--expires", "2999-01-01T00:00:00Z",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    items = json.loads(run(server, "list", "--json").stdout)["items"]
    assert [each["name"] for each in items] == ["shop", "mine"]
    shop = items[0]
    assert shop["source"] == "web"
    assert shop["origins"] == ["https://a.example", "https://b.example:8443"]
    assert (shop["events_per_minute"], shop["may_change_addresses"]) == (60, True)
    # One address has a share of its own by a key of pages.
    assert shop["address_events_per_minute"] == 1_000
    assert shop["expires"] == "2999-01-01T00:00:00Z"
    table = run(server, "list").stdout
    assert "expires 2999-01-01" in table
    assert key not in table
    call = {"userId": "u", "event": "E", "writeKey": key}
    address = f"{server['PARCOURS_API_URL']}/v1/track"
    assert httpx.post(address, json=call, trust_env=False).status_code == 200
    revoked = run(server, "revoke", shop["id"])
    assert (revoked.exit_code, revoked.stdout) == (0, f"revoked {shop['id']}\n")
    assert httpx.post(address, json=call, trust_env=False).status_code == 401
    assert "revoked" in run(server, "list").stdout
    again = run(server, "revoke", shop["id"])
    assert again.exit_code == 4
    assert "was revoked before" in again.stderr
    wrong = run(server, "revoke", "nope")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("parcours: key_id: must be a UUID such as ")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--origin", "shop.example", "--origin: must be an origin such as https://shop.example"),
        ("--expires", "2999-01-01", "--expires: '2999-01-01' is not a time such as"),
        ("--events-per-minute", "0", "--events-per-minute: must be "),
        ("--user-hash-secret", "short", "--user-hash-secret: must have at least 16 characters"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(
    server: dict[str, str], option: str, value: str, words: str
) -> None:
    refused = run(server, "create", "--scope", "ingest", option, value)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
