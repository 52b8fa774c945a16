"""The contacts of a simulation of many, and its counts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from simulation.batch import (
    ContactDocument,
    build_summary,
    draw_sample,
    read_contacts_file,
    read_scenarios,
)
from simulation.document_set import DocumentSet, read_document_set
from simulation.errors import SimulationRefused
from simulation.timeline import Line

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PEOPLE = [{"userId": f"u{n}"} for n in range(100)]
TEXT = """
journey: ask
entry: {api: true}
steps:
  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}
  - id: kind
    branch:
      - {name: vip, if: {group: vip}, then: [{id: call, webhook: {url: "https://desk.example/"}}]}
"""


def book() -> DocumentSet:
    """A mail, a branch, and a call inside of it."""
    return read_document_set([("ask.yaml", TEXT)], None)


def line(step: str | None, kind: str, outcome: str | None, **facts: str) -> Line:
    """A line of a timeline."""
    return Line(START, START, 1, step, kind, outcome, dict(facts), "u1")


def test_a_list_and_lines_are_the_same_contacts() -> None:
    listed = read_contacts_file(json.dumps(PEOPLE).encode(), "c.json")
    lines = read_contacts_file("\n\n".join(map(json.dumps, PEOPLE)).encode(), "c.jsonl")
    assert [each.document for each in listed] == [each.document for each in lines] == PEOPLE
    assert listed[1].place == "c.json: contact 2"
    assert lines[1].place == "c.jsonl:3"


def test_numbers_of_any_size_are_read_as_the_api_reads_them() -> None:
    people = b'{"userId": "a", "traits": {"n": 18446744073709551616}}'
    [one] = read_contacts_file(people, "c.jsonl")
    [listed] = read_contacts_file(b"[%s]" % people, "c.json")
    assert one.document == listed.document == {"userId": "a", "traits": {"n": 2.0**64}}
    with pytest.raises(SimulationRefused, match=r"^c\.jsonl:1: not JSON"):
        read_contacts_file(b'{"userId": "a", "traits": {"n": NaN}}', "c.jsonl")


def test_a_line_that_is_no_json_is_named() -> None:
    with pytest.raises(SimulationRefused, match=r"^c\.jsonl:2: not JSON"):
        read_contacts_file(b'{"userId": "a"}\nada\n', "c.jsonl")
    with pytest.raises(SimulationRefused, match=r"^c\.json: not JSON"):
        read_contacts_file(b"[1,", "c.json")


def test_a_draw_is_a_part_in_order_and_the_same_for_the_same_seed() -> None:
    candidates = [ContactDocument(str(n), each) for n, each in enumerate(PEOPLE)]
    ten = draw_sample(candidates, 10, 1)
    assert len(ten) == 10
    assert [int(each.place) for each in ten] == sorted({int(each.place) for each in ten})
    assert draw_sample(candidates, 10, 1) == ten
    assert draw_sample(candidates, 10, 2) != ten
    assert draw_sample(candidates, 1000, 1) == draw_sample(candidates, None, 1) == candidates


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ([{"userId": "a"}, {"userId": "a"}], r"^f:2: `a` is taken, at f:1"),
        ([{"userId": "a"}, {"traits": {}}], r"^f:2: userId: missing"),
        ([{"userId": "a", "groups": {}}], r"^f:1: contact\.groups: must be a list"),
        ([[]], r"^f:1: contact: must be an object"),
    ],
)
def test_a_contact_that_cannot_be_is_named_by_its_place(people: list[object], words: str) -> None:
    candidates = [ContactDocument(f"f:{n}", each) for n, each in enumerate(people, 1)]
    with pytest.raises(SimulationRefused, match=words):
        read_scenarios(book(), candidates, [], START)


def test_the_summary_counts_outcomes_reasons_messages_and_ends() -> None:
    summary = build_summary(
        book().journey,
        5,
        [
            line(None, "entry", "entered"),
            line("mail", "email", "sent", to="a@example.com"),
            line("kind", "branch", "vip"),
            line("call", "webhook", "failed", url="https://desk.example/"),
            line(None, "end", "completed"),
            line(None, "entry", "entered"),
            line("mail", "email", "skipped", reason="no_address"),
            line("kind", "branch", "else"),
            line(None, "end", None, stands_at="mail"),
            line(None, "refused", "active"),
        ],
    )
    assert (summary.contacts, summary.entered) == (5, 2)
    assert [(step.id, step.depth, step.reached, step.messages) for step in summary.steps] == [
        ("mail", 0, 2, 1), ("kind", 0, 2, 0), ("call", 1, 1, 1),
    ]  # fmt: skip
    assert summary.steps[0].outcomes == Counter(sent=1, skipped=1)
    assert summary.steps[0].skipped == Counter(no_address=1)
    assert summary.ends == Counter(completed=1)
    assert summary.standing == Counter(mail=1)
    assert summary.refused == Counter(active=1)
