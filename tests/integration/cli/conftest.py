"""Servers that commands talk to, and a directory that they run in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.integration.cli.commands import HELLO, NEWS, Api, Parcours, Pool, run, write
from tests.support.api import serving


@pytest.fixture
async def api(settings: Settings, pool: Pool) -> AsyncIterator[Api]:
    """A server with a key that may operate."""
    async with pool.connection() as conn:
        key = await create_key(conn, "operate")
    # The server's log goes where the command prints: here they are one process.
    with capture_logs(), serving(settings) as url:
        yield Api(url, key)


@pytest.fixture
def server(api: Api) -> dict[str, str]:
    """Where the command finds an API, and a key of it."""
    return {"PARCOURS_API_URL": api.url, "PARCOURS_API_KEY": api.key}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def parcours(here: Path, api: Api) -> Parcours:
    """The command, with a stack of its own described in `.parcours/stack.json`."""
    (here / ".parcours").mkdir()
    stack = {"api": api.url, "keys": {"operate": api.key}}
    (here / ".parcours" / "stack.json").write_text(json.dumps(stack))
    return run


@pytest.fixture
def applied(parcours: Parcours, here: Path) -> None:
    """The journey `hello` and its topic are live."""
    write(here / "docs" / "hello.yaml", HELLO)
    write(here / "docs" / "deep" / "news.yml", NEWS)
    result = parcours("journey", "apply", "--yes", "docs")
    assert result.exit_code == 0, result.output
