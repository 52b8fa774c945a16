"""Random windows, played as waits: each ends at its exact instant, by a second reading.

`WAITS_FROM=1000` before pytest plays others, drawn from that seed on.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import pytest
from whenever import Instant, TimeDelta

from simulation.document_set import read_document_set
from simulation.scenarios import play_together, read_scenario
from tests.integration.store.test_conditions_in_time import ZONES, Random
from tests.support.timed_conditions import STEP, Happened, Person, holds, turns
from tests.unit.journeys.make_local_times import shifted

WAITS = 60
FIRST = int(os.environ.get("WAITS_FROM", "0"))
START = Instant.from_utc(2026, 1, 20)
LAST = Instant.from_utc(2027, 6, 1)
UP_TO = "600d"


@dataclass(frozen=True)
class Wait:
    """A wait on a condition, and when it has to end."""

    number: int
    person: Person
    condition: dict[str, Any]
    begins: Instant
    ends: Instant
    by_time: bool
    """Whether no event is the cause."""


def anchor(made: Random) -> Instant:
    """About a change of clocks or the end of a month, or a window before one."""
    special = made.special()
    change = Instant.from_utc(2026, made.any.randrange(1, 13), 1).to_tz(made.zone).next_transition()
    if change is not None and made.any.random() < 0.5:
        special = change.to_instant()
    if made.any.random() < 0.5:
        by = f"-{made.any.choice(made.windows)}"
        special = shifted(special.to_tz(made.zone), by, made.zone).to_instant()
    return special


def draw(number: int, seed: int) -> Wait | None:
    """A wait that has to end; None if these random things do not make one."""
    made = Random(seed)
    anchors = [anchor(made) for _ in range(3)]
    begins = made.special() + TimeDelta(hours=24 * 365)
    whole = [made.any.choice(anchors) + made.jitter(2) for _ in range(made.any.randrange(1, 6))]
    events = [Happened("A", at, at, {"total": made.any.randrange(5)}) for at in sorted(whole)]
    person = Person(made.zone, {"ends": made.special().format_iso()}, events)
    condition = made.exact()
    if "event" in condition and not all(map(_is_past, _moments_of(condition))):
        # Validation refuses what no event can be: later than now.
        return None
    if made.any.random() < 0.5:
        condition = {"not": condition}
    if "attribute" in json.dumps(condition).replace('"attribute": "ends"', ""):
        return None
    if not START < begins < LAST or holds(condition, person.as_of(begins), begins):
        return None
    stamps = {event.stamped_at for event in events}
    instants = stamps | {
        turn + step for turn in turns(condition, person) for step in (TimeDelta(), STEP)
    }
    for instant in sorted(instants):
        if begins < instant < LAST and holds(condition, person.as_of(instant), instant):
            by_time = instant not in stamps
            return Wait(number, person, condition, begins, instant, by_time)
    return None


def _moments_of(condition: dict[str, Any]) -> list[str]:
    return [condition[word] for word in ("since", "before") if word in condition]


def _is_past(moment: Any) -> bool:
    return isinstance(moment, dict) or moment[0] in "-2" or moment == "today"


def drawn() -> list[Wait]:
    """As many waits; of the same seeds each time."""
    waits: list[Wait] = []
    seed = FIRST
    while len(waits) < WAITS:
        wait = draw(len(waits), seed)
        # Three of four by time alone.
        if wait is not None and wait.by_time is bool(wait.number % 4):
            waits.append(wait)
        seed += 1
    return waits


def journey(waits: list[Wait]) -> str:
    """A journey in which each contact comes to its own wait."""
    steps = [
        {
            "name": f"n{wait.number}",
            "if": {"entry": "n", "is": wait.number},
            "then": [
                {"id": f"w{wait.number}", "wait": {"if": wait.condition, "up_to": UP_TO}},
            ],
        }
        for wait in waits
    ]
    # JSON is YAML, too.
    return json.dumps({"journey": "waits", "entry": [{"event": "Begun"}],
                       "steps": [{"id": "which", "branch": steps}]})  # fmt: skip


def script_of(wait: Wait) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The contact with its past, and what happens."""
    happened: list[dict[str, Any]] = [
        {"at": event.occurred_at.format_iso(), "event": "A", "properties": event.properties}
        for event in wait.person.events
    ]
    past = [one for one, event in zip(happened, wait.person.events, strict=True)
            if event.occurred_at < START]  # fmt: skip
    begun: dict[str, Any] = {
        "at": wait.begins.format_iso(),
        "event": "Begun",
        "properties": {"n": wait.number},
    }
    to_come = sorted([*happened[len(past) :], begun], key=lambda one: Instant.parse_iso(one["at"]))
    traits = {"timezone": wait.person.zone, **wait.person.attributes}
    return {"userId": f"u{wait.number}", "traits": traits, "events": past}, to_come


@pytest.mark.long
async def test_a_wait_ends_at_the_exact_instant_that_time_or_an_event_brings(
    database_url: str,
) -> None:
    waits = drawn()
    book = read_document_set([("waits.yaml", journey(waits).encode())], None)
    start = START.to_stdlib()
    scenarios = [read_scenario(book, *script_of(wait), start) for wait in waits]
    lines = await play_together(book, scenarios, database_url, start)
    found = {line.step: (line.outcome, line.at) for line in lines if (line.step or "")[:1] == "w"
             and line.outcome is not None and line.step != "which"}  # fmt: skip
    wrong = [
        (wait, found.get(f"w{wait.number}"))
        for wait in waits
        if found.get(f"w{wait.number}") != ("happened", wait.ends.to_stdlib().astimezone(UTC))
    ]
    assert wrong == [], wrong[:3]
    assert {wait.person.zone for wait in waits} == set(ZONES)
