"""Versions of journeys, statuses of commands, and the form of what they print."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.commands import (
    HELLO,
    NEWS,
    Api,
    Parcours,
    run,
    write,
)


def second(here: Path) -> Path:
    """A file with another version of the journey `hello`."""
    return write(here / "next.yaml", HELLO.replace("up_to: 30d", "up_to: 2d"))


@pytest.mark.usefixtures("applied")
def test_a_version_that_is_live_takes_the_runs_in_flight_later(
    here: Path, api: Api, parcours: Parcours
) -> None:
    api.put("/v1/contacts/ada", {})
    assert parcours("run", "start", "hello", "--contact", "ada").exit_code == 0
    file = str(second(here))
    assert parcours("journey", "apply", "--yes", file).exit_code == 0
    planned = parcours("journey", "plan", file, "--in-flight", "follow")
    assert "1 run at work" in planned.stdout or "1 run at long" in planned.stdout
    moved = parcours("journey", "apply", "--yes", file, "--in-flight", "follow", "--json")
    (document,) = json.loads(moved.stdout)["documents"]
    assert (document["change"], document["job"] is not None) == ("unchanged", True)
    job = api.get(f"/v1/jobs/{document['job']}").json()
    assert (job["kind"], job["total"]) == ("move", 1)


@pytest.mark.usefixtures("applied")
def test_a_map_of_a_live_version_names_known_steps(
    here: Path, api: Api, parcours: Parcours
) -> None:
    file = str(write(here / "same.yaml", HELLO))
    wrong = parcours("journey", "apply", "--yes", file, "--map", "long=nonsense")
    assert (wrong.exit_code, "nonsense" in wrong.stderr) == (1, True)
    assert wrong.stdout == ""


@pytest.mark.usefixtures("applied")
def test_versions_are_listed_compared_and_activated(
    here: Path, api: Api, parcours: Parcours
) -> None:
    assert parcours("journey", "apply", "--yes", str(second(here))).exit_code == 0
    listed = json.loads(parcours("journey", "history", "hello", "--json").stdout)["items"]
    assert [(each["version"], each["live"]) for each in listed] == [(2, True), (1, False)]
    compared = parcours("journey", "diff", "hello", "--before", "1", "--after", "2")
    assert compared.stdout.startswith("hello: version 1 to version 2\n")
    assert "30d" in compared.stdout
    assert "2d" in compared.stdout
    back = parcours("journey", "activate", "hello", "--version", "1")
    assert back.stdout == "journey hello is active, version 1 is live\n"
    assert api.get("/v1/journeys/hello").json()["active_version"] == 1
    same = parcours("journey", "diff", "hello", "--before", "1", "--after", "1")
    assert "no changes" in same.stdout
    assert parcours("journey", "diff", "hello", "--after", "9").exit_code == 3
    assert parcours("journey", "history", "nosuch").exit_code == 3


@pytest.mark.usefixtures("applied")
def test_an_archived_journey_is_activated_again(api: Api, parcours: Parcours) -> None:
    assert parcours("journey", "archive", "hello").exit_code == 0
    assert parcours("journey", "activate", "hello").exit_code == 0
    assert api.get("/v1/journeys/hello").json()["state"] == "active"


@pytest.mark.usefixtures("applied")
def test_the_source_of_a_journey_is_a_file_that_validates(here: Path, parcours: Parcours) -> None:
    shown = parcours("journey", "show", "hello", "--source")
    assert shown.stdout == HELLO
    copy = write(here / "copy.yaml", shown.stdout)
    assert run("journey", "validate", str(copy), str(here / "docs" / "deep")).exit_code == 0


@pytest.mark.usefixtures("applied")
def test_apply_shows_each_change_of_a_shared_document(here: Path, parcours: Parcours) -> None:
    shorter = write(here / "news.yaml", NEWS.replace("name: News\n", ""))
    result = parcours("journey", "apply", "--yes", str(shorter))
    assert result.exit_code == 0
    assert "topic news\n" in result.stdout
    assert re.search(r"name.*News", result.stdout)
    again = parcours("journey", "apply", "--yes", str(shorter))
    assert "topic news\n" not in again.stdout


@pytest.mark.usefixtures("applied")
def test_a_wrong_policy_is_refused_in_our_words(parcours: Parcours) -> None:
    result = parcours("journey", "resume", "hello", "--overdue", "later")
    assert (result.exit_code, result.stderr) == (
        2,
        "parcours: --overdue later: must be send, skip or a duration such as 2h\n",
    )


@pytest.mark.usefixtures("applied")
def test_a_narrow_screen_stacks_tables_and_breaks_no_id(api: Api, parcours: Parcours) -> None:
    api.put("/v1/contacts/ada", {})
    started = parcours("run", "start", "hello", "--contact", "ada", "--json")
    run_id = json.loads(started.stdout)["id"]
    for width in ("40", "80", "99", "100", "120", "240"):
        listed = parcours("run", "list", COLUMNS=width)
        assert run_id in listed.stdout, (width, listed.stdout)
    stacked = parcours("run", "list", COLUMNS="80").stdout.splitlines()
    assert f"run      {run_id}" in stacked
    assert "journey  hello" in stacked


def test_a_terminal_of_eighty_columns_stacks_tables(here: Path, parcours: Parcours) -> None:
    write(here / "docs" / "hello.yaml", HELLO)
    write(here / "docs" / "news.yaml", NEWS)
    assert parcours("journey", "apply", "--yes", "docs").exit_code == 0
    main, child = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "journey", "list"],
        stdout=child, stderr=child, cwd=here, env=kept,
    )  # fmt: skip
    os.close(child)
    printed = b""
    while True:
        try:
            part = os.read(main, 65_536)
        except OSError:
            break
        if not part:
            break
        printed += part
    os.close(main)
    assert process.wait() == 0
    lines = printed.decode().splitlines()
    assert any(line.split() == ["key", "hello"] for line in lines), printed
    assert all(len(line) <= 80 for line in lines)


def test_codes_are_imported_from_a_pipe(parcours: Parcours, here: Path) -> None:
    pipe = here / "codes"
    os.mkfifo(pipe)
    writer = subprocess.Popen(
        [sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('code\\nA\\nB\\n')"]
    )
    result = parcours("coupon", "import", "spring", str(pipe))
    assert writer.wait() == 0
    assert (result.exit_code, result.stdout) == (0, "spring: 2 codes added\n"), result.output


def test_the_version_is_printed_and_completion_offered() -> None:
    printed = run("--version")
    assert printed.exit_code == 0
    assert re.fullmatch(r"parcours \d+\.\d+\.\d+\n", printed.stdout)
    script = subprocess.run(
        [str(Path(sys.executable).with_name("parcours"))],
        env={"_PARCOURS_COMPLETE": "source_bash", "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "complete -o default -F _parcours_completion parcours" in script.stdout
