"""The timeline of a simulation and the coverage of outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from api.http.times import format_time
from journeys.compile.flow import Flow
from journeys.model.journey import Journey
from journeys.model.outcomes import impossible_outcomes, outcomes
from journeys.model.steps import GotoStep
from journeys.time.zones import zone_of
from store.simulation.run_histories import HistoryEntry, RefusalRow, UnfinishedRun


@dataclass(frozen=True)
class Line:
    """One line: the end of a visit, a run's entry, met goal or end, or a refused entry."""

    at: datetime
    """In UTC."""
    local: datetime
    """The same instant on the contact's clock."""
    run: int
    """The number of the run, from 1; 0 for a refused entry."""
    step: str | None
    kind: str
    """The step's word, `entry`, `goal`, `end` or `refused`."""
    outcome: str | None
    facts: dict[str, Any] = field(default_factory=dict)
    contact: str = ""
    """The external id of the contact."""

    def as_json(self) -> dict[str, Any]:
        """The line as commands print it."""
        return {
            "at": format_time(self.at),
            "local": self.local.isoformat(),
            "step": self.step,
            "kind": self.kind,
            "outcome": self.outcome,
            "facts": self.facts,
            "run": self.run,
        }


class Timeline:
    """The lines of a simulation, in the order in which they are read."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._seen: set[tuple[UUID, int | None]] = set()
        self._refused: set[int] = set()
        self.lines: list[Line] = []

    def add(self, happened: Iterable[HistoryEntry], sent: Mapping[UUID, Mapping[str, Any]]) -> None:
        """Add lines that are not in the timeline yet. `sent` is the content of messages, by id."""
        for each in happened:
            if (each.run_id, each.visit) in self._seen:
                continue
            self._seen.add((each.run_id, each.visit))
            facts = {**each.facts, **_output_facts(each.output)}
            # Random ids would make every timeline different.
            facts.pop("run_id", None)
            if each.message_id is not None:
                facts |= sent.get(each.message_id, {})
            if each.visit is None or each.visit <= 0:
                facts = {name: value for name, value in facts.items() if value is not None}
            self._append(each, each.at, each.run, each.step, each.kind, each.outcome, facts)

    def add_refused(self, refused: Iterable[RefusalRow]) -> None:
        """Add refused entries that are not in the timeline yet."""
        for each in refused:
            if each.id not in self._refused:
                self._refused.add(each.id)
                facts = {"event": each.event} if each.event else {}
                self._append(each, each.at, 0, None, "refused", each.code, facts)

    def add_waiting(self, at: datetime, active: Iterable[UnfinishedRun]) -> None:
        """Add a line for each run that is still waiting when nothing is due any more."""
        for each in active:
            facts = {"reason": "nothing in sight ends its wait", "stands_at": each.step}
            self._append(each, at, each.run, None, "end", None, facts)

    def _append(
        self,
        of: HistoryEntry | RefusalRow | UnfinishedRun,
        at: datetime,
        run: int,
        step: str | None,
        kind: str,
        outcome: str | None,
        facts: dict[str, Any],
    ) -> None:
        local = at.astimezone(zone_of(of.timezone, self._journey.timezone))
        self.lines.append(Line(at, local, run, step, kind, outcome, facts, of.contact))


def _output_facts(output: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in a step's output. `event` becomes `properties`: in facts `event` is a name."""
    facts = {("properties" if name == "event" else name): value for name, value in output.items()}
    if isinstance(facts.get("properties"), dict):
        # Random ids would make every timeline different.
        facts["properties"] = {
            name: value for name, value in facts["properties"].items() if name != "message_id"
        }
    return facts


@dataclass(frozen=True)
class StepCoverage:
    """The outcomes of a step that simulations have reached, and those that they have not."""

    step: str
    kind: str
    reached: tuple[str, ...]
    missed: tuple[str, ...]
    never: Mapping[str, str] = field(default_factory=dict)
    """Outcomes of its kind that this step can't have, with the reason of each."""


def coverage(journey: Journey, lines: Iterable[Line]) -> list[StepCoverage]:
    """The coverage of each step by the lines of any number of simulations."""
    seen: dict[str, set[str]] = {}
    for line in lines:
        if line.step is not None and line.outcome is not None:
            seen.setdefault(line.step, set()).add(line.outcome)
    flow = Flow(journey)
    found = []
    for step in journey.all_steps():
        never = impossible_outcomes(step)
        if isinstance(step, GotoStep) and not flow.returns(step.id):
            never["spent"] = "no run comes to it twice"
        possible = [outcome for outcome in outcomes(step) if outcome not in never]
        reached = seen.get(step.id, set())
        found.append(
            StepCoverage(
                step.id,
                step.kind,
                tuple(outcome for outcome in possible if outcome in reached),
                tuple(outcome for outcome in possible if outcome not in reached),
                never,
            )
        )
    return found
