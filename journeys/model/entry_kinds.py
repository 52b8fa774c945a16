"""The kinds of entries: one definition of each, from which everything else about them is derived.

Adding a kind is its model and its place in the union `Entry` in `journeys.model.triggers`, an entry
here, and what begins its runs in `dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from journeys.model.entry_events import (
    EntryTrigger,
    EventfulEntry,
    trigger_of_attribute,
    trigger_of_event,
    trigger_of_group,
    trigger_of_near,
    trigger_of_segment,
)
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
    trigger: Callable[[Any], EntryTrigger] | None = None
    """The event that an entry waits for; None: no event begins its runs."""
    recurs: bool = False
    """Time brings it again: each occurrence enters once, so `re_entry` is `always` by default."""


ENTRY_KINDS: Final[Mapping[EntryKindName, EntryKind]] = {
    "event": EntryKind(model=EventEntry, trigger=trigger_of_event),
    "api": EntryKind(model=ApiEntry),
    "segment": EntryKind(model=SegmentEntry, trigger=trigger_of_segment),
    "group": EntryKind(model=GroupEntry, trigger=trigger_of_group),
    "attribute": EntryKind(model=AttributeEntry, trigger=trigger_of_attribute),
    "date": EntryKind(model=DateEntry, recurs=True),
    "schedule": EntryKind(model=ScheduleEntry, recurs=True),
    "near": EntryKind(model=NearEntry, trigger=trigger_of_near),
}
NAMES_BY_MODEL: Final[Mapping[type[DocumentModel], EntryKindName]] = {
    kind.model: name for name, kind in ENTRY_KINDS.items()
}


def trigger_of(entry: object) -> EntryTrigger | None:
    """The event that an entry waits for; None: no event begins its runs."""
    kind = ENTRY_KINDS[NAMES_BY_MODEL[type(entry)]]  # type: ignore[index]
    return None if kind.trigger is None else kind.trigger(entry)


def eventful(entries: Iterable[object]) -> Iterator[tuple[EventfulEntry, EntryTrigger]]:
    """The entries whose runs an event begins, each with this event."""
    for entry in entries:
        trigger = trigger_of(entry)
        if trigger is not None:
            assert isinstance(entry, EventfulEntry)
            yield entry, trigger


def recurs(entry: object) -> bool:
    """Whether an entry, parsed or not yet, is of a kind that time brings again."""
    if isinstance(entry, dict):
        return any(kind.recurs for name, kind in ENTRY_KINDS.items() if name in entry)
    return any(kind.recurs and isinstance(entry, kind.model) for kind in ENTRY_KINDS.values())
