"""Splits, simulated: a contact's arm follows from its name, so a scenario is the same each time."""

from typing import Any

import pytest

from simulation.fixture import SimulatedJourney
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

LAUNCH = """
journey: launch
entry: {event: Started}
re_entry: always
timezone: Europe/Paris
steps:
  - id: subject
    split:
      - {name: a, weight: 1, then: [{id: mail-a, email: {subject: A, text: t, transactional: true}}]}
      - {name: b, weight: 1, then: [{id: mail-b, email: {subject: B, text: t, transactional: true}}]}
      - {name: rest, weight: 2, winner: {by: clicked, after: 1d}}
      - {name: control, weight: 1, holdout: true}
  - {id: after, group: {add: [done]}}
"""  # noqa: E501 - as a person would write it
ENDS: dict[str, list[tuple[str, str]]] = {
    "a": [("subject", "a"), ("mail-a", "sent"), ("after", "done")],
    "b": [("subject", "b"), ("mail-b", "sent"), ("after", "done")],
    "rest": [("subject", "rest"), ("mail-a", "sent"), ("after", "done")],
    "control": [("subject", "control")],
}
START = "2026-03-28T08:00:00Z"


@pytest.mark.parametrize(
    ("user", "arm"), [("ada", "a"), ("gus", "b"), ("dee", "rest"), ("bob", "control")]
)
def test_a_contact_takes_the_arm_of_its_name(
    parcours: SimulatedJourney, user: str, arm: str
) -> None:
    parcours.load(text=LAUNCH, start=START)
    parcours.contact({**ADA, "userId": user})
    parcours.track("Started")
    if arm == "rest":
        assert parcours.path == []
        parcours.advance("23h")
        assert parcours.path == ENDS["rest"]
        # A day on the contact's clock: Paris lost an hour in the night.
        [chosen] = [line for line in parcours.lines if line.step == "subject"]
        assert chosen.at.isoformat() == "2026-03-29T07:00:00+00:00"
        assert chosen.facts["winner"] == "a"
    parcours.finish()
    assert parcours.path == ENDS[arm]
    assert parcours.outcome() == "completed"


def test_an_exit_ends_a_simulated_run_that_stands_at_a_winner(parcours: SimulatedJourney) -> None:
    parcours.load(text=LAUNCH.replace("steps:", "exit: {event: Left}\nsteps:", 1), start=START)
    parcours.contact({**ADA, "userId": "dee"})
    parcours.track("Started")
    parcours.advance("2h")
    parcours.track("Left")
    assert parcours.path == [("subject", "exited")]
    assert parcours.outcome() == "exited"


async def test_a_split_simulates_the_same_twice(simulate: Play, simulate_again: Play) -> None:
    events: list[Any] = [{"event": "Started"}]
    once = [line.as_json() for line in await simulate(LAUNCH, ADA, events, START)]
    again = [line.as_json() for line in await simulate_again(LAUNCH, ADA, events, START)]
    assert once == again


def nested(levels: int) -> str:
    """Splits and branches inside one another, each of which one way leads through."""
    line = "[{id: bottom, group: {add: [deep]}}]"
    for level in range(levels, 0, -1):
        after = f"{{id: after-{level}, group: {{add: [g{level}]}}}}"
        if level % 2:
            ways = f"branch: [{{if: {{attribute: first_name, is: Ada}}, then: {line}}}]"
        else:
            ways = (
                f"split: [{{name: in, weight: 100000000, then: {line}}},"
                " {name: by, weight: 0.01}]"
            )
        line = f"[{{id: way-{level}, {ways}}}, {after}]"
    return f"journey: deep\nentry: {{event: Started}}\nsteps: {line}\n"


def test_ways_are_taken_at_any_depth(parcours: SimulatedJourney) -> None:
    parcours.load(text=nested(8), start=START)
    parcours.contact(ADA)
    parcours.track("Started")
    down = [(f"way-{level}", "1" if level % 2 else "in") for level in range(1, 9)]
    up = [(f"after-{level}", "done") for level in range(8, 0, -1)]
    assert parcours.path == [*down, ("bottom", "done"), *up]
    assert parcours.outcome() == "completed"
