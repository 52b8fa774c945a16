"""`parcours coupon`, against a real API."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app


def coupon(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["coupon", *arguments], env={"COLUMNS": "240", **server})


def test_codes_are_imported_and_pools_listed(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_bytes(b"\xef\xbb\xbfcode,value\r\nA,10\r\nB,10\r\n")
    first = coupon(server, "import", "spring sale", str(file))
    assert (first.exit_code, first.stdout) == (0, "spring sale: 2 codes added\n")
    again = coupon(server, "import", "spring sale", str(file))
    assert again.stdout == "spring sale: 0 codes added, 2 that it had\n"
    result = json.loads(coupon(server, "import", "winter", str(file), "--json").stdout)
    assert (result["pool"], result["added"], result["duplicates"]) == ("winter", 2, 0)
    lines = [line.split() for line in coupon(server, "list").stdout.splitlines()]
    assert ["pool", "total", "drawn", "redeemed", "left"] in lines
    assert ["spring", "sale", "2", "0", "0", "2"] in lines
    page = json.loads(coupon(server, "list", "--json").stdout)
    assert [each["pool"] for each in page["items"]] == ["spring sale", "winter"]


def test_a_file_that_cannot_be_imported_is_reported_in_one_line(
    server: dict[str, str], tmp_path: Path
) -> None:
    missing = coupon(server, "import", "spring", str(tmp_path / "nowhere.csv"))
    assert (missing.exit_code, "cannot be read: No such file" in missing.stderr) == (1, True)
    file = tmp_path / "codes.csv"
    file.write_text("code\nA\n\nB\n,\n")
    wrong = coupon(server, "import", "spring", str(file))
    assert (wrong.exit_code, wrong.stderr) == (1, "parcours: line 5: the code is empty\n")


def test_a_file_is_tried_and_bad_lines_are_left_out_if_one_wants(
    server: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("code\nA\n \nB\n")
    assert coupon(server, "import", "spring", str(file)).exit_code != 0
    tried = coupon(server, "import", "spring", str(file), "--dry-run")
    assert tried.stdout.splitlines() == [
        "spring: 2 codes would be added, 1 lines left out",
        "    line 3: the code is empty",
    ]
    assert coupon(server, "list", "--json").stdout.strip() == '{"items":[],"next":null}'
    added = coupon(server, "import", "spring", str(file), "--skip-bad-lines")
    assert added.stdout.startswith("spring: 2 codes added, 1 lines left out")
    assert json.loads(coupon(server, "draws", "spring", "--json").stdout)["items"] == []


def test_what_draws_from_a_pool_is_listed(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "walk.yaml"
    file.write_text("journey: walk\nentry: {api: true}\nsteps: [{id: c, coupon: {pool: spring}}]\n")
    environment = {"COLUMNS": "240", **server}
    applied = CliRunner().invoke(app, ["journey", "apply", "--yes", str(file)], env=environment)
    assert applied.exit_code == 0, applied.output
    found = CliRunner().invoke(app, ["document", "uses", "pool", "spring"], env=environment)
    [*_, row] = [line for line in found.stdout.splitlines() if line.strip()]
    assert row.split() == ["spring", "journey", "walk", "1", "live", "c"]
