"""`parcours segment`, against a real API."""

import csv
import io
import json
import re
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
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.segments import SegmentsAtWork

HERE = "segment: here\nif: {attribute: country, is: FR}\n"


@pytest.fixture
async def server(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[Any]]
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API with a segment of three contacts, and a key of it."""
    work = SegmentsAtWork(pool)
    for name in ("ada", "bob", "eve", "zoe"):
        country = "BE" if name == "zoe" else "FR"
        await work.contact(external_id=name, email=f"{name}@example.com", country=country)
    await work.dispatch()
    await work.save_filled(HERE)
    async with pool.connection() as conn:
        key = await create_key(conn, "operate")
    with capture_logs(), serving(settings) as url:
        yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}


def parcours(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["segment", *arguments], env={"COLUMNS": "240", **server})


def test_segments_are_listed_and_shown(server: dict[str, str]) -> None:
    assert re.search(r"\bhere\W+ready\W+3\b", parcours(server, "list").stdout)
    assert json.loads(parcours(server, "list", "--json").stdout)["items"][0]["members"] == 3
    shown = parcours(server, "show", "here").stdout
    assert "country" in shown
    assert shown.endswith(HERE)
    assert json.loads(parcours(server, "show", "here", "--json").stdout)["state"] == "ready"
    assert parcours(server, "show", "nowhere").exit_code == 3


def test_members_and_changes_are_listed_and_exported(server: dict[str, str]) -> None:
    members = parcours(server, "members", "here", "--limit", "2").stdout
    assert members.endswith("the first 2: there are more\n")
    changes = parcours(server, "changes", "here").stdout
    assert sorted(re.findall(r"(\w+)\W+entered\W+fill", changes)) == ["ada", "bob", "eve"]
    exported = parcours(server, "export", "here").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert sorted(row["email"] for row in rows) == [
        "ada@example.com", "bob@example.com", "eve@example.com",
    ]  # fmt: skip
    lines = parcours(server, "export", "here", "--jsonl").stdout.splitlines()
    assert sorted(json.loads(line)["contact"] for line in lines) == ["ada", "bob", "eve"]


def test_a_file_is_previewed(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "segment.yaml"
    file.write_text("segment: others\nif: {not: {segment: here}}\n")
    found = parcours(server, "preview", str(file))
    assert found.stdout.splitlines()[0] == "1 contact"
    assert "zoe@example.com" in found.stdout
    file.write_text("segment: others\nif: {segment: nowhere}\n")
    assert parcours(server, "preview", str(file)).exit_code == 1
    assert parcours(server, "preview", str(tmp_path / "none.yaml")).exit_code == 1


def test_a_segment_is_filled_once_more(server: dict[str, str]) -> None:
    assert parcours(server, "fill", "here").stdout.startswith("here is filled by the job ")
    assert "filling" in parcours(server, "list").stdout
