"""Decision whether a run migrates to another version, and to which step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from journeys.model.journey import Journey
from journeys.protocol.channels import SEND_KINDS
from journeys.versions.mapping import MappedStep, map_step

MigrationResult = Literal["moved", "stays", "at_work", "up_to_date", "ended"]
"""`at_work`: the run does not wait, and is decided about when it next does."""


@dataclass(frozen=True, slots=True)
class NewestVisit:
    """A run's newest visit."""

    step: str
    kind: str
    outcome: str | None
    deferral: str | None
    """Why its send is deferred; None if it is not."""

    @property
    def is_waiting(self) -> bool:
        """Whether the run waits there. A send that is claimed, or retried soon, does not."""
        return self.outcome is None and (self.kind not in SEND_KINDS or self.deferral is not None)


@dataclass(frozen=True, slots=True)
class MigratingRun:
    """A run, as far as its migration depends on it."""

    active: bool
    version: int
    leaving: bool
    """An exit rule has fired, and its `then` runs."""
    visit: NewestVisit | None
    """None before the first visit."""


@dataclass(frozen=True, slots=True)
class MigrationDecision:
    """The result of a migration for one run."""

    result: MigrationResult
    mapped: MappedStep = field(default_factory=MappedStep)
    """The step it moves to, or the reason why it stays; empty for the other results."""


def decide_migration(
    run: MigratingRun, version: int, target: Journey, mapping: Mapping[str, str]
) -> MigrationDecision:
    """Decide about a run whose journey takes `version`, which is `target`.

    `mapping` leads from steps to others; every other step leads to the one of its own name.
    """
    if not run.active:
        return MigrationDecision("ended")
    if run.version == version:
        return MigrationDecision("up_to_date")
    if run.leaving:
        return MigrationDecision("stays", MappedStep(stay_reason="leaving"))
    if run.visit is None or not run.visit.is_waiting:
        return MigrationDecision("at_work")
    mapped = map_step(run.visit.step, run.visit.kind, target, mapping)
    return MigrationDecision("moved" if mapped.stay_reason is None else "stays", mapped)
