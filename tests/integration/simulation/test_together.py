"""Many contacts in one simulation: one clock, and each a life of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from simulation.document_set import read_document_set
from simulation.errors import SimulationRefused
from simulation.scenarios import play_together, read_scenario
from simulation.timeline import Line, coverage

START = "2026-03-27T08:00:00+00:00"
CARE = """
journey: care
entry: {event: Signed Up}
exit: {event: Left}
steps:
  - {id: mail, email: {subject: Hi, text: "Hi {{ contact.external_id }}", transactional: true}}
  - {id: read, wait: {message: mail, is: clicked, up_to: 3d}}
  - {id: ask, webhook: {url: "https://desk.example/{{ contact.external_id }}"}}
  - {id: known, branch: [{name: vip, if: {step: ask, property: body.vip, is: true}, then: []}]}
"""


def contact(name: str, zone: str) -> dict[str, Any]:
    """A contact with an address and a zone."""
    return {"userId": name, "traits": {"email": f"{name}@example.com", "timezone": zone}}


async def together(database_url: str, people: list[tuple[dict[str, Any], Any]]) -> list[Line]:
    """The lines of all of them."""
    book = read_document_set([("care.yaml", CARE)], None)
    start = datetime.fromisoformat(START)
    scenarios = [read_scenario(book, given, script, start) for given, script in people]
    return await play_together(book, scenarios, database_url, start)


def story(lines: list[Line], name: str) -> list[tuple[str, str | None, str]]:
    """The lines of one contact: step or kind, outcome, local time."""
    return [
        (line.step or line.kind, line.outcome, f"{line.local:%d %H:%M}")
        for line in lines
        if line.contact == name
    ]


async def test_each_contact_has_its_own_events_results_answers_and_zone(
    database_url: str,
) -> None:
    signed_up = {"at": "+0s", "event": "Signed Up"}
    lines = await together(
        database_url,
        [
            (contact("ada", "Europe/Paris"), [signed_up]),
            (
                contact("ben", "Asia/Tokyo"),
                [
                    {"at": "+1h", "event": "Signed Up"},
                    {"at": "+1d", "message": "mail", "is": "clicked"},
                    {"step": "ask", "answer": {"body": {"vip": True}}},
                ],
            ),
            (
                contact("cleo", "America/New_York"),
                [{"message": "mail", "is": "failed"}, signed_up],
            ),
            (contact("dan", "UTC"), [signed_up, {"at": "+1h", "event": "Left"}]),
            (contact("eve", "UTC"), []),
        ],
    )
    # Paris changes its clocks on the 29th: three days of its calendar are 71 hours.
    assert story(lines, "ada") == [
        ("entry", "entered", "27 09:00"), ("mail", "sent", "27 09:00"),
        ("read", "timed_out", "30 09:00"), ("ask", "ok", "30 09:00"),
        ("known", "else", "30 09:00"), ("end", "completed", "30 09:00"),
    ]  # fmt: skip
    assert story(lines, "ben") == [
        ("entry", "entered", "27 18:00"), ("mail", "sent", "27 18:00"),
        ("read", "happened", "28 17:00"), ("ask", "ok", "28 17:00"),
        ("known", "vip", "28 17:00"), ("end", "completed", "28 17:00"),
    ]  # fmt: skip
    assert story(lines, "cleo") == [
        ("entry", "entered", "27 04:00"), ("mail", "failed", "27 04:00"),
        ("read", "timed_out", "27 04:00"), ("ask", "ok", "27 04:00"),
        ("known", "else", "27 04:00"), ("end", "completed", "27 04:00"),
    ]  # fmt: skip
    assert story(lines, "dan")[-2:] == [
        ("read", "exited", "27 09:00"), ("end", "exited", "27 09:00"),
    ]  # fmt: skip
    assert story(lines, "eve") == []
    assert {line.facts["text"] for line in lines if line.outcome == "sent"} == {
        "Hi ada", "Hi ben", "Hi dan",
    }  # fmt: skip
    assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_what_is_refused_names_its_contact(database_url: str) -> None:
    lost = {"at": "+1h", "event": "Topic Subscribed", "properties": {"topic": "none"}}
    with pytest.raises(SimulationRefused, match=r"events\.0: .*no topic 'none'"):
        await together(database_url, [(contact("ben", "UTC"), []), (contact("ada", "UTC"), [lost])])


def test_an_outcome_that_cannot_be_is_not_missed() -> None:
    text = """
journey: some
entry: {event: Signed Up}
steps:
  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}
  - {id: clicked, wait: {message: mail, is: clicked}}
  - {id: order, wait: {event: Order Completed}}
  - {id: morning, wait: {until: "09:00"}}
  - {id: date, wait: {until: 2027-01-01}}
  - {id: ahead, goto: call}
  - {id: call, if: {attribute: x, is: 1}, webhook: {url: "https://hook.example/"}}
  - {id: born, wait: {until: {attribute: birthday, every: year}, up_to: 3d}}
  - {id: again, if: {attribute: x, is: 2}, goto: mail, max_visits: 2}
"""
    found = {
        each.step: each for each in coverage(read_document_set([("f", text)], None).journey, [])
    }
    assert {step: set(each.missed) for step, each in found.items()} == {
        "mail": {"sent", "skipped", "failed", "unknown"},
        "clicked": {"happened", "timed_out"},
        "order": {"happened"},
        "morning": {"elapsed"},
        "date": {"elapsed", "past"},
        "ahead": {"jumped", "spent"},
        "call": {"ok", "failed", "unknown", "skipped"},
        "born": {"elapsed", "past", "missing", "timed_out"},
        "again": {"jumped", "spent", "skipped"},
    }
    assert found["order"].never == {
        "timed_out": "it has no `up_to`", "skipped": "it has no `if`",
    }  # fmt: skip


def test_a_jump_that_comes_once_is_never_spent() -> None:
    text = """
journey: once
entry: {event: Signed Up}
steps:
  - {id: skip, if: {attribute: x, is: 1}, goto: last}
  - {id: wait, wait: 1d}
  - {id: last, update: {set: {y: 1}}}
"""
    [skip, *_] = coverage(read_document_set([("f", text)], None).journey, [])
    assert (skip.missed, list(skip.never)) == (("jumped", "skipped"), ["spent"])
