"""Emits and enters, simulated: journeys of the same files go on from one another."""

from __future__ import annotations

from typing import Any

from simulation.fixture import SimulatedJourney
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

FIRST = """
journey: first
entry: {event: Started}
re_entry: always
steps:
  - {id: go, enter: {journey: second, properties: {points: {entry: points}}}}
  - {id: back, wait: {event: Came Back, up_to: 3d}}
"""
SECOND = """
journey: second
entry: {api: true}
steps:
  - {id: rest, wait: 2d}
  - {id: on, enter: {journey: third}}
  - {id: announce, emit: {event: Came Back, properties: {points: {entry: points}}}}
"""
THIRD = """
journey: third
entry: {api: true}
steps: [{id: mail, sms: {text: Hi, transactional: true}}]
"""
ALONE = "journey: alone\nentry: {event: Started}\nsteps: [{id: mark, group: {add: [alone]}}]\n"
ALL = f"{FIRST}---{SECOND}---{THIRD}---\n{ALONE}"
START = "2026-03-02T09:00:00Z"


def test_what_a_journey_enters_is_active_and_goes_its_own_way(parcours: SimulatedJourney) -> None:
    parcours.load(text=ALL, journey="first", start=START)
    parcours.contact(ADA)
    parcours.track("Started", {"points": 5})
    assert parcours.path == [("go", "entered")]
    assert parcours.lines[1].facts == {"journey": "second", "version": 1}
    parcours.advance("2d")
    assert parcours.path == [("go", "entered"), ("back", "happened")]
    [back] = [line for line in parcours.lines if line.step == "back"]
    assert back.at.isoformat() == "2026-03-04T09:00:00+00:00"
    assert back.facts["properties"] == {"points": 5}
    # The second journey is not entered twice, so the first waits in vain.
    parcours.track("Started", {"points": 7})
    parcours.finish()
    assert parcours.path[2:] == [("go", "refused"), ("back", "timed_out")]
    refused = next(line for line in parcours.lines if line.outcome == "refused")
    assert refused.facts == {"journey": "second", "code": "re_entry"}
    assert all(each.missed == () for each in parcours.coverage)
    # A journey that no step enters is not active, although the script has its entry event.
    assert {line.step for line in parcours.lines} == {None, "go", "back"}


def test_what_the_files_do_not_hold_can_not_be_entered(parcours: SimulatedJourney) -> None:
    parcours.load(text=FIRST, start=START)
    parcours.contact(ADA)
    parcours.track("Started")
    parcours.finish()
    assert parcours.path == [("go", "refused"), ("back", "timed_out")]
    assert parcours.lines[1].facts == {"journey": "second", "code": "unknown_journey"}


def test_an_emit_has_the_effect_of_its_event_at_once(parcours: SimulatedJourney) -> None:
    parcours.load(
        text="topic: tips\ndefault: opt_out\n---\n"
        "journey: sunset\nentry: {event: Started}\nsteps:\n"
        "- {id: bye, emit: {event: Topic Unsubscribed, properties: {topic: tips}}}\n"
        "- {id: last, email: {subject: Bye, text: Bye, topic: tips}}\n",
        start=START,
    )
    parcours.contact(ADA)
    parcours.track("Started")
    assert parcours.path == [("bye", "done"), ("last", "skipped")]
    # No journey handles an emit that fails, so `failed` is not reported as missed.
    assert {each.step: each.missed for each in parcours.coverage}["bye"] == ()


async def test_a_chain_simulates_the_same_twice(simulate: Play, simulate_again: Play) -> None:
    text = FIRST.replace("journey: second", "journey: first", 1)
    events: list[Any] = [{"event": "Started"}, {"at": "+1d", "event": "Came Back"}]
    once = [line.as_json() for line in await simulate(text, ADA, events, START)]
    again = [line.as_json() for line in await simulate_again(text, ADA, events, START)]
    assert once == again
