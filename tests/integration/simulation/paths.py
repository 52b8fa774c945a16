"""Scenarios as files: contacts, what happens to them, and the path worked out by hand.

A file of `scenarios/` holds `start`, a `contact` that all have in common, and `scenarios` by name,
each with its own `contact` (laid over the common one), `events`, and its `path`: words such as
`reminder sent`, one after another with commas between. `reminder skipped (consent)` also expects
the reason, `reminder sent @ 2026-03-02 10:00` the local time. A path may also be a list of such,
one of them `{times: 4, path: …}`, and an event `{times: 4, hourly: EVENT}`. `goal: true` says that
the journey's goal is met. A journey without an entry by event is started at `start`, unless an
event starts it or the scenario says `itself: true`: then what happens begins the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from journeys.model.journey import Journey
from journeys.model.triggers import EventEntry
from journeys.source.parsing import parse_all
from simulation.timeline import Line
from tests.integration.simulation.samples import LIBRARY

SCENARIOS = Path(__file__).parent / "scenarios"
PROGRAMMES = Path(__file__).parents[2] / "fixtures" / "programmes.yaml"
_STOP = re.compile(
    r"(?P<step>[\w-]+) (?P<outcome>[^(@]+?)( \((?P<reason>[^)]*)\))?( @ (?P<local>[\d-]+ [\d:]+))?"
)


@dataclass(frozen=True)
class Stop:
    """One stop of a path: a step and its outcome, `refused` and its code, `end` and its outcome."""

    step: str
    outcome: str
    reason: str | None = None
    local: str | None = None

    @classmethod
    def read(cls, text: str) -> Stop:
        """A stop as it is written. Raises ValueError."""
        found = _STOP.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no stop; write `reminder sent`")
        return cls(**found.groupdict())

    def seen_in(self, line: Line) -> Stop:
        """What a line shows of what this stop asks for."""
        return Stop(
            line.step or line.kind,
            line.outcome or "none",
            str(line.facts.get("reason")) if self.reason is not None else None,
            f"{line.local:%Y-%m-%d %H:%M}" if self.local is not None else None,
        )

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason is not None else ""
        return f"{self.step} {self.outcome}{reason}" + (f" @ {self.local}" if self.local else "")


@dataclass(frozen=True)
class Case:
    """One scenario."""

    name: str
    start: str
    contact: dict[str, Any]
    events: list[dict[str, Any]]
    path: tuple[Stop, ...]
    goal: bool = False
    """Whether it is met, where the journey has one."""
    itself: bool = False
    """Whether what happens begins the run."""

    @property
    def company(self) -> bytes:
        """Those with the same can live in one simulation: it begins once, and pools are shared."""
        return orjson.dumps([self.start, self.contact.get("coupons"), self.itself])

    def differs(self, lines: Iterable[Line]) -> str | None:
        """What went another way, in words; None if all is as expected."""
        gone = [line for line in lines if line.kind not in ("entry", "goal")]
        blank = Stop("", "")
        asked = [*self.path, *[blank] * len(gone)]
        seen = [stop.seen_in(line) for stop, line in zip(asked, gone, strict=False)]
        if seen == list(self.path):
            return None
        return f"{self.name}:\n  expected {_said(self.path)}\n  seen     {_said(seen)}"


@dataclass(frozen=True)
class Table:
    """The scenarios of one journey, of a file that others may share."""

    key: str
    source: Path
    cases: tuple[Case, ...] = field(repr=False)

    @property
    def journey(self) -> Journey:
        """The journey itself."""
        parsed, _ = parse_all(self.source.read_bytes(), str(self.source))
        for each in parsed:
            if isinstance(each.document, Journey) and each.document.key == self.key:
                return each.document
        raise KeyError(self.key)


def table_names() -> list[str]:
    """The tables there are, each by its folder and the key of its journey: `library/welcome`."""
    return [f"{file.parent.name}/{file.stem}" for file in sorted(SCENARIOS.glob("*/*.yaml"))]


@cache
def read_table(name: str) -> Table:
    """A table by its name. Raises ValueError and KeyError for one that is written wrong."""
    file = SCENARIOS / f"{name}.yaml"
    given = YAML(typ="safe").load(file.read_bytes())
    source = PROGRAMMES if file.parent.name == "programmes" else LIBRARY / f"{file.stem}.yaml"
    cases = []
    for number, (name, each) in enumerate(given["scenarios"].items(), 1):
        contact = laid_over(given.get("contact", {}), each.get("contact", {}))
        contact.setdefault("userId", f"{file.stem}-{number}")
        path = tuple(Stop.read(stop) for stop in parts(each["path"]))
        goal = bool(each.get("goal", False))
        start = each.get("start", given["start"])
        datetime.fromisoformat(start)
        events = [event for raw in each.get("events", []) for event in _hourly(raw)]
        itself = each.get("itself", False)
        started = itself or any("start" in event for event in events)
        if not started and not _has_event_entry(source, file.stem):
            events.insert(0, {"at": "+0s", "start": {}})
        cases.append(Case(name, start, contact, events, path, goal, itself))
    return Table(file.stem, source, tuple(cases))


@cache
def _has_event_entry(source: Path, key: str) -> bool:
    journey = Table(key, source, ()).journey
    return any(isinstance(entry, EventEntry) for entry in journey.entry)


def as_lines(table: Table) -> list[Line]:
    """The expected paths as lines of a timeline, for what is asked of them alone."""
    steps = {step.id: step.kind for step in table.journey.all_steps()}
    lines = []
    for case in table.cases:
        at = datetime.fromisoformat(case.start)
        for stop in case.path:
            kind = steps.get(stop.step)
            step = stop.step if kind else None
            facts = {"reason": stop.reason}
            lines.append(Line(at, at, 1, step, kind or stop.step, stop.outcome, facts, case.name))
    return lines


def _hourly(raw: dict[str, Any]) -> list[dict[str, Any]]:
    if "times" not in raw:
        return [raw]
    return [{"at": f"+{hour}h", **raw["hourly"]} for hour in range(1, raw["times"] + 1)]


def parts(path: str | list[Any]) -> list[str]:
    if isinstance(path, str):
        return [part for part in re.split(r",\s+(?![^(]*\))", path.strip()) if part]
    return [
        stop
        for part in path
        for stop in (parts(part["path"]) * part["times"] if isinstance(part, dict) else parts(part))
    ]


def laid_over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(common)
    for key, value in own.items():
        below = laid.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            laid[key] = laid_over(below, value)
        else:
            laid[key] = value
    return laid


def _said(path: Iterable[Stop]) -> str:
    return ", ".join(map(str, path)) or "nothing"
