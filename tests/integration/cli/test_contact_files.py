"""`parcours contact import` and `export`, against a real API and a worker."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from temporalio.client import Client
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.crowds import Pool
from tests.support.engine import engine_at_work, make_contact


@pytest.fixture
async def server(
    settings: Settings, pool: Pool, temporal_client: Client
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API, and a key of it; a worker does its jobs."""
    async with pool.connection() as conn:
        key = await create_key(conn, "admin")
    with capture_logs(), serving(settings) as url:
        async with engine_at_work(settings, pool, temporal_client, reconcile_every=1.0):
            yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}


async def parcours(server: dict[str, str], *arguments: str) -> Result:
    environment = {"COLUMNS": "200", **server}
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)


async def test_a_file_is_shown_imported_and_taken_back(
    server: dict[str, str], pool: Pool, tmp_path: Path
) -> None:
    await make_contact(pool, external_id="old", attributes={"plan": "free"})
    file = tmp_path / "people.csv"
    file.write_text("EMAIL;EXT_ID;PLAN;Visits\na@example.com;a;gold;3\n;old;gold;x\nb@b.b;;x;1\n")
    mapping = ("--map", "PLAN=plan", "--map", "Visits=visits:number", "--preset", "brevo")
    shown = await parcours(server, "contact", "import", str(file), *mapping, "--dry-run")
    assert shown.exit_code == 1
    assert "The preset brevo is unverified" in shown.stdout
    assert "csv utf-8, semicolon between columns" in shown.stdout
    assert "line 2: outcome=created, external_id=a, email=a@example.com" in shown.stdout
    kept = tmp_path / "people.csv.refused.csv"
    assert not kept.exists()
    done = await parcours(server, "contact", "import", str(file), *mapping, "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout[done.stdout.index("{") :])
    counts = [report[name] for name in ("created", "updated", "refused", "left_out")]
    assert counts == [1, 1, 1, 1]
    lines = kept.read_text().splitlines()
    assert lines[0] == "EMAIL,EXT_ID,PLAN,Visits,refused_line,refused_code,refused_reason"
    assert lines[1].startswith(",old,gold,x,3,invalid_number,")
    assert lines[2].startswith("b@b.b,,x,1,4,missing,")
    undone = await parcours(server, "contact", "import", "--undo", report["job"]["id"])
    assert undone.exit_code == 0, undone.output
    async with pool.connection() as conn:
        rows = await (await conn.execute("select external_id, attributes from contact")).fetchall()
    assert rows == [("old", {"plan": "free"})]


async def test_refused_lines_of_json_are_json_again(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text('{"external_id": "a", "score": "high", "n": [1, 2]}\n{"n": 1}\nnonsense\n')
    done = await parcours(server, "contact", "import", str(file))
    assert done.exit_code == 1, done.output
    lines = (tmp_path / "people.jsonl.refused.jsonl").read_text().splitlines()
    kept = [json.loads(line) for line in lines]
    given = [
        {name: value for name, value in each.items() if not name.startswith("refused_")}
        for each in kept
    ]
    assert given[:2] == [{"external_id": "a", "score": "high", "n": [1, 2]}, {"n": 1}]
    assert given[2] == {"content": "nonsense"}
    assert [each["refused_line"] for each in kept] == [1, 2, 3]
    assert kept[1]["refused_code"] == "missing"
    again = await parcours(server, "contact", "import", str(file) + ".refused.jsonl", "--json")
    report = json.loads(again.stdout[again.stdout.index("{") :])
    # The first has its contact by now; what is said of it is no attribute of it.
    assert [report[name] for name in ("created", "unchanged", "refused")] == [0, 1, 2]


async def test_an_export_is_written_and_imported(
    server: dict[str, str], pool: Pool, tmp_path: Path
) -> None:
    await make_contact(pool, external_id="a", attributes={"plan": "gold", "n": 1})
    file = tmp_path / "people.jsonl"
    done = await parcours(server, "contact", "export", str(file))
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("people.jsonl: 1 rows\n")
    assert json.loads(file.read_text())["attributes"] == {"plan": "gold", "n": 1}
    again = await parcours(server, "contact", "import", str(file))
    assert again.exit_code == 0, again.output
    only = await parcours(
        server, "contact", "export", str(tmp_path / "x.csv"),
        "--if", '{"attribute": "plan", "is": "free"}',
    )  # fmt: skip
    assert only.stdout.endswith("x.csv: 0 rows\n")


async def test_wrong_commands_end_with_their_status(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("plan\nx\n")
    codes = [
        (("import",), 2),
        (("import", str(file), "--undo", "x"), 2),
        (("import", str(file), "--map", "plan"), 2),
        (("import", str(tmp_path / "none.csv")), 1),
        (("import", str(file)), 1),
        (("import", "--undo", "00000000-0000-0000-0000-000000000000"), 3),
        (("export", str(tmp_path / "y.csv"), "--if", "{"), 2),
        (("export", str(tmp_path / "y.csv"), "--segment", "none"), 3),
    ]
    for arguments, code in codes:
        result = await parcours(server, "contact", *arguments)
        assert result.exit_code == code, (arguments, result.output)
