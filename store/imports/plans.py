"""What an import does: its options, the columns of its file, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from store.imports.mapping import Column, What
from store.imports.presets import PresetName
from store.imports.records import Dialect, Place

Mode = Literal["merge", "only_new", "only_existing"]
By = Literal["external_id", "email", "phone"]
SAMPLE: Final = 10
"""Rows that a dry run shows."""
FIRST_LINES: Final = 5
"""Lines that are named for each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """The options of an import, as its job keeps them."""

    what: What
    dialect: Dialect
    columns: tuple[Column, ...] | None
    """None: each line names its own, as JSON Lines do."""
    start: Place
    """Where the data begin."""
    mode: Mode = "merge"
    by: By = "external_id"
    map: Mapping[str, str] = field(default_factory=dict)
    """Of JSON Lines: the targets of keys."""
    preset: PresetName | None = None
    dry_run: bool = False
    empty: Literal["keep", "remove"] = "keep"
    """What an empty cell does to a value that the contact has."""
    timezone: str | None = None
    """The zone of times without an offset."""
    source: str = "ingest"
    """Of events: whose message ids they share."""
    begin_journeys: bool = False
    """Whether the events of contacts that are created or changed may begin runs."""
    groups: tuple[str, ...] = ()
    """Groups that every contact of the file joins."""
    rate: int | None = None
    """Lines a second, at most."""

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of times without an offset."""
        return None if self.timezone is None else ZoneInfo(self.timezone)

    def as_json(self) -> dict[str, Any]:
        """The plan as its job keeps it."""
        return {
            **{
                name: getattr(self, name)
                for name in (
                    "what", "mode", "by", "preset", "dry_run", "empty", "timezone", "source",
                    "begin_journeys", "rate",
                )
            },
            "map": dict(self.map),
            "groups": list(self.groups),
            "dialect": asdict(self.dialect),
            "start": asdict(self.start),
            "columns": None
            if self.columns is None
            else [column.as_json() for column in self.columns],
        }  # fmt: skip

    @classmethod
    def from_json(cls, plan: Mapping[str, Any]) -> ImportPlan:
        """The plan of a job."""
        columns = plan["columns"]
        return cls(
            **{
                **plan,
                "groups": tuple(plan["groups"]),
                "dialect": Dialect(**plan["dialect"]),
                "start": Place(**plan["start"]),
                "columns": None
                if columns is None
                else tuple(
                    Column(name=name, target=target, type=kind, how=how)
                    for name, target, kind, how in columns
                ),
            }
        )


@dataclass(slots=True)
class Reason:
    """A reason why lines, or values of them, were not imported."""

    count: int = 0
    lines: list[int] = field(default_factory=list)
    """The first of them."""


@dataclass(slots=True)
class ImportResult:
    """What an import has done, or what a dry run would do."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    left_out: int = 0
    """Values of lines that were imported without them."""
    events: int = 0
    repeated: int = 0
    """Events that were recorded before."""
    suppressed: int = 0
    known: int = 0
    """Addresses that were suppressed before."""
    joined: int = 0
    """Groups that contacts joined."""
    consents: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    def add_reason(self, code: str, line: int) -> None:
        """Count a reason. What is wrong with a line stands with the line: it may hold its data."""
        reason = self.reasons.setdefault(code, Reason())
        reason.count += 1
        if len(reason.lines) < FIRST_LINES:
            reason.lines.append(line)

    def as_json(self) -> dict[str, Any]:
        """The result as its job keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, result: Mapping[str, Any] | None) -> ImportResult:
        """The result of a job so far."""
        if result is None:
            return cls()
        known = {name: value for name, value in result.items() if name in cls.__slots__}
        reasons = {code: Reason(**reason) for code, reason in known.pop("reasons", {}).items()}
        return cls(**known, reasons=reasons)
