"""Many contacts at once: who takes part, and what came of them all, in counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from journeys.model.journey import Journey
from simulation.document_set import DocumentSet
from simulation.errors import SimulationRefused
from simulation.scenarios import read_scenario
from simulation.script import Scenario
from simulation.timeline import Line


@dataclass(frozen=True)
class Candidate:
    """A contact as a file gives it, and where."""

    place: str
    given: Any


def read_contacts(content: bytes, file: str) -> list[Candidate]:
    """The contacts of a file: a JSON list, or a JSON object a line.

    Raises SimulationRefused naming the line.
    """
    text = content.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise SimulationRefused(f"{file}: not JSON: {error}") from None
        return [Candidate(f"{file}: contact {n}", each) for n, each in enumerate(listed, 1)]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(Candidate(f"{file}:{number}", json.loads(line)))
            except ValueError as error:
                raise SimulationRefused(
                    f"{file}:{number}: not JSON: {error}; write a list, or an object a line"
                ) from None
    return found


def draw(candidates: Sequence[Candidate], sample: int | None, seed: int) -> list[Candidate]:
    """At most `sample` of them, in their order; the same for the same seed."""
    if sample is None or sample >= len(candidates):
        return list(candidates)
    return [candidates[n] for n in sorted(Random(seed).sample(range(len(candidates)), sample))]


def read_crowd(
    book: DocumentSet, candidates: Iterable[Candidate], events: object, start: datetime
) -> list[Scenario]:
    """A scenario for each, with the same script. Raises SimulationRefused naming the contact."""
    scenarios: list[Scenario] = []
    seen: dict[str, str] = {}
    for each in candidates:
        if isinstance(each.given, dict) and not each.given.get("userId"):
            raise SimulationRefused(f"{each.place}: userId: missing; it tells contacts apart")
        try:
            scenario = read_scenario(book, each.given, events, start)
        except SimulationRefused as refused:
            raise SimulationRefused(f"{each.place}: {refused}") from None
        first = seen.setdefault(scenario.person.id, each.place)
        if first != each.place:
            raise SimulationRefused(f"{each.place}: `{scenario.person.id}` is taken, at {first}")
        scenarios.append(scenario)
    return scenarios


@dataclass(frozen=True)
class StepSummary:
    """What came of all visits to a step."""

    id: str
    kind: str
    depth: int
    """In how many branches it stands."""
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    messages: int = 0
    """How many went to their channel."""

    @property
    def reached(self) -> int:
        """How many visits have ended."""
        return self.outcomes.total()


@dataclass(frozen=True)
class Summary:
    """What came of all contacts."""

    journey: str
    contacts: int
    entered: int
    """Runs; a contact may have several, or none."""
    refused: Counter[str]
    steps: list[StepSummary]
    ends: Counter[str]
    standing: Counter[str]
    """Runs that nothing in sight wakes, by the step they stand at."""

    def as_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {
            "kind": "summary",
            "journey": self.journey,
            "contacts": self.contacts,
            "entered": self.entered,
            "refused": dict(self.refused),
            "steps": [
                {
                    "id": step.id,
                    "kind": step.kind,
                    "reached": step.reached,
                    "outcomes": dict(step.outcomes),
                    "skipped": dict(step.skipped),
                    "messages": step.messages,
                }
                for step in self.steps
            ],
            "ends": dict(self.ends),
            "standing": dict(self.standing),
        }


def summarise(journey: Journey, contacts: int, lines: Iterable[Line]) -> Summary:
    """The counts of a simulation's lines."""
    steps = {
        step.id: StepSummary(step.id, step.kind, sum(part in ("then", "else") for part in path[3:]))
        for path, step in journey.walk()
    }
    summary = Summary(
        journey.key, contacts, 0, Counter(), list(steps.values()), Counter(), Counter()
    )
    messages: Counter[str] = Counter()
    entered = 0
    for line in lines:
        if line.step is not None and line.outcome is not None:
            steps[line.step].outcomes[line.outcome] += 1
            if line.outcome == "skipped":
                steps[line.step].skipped[str(line.facts.get("reason"))] += 1
            messages[line.step] += "to" in line.facts or "url" in line.facts
        elif line.kind == "entry":
            entered += 1
        elif line.kind == "refused":
            summary.refused[str(line.outcome)] += 1
        elif line.kind == "end" and line.outcome is not None:
            summary.ends[line.outcome] += 1
        elif line.kind == "end":
            summary.standing[str(line.facts.get("stands_at"))] += 1
    told = [replace(step, messages=messages[step.id]) for step in summary.steps]
    return replace(summary, entered=entered, steps=told)
