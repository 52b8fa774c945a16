"""Entries of a version that time begins, read once: by date and by schedule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from journeys.model.conditions import AllCondition, Condition, SegmentCondition
from journeys.model.journey import Journey
from journeys.model.moments import AttributeMoment
from journeys.model.triggers import DateEntry, ScheduleEntry
from journeys.schedule.date_moments import DateMoment, DateRule


@dataclass(frozen=True, slots=True)
class DatedEntry:
    """An entry by date."""

    slot: int
    """Its place among the entries by date, from 0."""
    rule: DateRule
    condition: Condition | None
    up_to: str
    prefix: str
    """Begins the keys of its runs, if the journey has several entries by date."""

    def key(self, moment: DateMoment) -> str:
        """The key of the run that begins at a moment."""
        return f"{self.prefix}{moment.key}"


@dataclass(frozen=True, slots=True)
class ScheduledEntry:
    """An entry by schedule."""

    slot: int
    """Its place among the entries by schedule, from 0."""
    entry: ScheduleEntry
    condition: Condition | None
    """Its segment and its `if`, as one condition."""


@dataclass(frozen=True, slots=True)
class TimedEntries:
    """The entries of a version that time begins."""

    dates: tuple[DatedEntry, ...]
    schedules: tuple[ScheduledEntry, ...]

    @classmethod
    def of(cls, journey: Journey) -> TimedEntries:
        """Those of a journey."""
        dated = [entry for entry in journey.entry if isinstance(entry, DateEntry)]
        scheduled = [entry for entry in journey.entry if isinstance(entry, ScheduleEntry)]
        prefixes = _prefixes(dated)
        return cls(
            tuple(
                DatedEntry(slot, DateRule.of(entry), entry.if_, entry.up_to, prefixes[slot])
                for slot, entry in enumerate(dated)
            ),
            tuple(
                ScheduledEntry(slot, entry, _condition(entry))
                for slot, entry in enumerate(scheduled)
            ),
        )


def _condition(entry: ScheduleEntry) -> Condition | None:
    segment = entry.schedule.segment
    if segment is None:
        return entry.if_
    member = SegmentCondition(segment=segment)
    return member if entry.if_ is None else AllCondition(all=[member, entry.if_])


def _prefixes(entries: list[DateEntry]) -> list[str]:
    """Two dates of a contact may lie in one year, so each of several entries has a name."""
    if len(entries) < 2:
        return [""] * len(entries)
    names = [
        f"{entry.date.attribute}{entry.date.offset or ''}"
        if isinstance(entry.date, AttributeMoment)
        else "date"
        for entry in entries
    ]
    seen: Counter[str] = Counter()
    prefixes = []
    for each in names:
        seen[each] += 1
        prefixes.append(f"{each} " if seen[each] == 1 else f"{each} {seen[each]} ")
    return prefixes
