"""A simulation of many contacts: reading and sampling them, and counting the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

import orjson

from journeys.model.journey import Journey
from simulation.document_set import DocumentSet
from simulation.errors import SimulationRefused
from simulation.scenarios import read_scenario
from simulation.script import Scenario
from simulation.timeline import Line


@dataclass(frozen=True)
class ContactDocument:
    """A contact as a file gives it, with its place in the file."""

    place: str
    document: Any


def read_contacts_file(content: bytes, file: str) -> list[ContactDocument]:
    """The contacts of a file: a JSON list, or one JSON object on each line.

    Raises SimulationRefused naming the line.
    """
    text = content.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("["):
        try:
            listed = orjson.loads(text)
        except ValueError as error:
            raise SimulationRefused(f"{file}: not JSON: {error}") from None
        return [ContactDocument(f"{file}: contact {n}", each) for n, each in enumerate(listed, 1)]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(ContactDocument(f"{file}:{number}", orjson.loads(line)))
            except ValueError as error:
                raise SimulationRefused(
                    f"{file}:{number}: not JSON: {error}; write a list, or an object a line"
                ) from None
    return found


def draw_sample(
    contacts: Sequence[ContactDocument], sample: int | None, seed: int
) -> list[ContactDocument]:
    """At most `sample` of the contacts, in their order; the same ones for the same seed."""
    if sample is None or sample >= len(contacts):
        return list(contacts)
    return [contacts[n] for n in sorted(Random(seed).sample(range(len(contacts)), sample))]


def read_scenarios(
    documents: DocumentSet, contacts: Iterable[ContactDocument], events: object, start: datetime
) -> list[Scenario]:
    """A scenario for each contact, all with the same script.

    Raises SimulationRefused naming the contact.
    """
    scenarios: list[Scenario] = []
    seen: dict[str, str] = {}
    for each in contacts:
        if isinstance(each.document, dict) and not each.document.get("userId"):
            raise SimulationRefused(f"{each.place}: userId: missing; it tells contacts apart")
        try:
            scenario = read_scenario(documents, each.document, events, start)
        except SimulationRefused as refused:
            raise SimulationRefused(f"{each.place}: {refused}") from None
        first = seen.setdefault(scenario.contact.id, each.place)
        if first != each.place:
            raise SimulationRefused(f"{each.place}: `{scenario.contact.id}` is taken, at {first}")
        scenarios.append(scenario)
    return scenarios


@dataclass(frozen=True)
class StepSummary:
    """The counts of all visits to a step."""

    id: str
    kind: str
    depth: int
    """How many branches the step is inside of."""
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    """How many visits were skipped, by reason."""
    messages: int = 0
    """How many messages were handed to their channel."""

    @property
    def reached(self) -> int:
        """How many visits have ended."""
        return self.outcomes.total()


@dataclass(frozen=True)
class Summary:
    """The counts of a simulation of many contacts."""

    journey: str
    contacts: int
    entered: int
    """How many runs began; a contact may have several, or none."""
    refused: Counter[str]
    steps: list[StepSummary]
    ends: Counter[str]
    standing: Counter[str]
    """How many runs are still waiting, by step; nothing in the script wakes them."""

    def as_json(self) -> dict[str, Any]:
        """The JSON object that the command prints."""
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


def build_summary(journey: Journey, contacts: int, lines: Iterable[Line]) -> Summary:
    """The counts of the lines of a simulation."""
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
    counted = [replace(step, messages=messages[step.id]) for step in summary.steps]
    return replace(summary, entered=entered, steps=counted)
