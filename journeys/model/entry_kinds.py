"""The kinds of entries: one definition of each, from which everything else about them is derived.

Adding a kind is its model and its place in the union `Entry` in `journeys.model.triggers`, an entry
here, and what begins its runs in `dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from journeys.model.triggers import (
    ApiEntry,
    AttributeEntry,
    DateEntry,
    EventEntry,
    GroupEntry,
    NearEntry,
    ScheduleEntry,
    SegmentEntry,
)
from journeys.model.values import DocumentModel

EntryKindName = Literal[
    "event", "api", "segment", "group", "attribute", "date", "schedule", "near"
]  # fmt: skip
"""The key that names the kind in a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """One kind of entry."""

    model: type[DocumentModel]
    works: bool
    """Whether it begins runs; otherwise it is parsed, checked and refused at activation."""
    event: Callable[[Any], str] | None = None
    """The name of the event that an entry waits for; None: no event begins its runs."""
    recurs: bool = False
    """Time brings it again: each occurrence enters once, so `re_entry` is `always` by default."""


ENTRY_KINDS: Final[Mapping[EntryKindName, EntryKind]] = {
    "event": EntryKind(model=EventEntry, works=True, event=lambda entry: str(entry.event)),
    "api": EntryKind(model=ApiEntry, works=True),
    "segment": EntryKind(model=SegmentEntry, works=False),
    "group": EntryKind(model=GroupEntry, works=False),
    "attribute": EntryKind(model=AttributeEntry, works=False),
    "date": EntryKind(model=DateEntry, works=False, recurs=True),
    "schedule": EntryKind(model=ScheduleEntry, works=False, recurs=True),
    "near": EntryKind(model=NearEntry, works=False),
}
NAMES_BY_MODEL: Final[Mapping[type[DocumentModel], EntryKindName]] = {
    kind.model: name for name, kind in ENTRY_KINDS.items()
}


def event_names(entries: Iterable[object]) -> set[str]:
    """The names of the events that may begin runs by these entries."""
    return {
        kind.event(entry)
        for entry in entries
        for kind in ENTRY_KINDS.values()
        if kind.event is not None and isinstance(entry, kind.model)
    }


def recurs(entry: object) -> bool:
    """Whether an entry, parsed or not yet, is of a kind that time brings again."""
    if isinstance(entry, dict):
        return any(kind.recurs for name, kind in ENTRY_KINDS.items() if name in entry)
    return any(kind.recurs and isinstance(entry, kind.model) for kind in ENTRY_KINDS.values())
