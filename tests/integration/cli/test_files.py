"""`parcours file`, against a real API."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app


def file(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["file", *arguments], env={"COLUMNS": "240", **server})


def test_files_are_uploaded_listed_and_removed(server: dict[str, str], tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG")
    first = file(server, "upload", str(logo))
    assert (first.exit_code, first.stdout) == (0, "logo.png: 4 bytes, image/png\n")
    named = file(server, "upload", str(logo), "--name", "a.bin", "--type", "image/x-own", "--json")
    assert json.loads(named.stdout)["content_type"] == "image/x-own"
    lines = [line.split()[:3] for line in file(server, "list").stdout.splitlines()]
    assert ["a.bin", "4", "image/x-own"] in lines
    assert ["logo.png", "4", "image/png"] in lines
    assert file(server, "remove", "a.bin").stdout == "a.bin: removed\n"
    page = json.loads(file(server, "list", "--json").stdout)
    assert [each["name"] for each in page["items"]] == ["logo.png"]


def test_what_cannot_be_done_is_said_in_one_line(server: dict[str, str], tmp_path: Path) -> None:
    missing = file(server, "upload", str(tmp_path / "nowhere.png"))
    assert (missing.exit_code, "cannot be read: No such file" in missing.stderr) == (1, True)
    unknown = file(server, "remove", "nowhere.png")
    assert (unknown.exit_code, unknown.stderr) == (3, "parcours: there is no file 'nowhere.png'\n")
