"""The commands that repair one run, against a real API."""

import json
from uuid import UUID

import pytest

from tests.integration.cli.commands import (
    Api,
    Parcours,
    Pool,
)


@pytest.fixture
async def run(parcours: Parcours, applied: None, api: Api, pool: Pool) -> str:
    """The id of a run that stands at its first wait; no worker is there to wake."""
    api.put("/v1/contacts/u", {})
    started = parcours("run", "start", "hello", "--contact", "u", "--json")
    assert started.exit_code == 0, started.output
    run_id = str(json.loads(started.stdout)["id"])
    async with pool.connection() as conn:
        await conn.execute("update run set visit = 1, step = 'long'")
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, ref) values (%s, 1, 'long', 'wait', 0)",
            (UUID(run_id),),
        )
    return run_id


def test_a_run_is_skipped_by_the_beginning_of_its_id(
    parcours: Parcours,
    run: str,
) -> None:
    done = parcours("run", "skip", run[:13], "--reason", "no answer will come")
    assert (done.exit_code, done.stdout) == (
        0, f"skipped the step of run {run} at long (visit 1)\n",
    )  # fmt: skip
    shown = parcours("run", "show", run[:20])
    rows = [line.split() for line in shown.stdout.splitlines() if "no answer" in line]
    assert rows[-1][:3] == ["skip", "1", "long"]
    again = parcours("run", "skip", run, "--reason", "again", "--visit", "1", "--json")
    assert json.loads(again.stdout)["reason"] == "no answer will come"
    gone = parcours("run", "goto", run, "--step", "mail", "--reason", "later", "--visit", "7")
    assert (gone.exit_code, gone.stderr) == (
        4, "parcours: the run has gone on: it is at visit 1, not 7\n",
    )  # fmt: skip


def test_what_cannot_be_is_said_with_its_status(
    parcours: Parcours,
    run: str,
) -> None:
    why = ("--reason", "why")
    for arguments, status, words in (
        (("retry", run, *why), 4, "the run stands at `long` (a wait), which is no send that is"),
        (("goto", run, "--step", "nope", *why), 1, "has no step `nope`"),
        (("skip", run), 2, "Missing option '--reason'"),
        (("skip", "0000000", *why), 3, "there is no run whose id begins with 0000000"),
        (("skip", "a/b", *why), 3, "'a/b' is no id of a run"),
        (("exit", "00000000-0000-0000-0000-000000000000", *why), 3, "there is no run"),
        (("exit", run, "--reason", "  "), 1, "reason"),
    ):
        result = parcours("run", *arguments)
        assert (result.exit_code, words in result.stderr) == (status, True), result.stderr


async def test_a_beginning_that_fits_two_runs_is_not_enough(
    parcours: Parcours,
    api: Api,
    run: str,
    pool: Pool,
) -> None:
    api.put("/v1/contacts/v", {})
    parcours("run", "start", "hello", "--contact", "v")
    common = run[:6]
    result = parcours("run", "exit", common, "--reason", "why")
    assert (result.exit_code, result.stderr) == (
        2, f"parcours: several runs begin with {common}: give more of the id\n",
    )  # fmt: skip


def test_runs_are_ended_and_cancelled(
    parcours: Parcours,
    run: str,
) -> None:
    done = parcours("run", "cancel", run, "--reason", "a test")
    assert (done.exit_code, done.stdout) == (0, f"cancelled run {run} at long (visit 1)\n")
    shown = json.loads(parcours("run", "show", run, "--json").stdout)
    assert (shown["state"], shown["outcome"], shown["reason"]) == ("ended", "removed", "cancelled")
    assert [each["action"] for each in shown["repairs"]] == ["cancel"]
    ended = parcours("run", "exit", run, "--reason", "a test")
    assert (ended.exit_code, ended.stderr) == (
        4, "parcours: the run has ended (removed: cancelled)\n",
    )  # fmt: skip
