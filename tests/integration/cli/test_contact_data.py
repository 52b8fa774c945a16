"""The commands about one contact's data, against a real API: timeline, export and erasure."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from store.operations.api_keys import create_key
from tests.integration.cli.commands import (
    Api,
    Parcours,
    Pool,
)


@pytest.fixture
async def ada(parcours: Parcours, applied: None, api: Api, here: Path, pool: Pool) -> str:
    """A contact with an address and a run; the stack has a key of scope `admin` as well."""
    async with pool.connection() as conn:
        keys = {"operate": api.key, "admin": await create_key(conn, "admin")}
    stack = {"api": api.url, "keys": keys}
    (here / ".parcours" / "stack.json").write_text(json.dumps(stack))
    api.put("/v1/contacts/ada", {"email": "ada@x.example", "attributes": {"pet": "cat"}})
    assert parcours("run", "start", "hello", "--contact", "ada").exit_code == 0
    return "ada@x.example"


def test_a_timeline_is_printed_in_sentences(parcours: Parcours, ada: str) -> None:
    shown = parcours("contact", "timeline", ada)
    assert shown.exit_code == 0, shown.output
    assert "began hello version 1" in shown.stdout
    changes = json.loads(parcours("contact", "timeline", ada, "--type", "change", "--json").stdout)
    said = [each["sentence"] for each in changes["items"]]
    assert any("pet was set to cat" in each for each in said)
    of_type = json.loads(parcours("contact", "timeline", ada, "--type", "entry", "--json").stdout)
    assert [each["sentence"] for each in of_type["items"]] == ["began hello version 1"]
    first = parcours("contact", "timeline", ada, "--limit", "1")
    cursor = first.stdout.split("--cursor ")[1].strip()
    second = parcours("contact", "timeline", ada, "--limit", "1", "--cursor", cursor)
    assert second.exit_code == 0
    assert second.stdout != first.stdout
    assert parcours("contact", "timeline", "nope").exit_code == 3
    assert parcours("contact", "timeline", ada, "--type", "nope").exit_code == 1


def test_everything_held_is_written_for_a_person(
    parcours: Parcours, ada: str, tmp_path: Path
) -> None:
    printed = json.loads(parcours("contact", "export-person", ada).stdout)
    assert printed["data"]["contact"][0]["attributes"] == {"pet": "cat"}
    page = tmp_path / "ada.html"
    written = parcours("contact", "export-person", "ada", "--html", "--to", str(page))
    assert written.exit_code == 0, written.output
    assert "ada@x.example" in page.read_text()
    assert parcours("contact", "export-person", "nope").exit_code == 3


async def test_a_contact_is_erased_after_a_question(
    parcours: Parcours, ada: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No worker is at work here, which the command does not wait for in vain.
    monkeypatch.setattr("cli.contact_erase._WAIT", 0.0)
    preview = parcours("contact", "erase", ada, "--preview", "--json")
    assert json.loads(preview.stdout)["rows"]["contact"] == 1
    assert parcours("contact", "erase", ada, "--preview").stdout.split()[:2] == ["held", "rows"]
    no = CliRunner().invoke(app, ["contact", "erase", ada], input="n\n")
    assert no.exit_code == 4
    async with pool.connection() as conn:
        cursor = await conn.execute("select count(*) from contact")
        assert await cursor.fetchone() == (1,)
    erased = parcours("contact", "erase", ada, "--yes", "--suppress")
    assert erased.exit_code == 0, erased.output
    assert "1 addresses" in erased.stdout
    assert "ada" not in erased.stdout
    async with pool.connection() as conn:
        cursor = await conn.execute("select count(*) from contact")
        assert await cursor.fetchone() == (0,)
        cursor = await conn.execute("select channel, reason from suppression")
        assert await cursor.fetchall() == [("email", "erased")]
    assert parcours("contact", "erase", ada, "--yes").exit_code == 3
