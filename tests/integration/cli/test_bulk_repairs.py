"""The commands that repair many runs, send messages again, and pause all, against a real API."""

import json
from uuid import UUID, uuid4

import pytest

from store.tables.identifiers import new_id
from tests.integration.cli.commands import (
    Api,
    Parcours,
    Pool,
)


async def stand(pool: Pool, count: int) -> list[str]:
    """So many runs of `hello` that stand at its first wait; no worker is there to wake."""
    runs = []
    async with pool.connection() as conn, conn.transaction():
        for number in range(count):
            contact, run = uuid4(), new_id()
            await conn.execute(
                "insert into contact (id, external_id) values (%s, %s)", (contact, f"c{number}")
            )
            await conn.execute(
                "insert into run (id, journey, version, contact_id, entry_ref, ref, visit, step)"
                " values (%s, 'hello', 1, %s, 0, 0, 1, 'long')",
                (run, contact),
            )
            await conn.execute(
                "insert into visit (run_id, visit, step, kind, ref)"
                " values (%s, 1, 'long', 'wait', 0)",
                (run,),
            )
            runs.append(str(run))
    return runs


async def test_many_are_repaired_after_a_preview_and_a_yes(
    parcours: Parcours, applied: None, pool: Pool
) -> None:
    runs = await stand(pool, 3)
    many = ("run", "skip", "--journey", "hello", "--step", "long", "--reason", "why")
    shown = parcours(*many, "--preview")
    assert shown.exit_code == 0, shown.output
    assert "3 runs of `hello` skip the step `long` and go on with the next one." in shown.stdout
    assert all(run in shown.stdout for run in runs)
    found = json.loads(parcours(*many, "--preview", "--json").stdout)
    assert (found["count"], found["approval"]) == (3, False)
    # Without a terminal a repair is not done by mistake.
    asked = parcours(*many)
    assert (asked.exit_code, "nothing was done: repeat it with --yes" in asked.stderr) == (2, True)
    assert json.loads(parcours("job", "list", "--json").stdout)["items"] == []
    begun = parcours(*many, "--yes", "--rate", "5", "--json")
    job = json.loads(begun.stdout)
    assert (job["kind"], job["total"], job["state"]) == ("repair", 3, "running")
    listed = parcours("job", "items", job["id"])
    assert [run in listed.stdout for run in runs] == [True] * 3
    assert parcours("job", "cancel", job["id"]).exit_code == 0
    undo = parcours("job", "undo", job["id"])
    assert (undo.exit_code, "no run stands where the repair has put it" in undo.stderr) == (4, True)


async def test_what_the_commands_of_many_need_is_said(
    parcours: Parcours, applied: None, pool: Pool
) -> None:
    [run] = await stand(pool, 1)
    why = ("--reason", "why")
    for arguments, status, words in (
        (("skip", *why), 2, "say which run by its id, or which ones by --journey or --contacts"),
        (("skip", run, "--journey", "hello", *why), 2, "go without the id of one"),
        (("goto", "--journey", "hello", *why), 2, "say by --to to which step the runs go"),
        (("goto", run, *why), 2, "say by --step to which step the run goes"),
        (("exit", "--journey", "hello", "--visit", "1", *why), 2, "--visit goes with one run"),
        (("skip", "--journey", "nope", *why), 3, "there is no journey 'nope'"),
        (("skip", "--journey", "hello", "--step", "logn", *why), 1, "did you mean `long`?"),
        (("skip", "--journey", "hello", "--step", "mail", "--yes", *why), 4, "no run meets these"),
        (("exit", "--contacts", "nope.txt", *why), 1, "nope.txt cannot be read"),
    ):
        result = parcours("run", *arguments)
        assert (result.exit_code, words in result.stderr) == (status, True), result.stderr
    assert parcours("job", "approve", str(uuid4())).exit_code == 3


@pytest.fixture
async def unclear(applied: None, pool: Pool) -> tuple[str, str]:
    """A run whose message may have arrived, and that message."""
    [run] = await stand(pool, 1)
    message = uuid4()
    async with pool.connection() as conn:
        await conn.execute(
            "update visit set step = 'mail', kind = 'email', outcome = 'unknown', message_id = %s",
            (message,),
        )
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
            " select %s, id, 1, 'mail', contact_id, 'email', 'unknown', '' from run",
            (message,),
        )
    return run, str(message)


async def test_a_message_that_may_have_arrived_asks_before_it_is_sent_again(
    parcours: Parcours, unclear: tuple[str, str], pool: Pool
) -> None:
    run, message = unclear
    for arguments in (("run", "retry", run), ("message", "retry", message)):
        refused = parcours(*arguments, "--reason", "why")
        assert refused.exit_code == 4
        assert "it may arrive twice" in refused.stderr
    many = ("run", "retry", "--journey", "hello", "--step", "mail", "--reason", "why")
    found = json.loads(parcours(*many, "--preview", "--json").stdout)
    assert (found["count"], found["unknown"]) == (0, 1)
    sent = parcours("message", "retry", message[:9], "--reason", "why", "--may-arrive-twice")
    assert sent.exit_code == 0, sent.output
    assert sent.stdout.startswith(f"sends message {message[:9]} of step mail again: job ")
    again = parcours("run", "retry", run, "--reason", "why", "--may-arrive-twice", "--json")
    assert json.loads(again.stdout)["job"] == sent.stdout.split()[-1]
    async with pool.connection() as conn:
        cursor = await conn.execute("select count(*) from run_repair where action = 'retry'")
        assert await cursor.fetchone() == (1,)


async def test_a_contact_is_removed_from_one_journey_or_all(
    parcours: Parcours, applied: None, pool: Pool, api: Api
) -> None:
    [run, _] = await stand(pool, 2)
    why = ("--reason", "they asked")
    assert parcours("contact", "remove", "c0", *why).exit_code == 2
    assert parcours("contact", "remove", "c0", "--from", "nope", *why).exit_code == 3
    removed = parcours("contact", "remove", "c0", "--from", "hello", *why)
    assert removed.exit_code == 0, removed.output
    assert run in removed.stdout
    again = parcours("contact", "remove", "c0", "--all", *why)
    assert again.stdout == "c0 has no active run\n"
    shown = api.get(f"/v1/runs/{UUID(run)}").json()
    assert (shown["outcome"], shown["reason"]) == ("removed", "operator")
    listed = json.loads(parcours("run", "list", "--state", "active", "--json").stdout)["items"]
    assert [each["contact"] for each in listed] == ["c1"]


def test_all_journeys_are_paused_and_resumed(parcours: Parcours, applied: None, api: Api) -> None:
    why = ("--reason", "wrong prices")
    alone = parcours("pause", *why)
    assert (alone.exit_code, "parcours journey pause KEY" in alone.stderr) == (2, True)
    assert parcours("pause", "--all", *why).stdout == "paused: hello\n"
    assert api.get("/v1/journeys/hello").json()["state"] == "paused"
    assert parcours("pause", "--all", *why).stdout == "paused: none\n"
    assert parcours("resume", "--all", "--overdue", "2h", *why).stdout == "resumed: hello\n"
    assert api.get("/v1/journeys/hello").json()["state"] == "active"
    assert parcours("resume", "--all", *why).stdout == "resumed: none\n"
