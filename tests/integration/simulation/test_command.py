"""`parcours simulate`, as it is typed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.integration.simulation.samples import ADA, LIBRARY
from tests.support.forked import forked_output


async def simulate(*arguments: str | Path | int) -> tuple[int, str, str]:
    """Status, output and errors of the command."""
    return await forked_output(["simulate", *map(str, arguments)], os.environ)


def written(directory: Path, name: str, content: Any) -> Path:
    """A JSON file."""
    file = directory / name
    file.write_text(json.dumps(content))
    return file


async def test_the_command_prints_a_timeline_and_what_it_reached(tmp_path: Path) -> None:
    subscribed = {"at": "+1h", "event": "Topic Subscribed", "properties": {"topic": "news"}}
    confirmed = {"at": "+1d", "event": "Topic Confirmed", "properties": {"topic": "news"}}
    status, out, err = await simulate(
        LIBRARY,
        *("--journey", "welcome", "--start", "2026-03-02T08:00:00Z", "--json", "--coverage"),
        *("--contact", written(tmp_path, "c.json", ADA)),
        *("--events", written(tmp_path, "one.json", [subscribed, confirmed])),
        *("--events", written(tmp_path, "two.json", [subscribed])),
    )
    assert (status, err) == (0, "")
    *lines, last = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        assert set(line) == {
            "at", "local", "step", "kind", "outcome", "facts", "run", "scenario",
        }  # fmt: skip
    assert {Path(line["scenario"]).name for line in lines} == {"one.json", "two.json"}
    assert lines[0]["kind"] == "entry"
    assert lines[0]["at"] == "2026-03-02T09:00:00Z"
    assert lines[0]["local"] == "2026-03-02T10:00:00+01:00"
    assert [line["outcome"] for line in lines if line["kind"] == "end"] == ["completed", "exited"]
    [hello] = [line["facts"] for line in lines if line["step"] == "hello"]
    assert {"to", "subject", "text", "html"} <= set(hello)
    assert hello["subject"] == "Welcome, Ada"
    reached = {step["step"]: step["reached"] for step in last["steps"]}
    assert last["kind"] == "coverage"
    assert reached["confirmed"] == ["happened", "timed_out"]
    assert reached["late"] == ["timed_out", "skipped"]


async def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    status, out, err = await simulate(
        *(LIBRARY, "--journey", "nothing", "--contact", written(tmp_path, "c.json", ADA)),
    )
    assert (status, out) == (1, "")
    assert err.startswith("parcours: there is no journey `nothing` in the files; there are: ")


async def test_a_dry_run_counts_the_results_of_many_contacts(tmp_path: Path) -> None:
    people = [
        {
            "userId": f"u{number}",
            "traits": {"email": f"u{number}@example.com"} if number % 3 else {},
            "topics": {"offers": "subscribed" if number % 2 else "unsubscribed"},
        }
        for number in range(40)
    ]
    file = tmp_path / "people.jsonl"
    file.write_text("\n".join(map(json.dumps, people)))
    cart = {"at": "+0s", "event": "Cart Updated", "properties": {"cart_id": "c1", "total": 40}}
    common = (
        *(LIBRARY / "abandoned-cart.yaml", "--contacts", file, "--sample", 12, "--seed", 7),
        *("--events", written(tmp_path, "e.json", [cart]), "--start", "2026-03-02T08:00:00Z"),
    )
    status, out, err = await simulate(*common, "--json")
    assert (status, err) == (0, "12 contacts\n")
    *lines, summary = [json.loads(line) for line in out.splitlines()]
    drawn = {int(line["contact"].removeprefix("u")) for line in lines}
    assert len(drawn) == 12
    assert summary["kind"] == "summary"
    assert (summary["contacts"], summary["entered"]) == (12, 12)
    steps = {step["id"]: step for step in summary["steps"]}
    # A missing address is the reason before a missing consent.
    sent = sum(1 for number in drawn if number % 3 and number % 2)
    nowhere = sum(1 for number in drawn if not number % 3)
    assert steps["reminder"] == {
        "id": "reminder", "kind": "email", "reached": 12, "messages": sent,
        "outcomes": {"sent": sent, "skipped": 12 - sent},
        "skipped": {"consent": 12 - sent - nowhere, "no_address": nowhere},
    }  # fmt: skip
    assert steps["interest"]["outcomes"] == {"else": 12}
    assert steps["warm-lead"]["reached"] == 0
    assert (summary["ends"], summary["standing"]) == ({"completed": 12}, {})


async def test_one_contact_or_many(tmp_path: Path) -> None:
    one = written(tmp_path, "c.json", ADA)
    both: list[str | Path] = ["--contact", one, "--contacts", one]
    for given in ([], both):
        status, _, err = await simulate(LIBRARY / "welcome.yaml", *given)
        assert (status, "give --contact for one, or --contacts for many" in err) == (1, True)
    status, _, err = await simulate(LIBRARY / "welcome.yaml", "--contact", one, "--sample", "3")
    assert (status, "--sample: draws from --contacts" in err) == (1, True)


MESSAGES = """
journey: two-ways
entry: {event: Started}
steps:
  - id: way
    branch:
      - {if: {attribute: plan, is: pro}, then: [
          {id: mail, email: {subject: Hi, text: Hi, transactional: true}}]}
      - else: [{id: other, group: {add: [others]}}]
  - {id: seen, wait: 1d}
"""


async def test_a_contact_without_the_scripted_message_does_not_end_a_dry_run(
    tmp_path: Path,
) -> None:
    journey = tmp_path / "j.yaml"
    journey.write_text(MESSAGES)
    people = [
        {"userId": "ann", "traits": {"email": "ann@example.com", "plan": "pro"}},
        {
            "userId": "bob",
            "traits": {"email": "bob@example.com"},
            "topics": {"other": "subscribed"},
        },
        {"userId": "cat", "traits": {"email": "cat@example.com", "plan": "pro"}},
    ]
    script = [{"event": "Started"}, {"at": "+1h", "message": "mail", "is": "opened"}]
    status, out, err = await simulate(
        *(journey, "--contacts", written(tmp_path, "people.json", people), "--json"),
        *("--events", written(tmp_path, "e.json", script), "--start", "2026-03-02T08:00:00Z"),
    )
    assert status == 0
    warned, counted, refused = err.splitlines()
    assert warned.startswith("contact.topics.other: the files have no topic `other`")
    assert counted == "3 contacts"
    assert refused.startswith("bob: events.1: ")
    summary = json.loads(out.splitlines()[-1])
    assert (summary["entered"], summary["ends"]) == (3, {"completed": 3})


LAUNCH = """
journey: launch
entry: {event: Started}
steps:
  - id: subject
    split:
      - {name: a, weight: 0.01, then: [{id: mail-a, email: {subject: A, text: t, transactional: true}}]}
      - {name: b, weight: 0.01, then: [{id: mail-b, email: {subject: B, text: t, transactional: true}}]}
      - {name: rest, weight: 100000000, winner: {by: clicked, after: 1d}}
"""  # noqa: E501 - as a person would write it


async def test_the_scores_of_arms_may_be_given(tmp_path: Path) -> None:
    journey = tmp_path / "j.yaml"
    journey.write_text(LAUNCH)
    scores = {"a": {"contacts": 1000, "won": 120}, "b": {"contacts": 900, "won": 150}}
    common = (
        *(journey, "--contact", written(tmp_path, "c.json", ADA), "--json"),
        *("--start", "2026-03-02T08:00:00Z"),
    )
    script: list[Any] = [{"event": "Started"}, {"step": "subject", "scores": scores}]
    status, out, err = await simulate(*common, "--events", written(tmp_path, "e.json", script))
    assert (status, err) == (0, "")
    [chosen] = [line for line in map(json.loads, out.splitlines()) if line["step"] == "subject"]
    assert chosen["facts"]["winner"] == "b"
    assert chosen["facts"]["shares"]["a"] == {"contacts": 1000, "clicked": 120, "share": 0.12}
    script[1]["scores"] = {"a": {"contacts": 5, "won": 6}}
    status, _, err = await simulate(*common, "--events", written(tmp_path, "f.json", script))
    assert status == 1
    assert "events.1.scores: must give contacts and won for each arm with steps: a:" in err
