"""What a simulation is given, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulation.document_set import DocumentSet, read_document_set
from simulation.errors import SimulationRefused
from simulation.scenarios import read_scenario
from simulation.script import ScriptedSend, Start

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
PARIS = {"userId": "ada", "traits": {"timezone": "Europe/Paris"}}


def book(entry: str = "{event: Signed Up}") -> DocumentSet:
    """A journey with a mail and a webhook."""
    text = (
        f"journey: tried\nentry: {entry}\nsteps:\n"
        "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}\n"
        "  - {id: call, webhook: {url: 'https://hook.example/'}}\n"
    )
    return read_document_set([("tried.yaml", text)], None)


def test_days_are_the_contacts_and_hours_are_exact() -> None:
    events = [{"at": "+24h", "event": "A"}, {"at": "+1d", "event": "B"}]
    with pytest.raises(SimulationRefused, match="before the item above"):
        # Paris loses an hour in this night: a day of its calendar has 23.
        read_scenario(book(), PARIS, events, START)
    moments = read_scenario(book(), PARIS, events[::-1], START).moments
    assert [moment.at.isoformat() for moment in moments[1:]] == [
        "2026-03-29T11:00:00+00:00", "2026-03-29T12:00:00+00:00",
    ]  # fmt: skip


def test_a_send_result_without_a_time_precedes_the_item_above() -> None:
    events = [{"at": "+1h", "event": "Signed Up"}, {"message": "mail", "is": "failed"}]
    [begin, moment] = read_scenario(book(), PARIS, events, START).moments
    assert begin.actions == ()
    assert moment.responses == (ScriptedSend("mail", "failed"),)
    assert len(moment.actions) == 1


def test_a_journey_without_an_entry_by_event_starts_at_the_start() -> None:
    [moment] = read_scenario(book("{api: true}"), PARIS, [], START).moments
    assert moment.actions == (Start(START, {}, "start"),)
    given = [{"at": "+1d", "start": {"x": 1}}]
    moments = read_scenario(book("{api: true}"), PARIS, given, START).moments
    assert [len(moment.actions) for moment in moments] == [0, 1]


@pytest.mark.parametrize(
    ("contact", "events", "words"),
    [
        ([], [], "contact: must be an object"),
        ({"email": "a@example.com"}, [], r"contact\.email: unknown; attributes stand in `traits`"),
        ({"traits": {"email": "a"}}, [], r"contact: traits\.email: "),
        ({"topics": {"news": "yes"}}, [], r"contact\.topics\.news: must be subscribed, pending"),
        ({"groups": "vip"}, [], r"contact\.groups: must be a list"),
        ({"coupons": {"spring": "A"}}, [], r"contact\.coupons\.spring: must be a list of codes"),
        ({"coupons": {"spring": ["A", 2]}}, [], r"contact\.coupons\.spring: must be a list"),
        ({"coupons": {"spring": [""]}}, [], r"contact\.coupons\.spring: must be a list"),
        ({"coupons": ["A"]}, [], r"contact\.coupons: must be an object"),
        ({"events": [{"event": "A"}]}, [], r"contact\.events\.0\.at: missing"),
        ({"events": [{"event": "A", "at": "+1d"}]}, [], "lies after the start"),
        (PARIS, {}, "events: must be a list"),
        (PARIS, ["x"], r"events\.0: must be an object"),
        (PARIS, [{"at": "+1d"}], r"events\.0: event: missing"),
        (PARIS, [{"at": "soon", "event": "A"}], r"events\.0\.at: 'soon' is not a time"),
        (PARIS, [{"at": "2026-04-01T00:00:00", "event": "A"}], "has no offset"),
        (PARIS, [{"at": "-1h", "event": "A"}], r"events\.0\.at: lies before the start"),
        (PARIS, [{"message": "mial", "is": "opened"}], "'mial' is no such step of `tried`"),
        (PARIS, [{"message": "mail", "is": "eaten"}], r"events\.0\.is: must be one of opened"),
        (PARIS, [{"step": "mail", "answer": {}}], "'mail' is no such step.* there are: call"),
        (PARIS, [{"step": "call", "answer": {"status": "200"}}], r"answer\.status"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(contact: Any, events: Any, words: str) -> None:
    with pytest.raises(SimulationRefused, match=words):
        read_scenario(book(), contact, events, START)


def test_a_journey_must_be_chosen_and_be_there() -> None:
    one = "journey: {}\nentry: {{api: true}}\nsteps: [{{id: w, wait: 1d}}]\n"
    text = one.format("a") + "---\n" + one.format("b")
    with pytest.raises(SimulationRefused, match="which journey"):
        read_document_set([("x", text)], None)
    with pytest.raises(SimulationRefused, match=r"no journey `c` .* there are: a, b"):
        read_document_set([("x", text)], "c")
