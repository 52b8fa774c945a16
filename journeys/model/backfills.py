"""Backfills: the entries that let those enter who are members, or have the value, already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from journeys.model.journey import Journey
from journeys.model.triggers import AttributeEntry, GroupEntry, SegmentEntry

BackfillEntry = SegmentEntry | GroupEntry | AttributeEntry


@dataclass(frozen=True)
class Backfill:
    """Who enters when a journey goes live."""

    entry: BackfillEntry
    plan: dict[str, Any]
    """`{segment}`, `{group}` or `{attribute, to}`."""
    properties: dict[str, Any]
    """What `entry` is in the runs."""

    @property
    def name(self) -> str:
        """Who they are, for people."""
        match self.entry:
            case SegmentEntry(segment=key):
                return f"segment {key}"
            case GroupEntry(group=key):
                return f"group {key}"
            case AttributeEntry(attribute=path, to=value):
                return f"{path} {value}"


def backfills_of(journey: Journey) -> list[Backfill]:
    """The backfills of a journey, in the order of its entries; each set of contacts once."""
    found: list[Backfill] = []
    for entry in journey.entry:
        if not isinstance(entry, BackfillEntry) or not entry.backfill:
            continue
        backfill = _backfill(entry)
        if backfill.plan not in [each.plan for each in found]:
            found.append(backfill)
    return found


def new_backfills(journey: Journey, live: Journey | None) -> list[Backfill]:
    """The backfills that begin when a journey goes live; `live` is the version that was before.

    Those that the version before had as well were done when it went live.
    """
    before = [] if live is None else [each.plan for each in backfills_of(live)]
    return [each for each in backfills_of(journey) if each.plan not in before]


def _backfill(entry: BackfillEntry) -> Backfill:
    match entry:
        case SegmentEntry(segment=key):
            return Backfill(entry, {"segment": key}, {"segment": key, "by": "fill"})
        case GroupEntry(group=key):
            return Backfill(entry, {"group": key}, {"group": key})
        case AttributeEntry(attribute=path, to=value):
            properties = {"names": [path], "changes": {}}
            return Backfill(entry, {"attribute": path, "to": value}, properties)
