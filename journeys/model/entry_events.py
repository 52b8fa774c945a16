"""The events that begin runs: for each entry the name, and which events of this name count.

Segments, groups, attributes and places change by events that the engine derives, so an entry by one
of them waits for an event like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from journeys.model.conditions import Near, Where
from journeys.model.triggers import (
    AttributeEntry,
    EventEntry,
    GroupEntry,
    NearEntry,
    SegmentEntry,
)
from journeys.model.well_known_events import (
    CONTACT_CHANGED,
    GROUP_JOINED,
    GROUP_LEFT,
    PLACE_REACHED,
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
)

EventfulEntry = EventEntry | SegmentEntry | GroupEntry | AttributeEntry | NearEntry
"""An entry whose runs an event begins."""

SUBJECTS: Final[Mapping[str, str]] = {
    SEGMENT_ENTERED: "segment",
    SEGMENT_LEFT: "segment",
    GROUP_JOINED: "group",
    GROUP_LEFT: "group",
    CONTACT_CHANGED: "names",
    PLACE_REACHED: "places",
}
"""The property of each derived event that names what it is about: a text, or a list of texts."""


@dataclass(frozen=True, slots=True)
class EntryTrigger:
    """The event that an entry waits for."""

    event: str
    subjects: frozenset[str] | None = None
    """The event is about one of these; None: its subject does not matter."""
    where: Where = field(default_factory=dict)
    """What its properties must be besides."""

    def concerns(self, subjects: Iterable[str]) -> bool:
        """Whether an event of this name about `subjects` may begin a run."""
        return self.subjects is None or not self.subjects.isdisjoint(subjects)


def trigger_of_event(entry: EventEntry) -> EntryTrigger:
    """`{event: NAME, where}`."""
    return EntryTrigger(str(entry.event), None, entry.where)


def trigger_of_segment(entry: SegmentEntry) -> EntryTrigger:
    """`{segment: NAME}`."""
    event = SEGMENT_ENTERED if entry.on == "enter" else SEGMENT_LEFT
    return EntryTrigger(event, frozenset({entry.segment}))


def trigger_of_group(entry: GroupEntry) -> EntryTrigger:
    """`{group: NAME}`."""
    event = GROUP_JOINED if entry.on == "enter" else GROUP_LEFT
    return EntryTrigger(event, frozenset({entry.group}))


def trigger_of_attribute(entry: AttributeEntry) -> EntryTrigger:
    """`{attribute: NAME}`; `from` and `to` are compared by `store.conditions.attribute_change`."""
    return EntryTrigger(CONTACT_CHANGED, frozenset(names_within(entry.attribute)))


def trigger_of_near(entry: NearEntry) -> EntryTrigger:
    """`{near: {places, km}}`."""
    near = entry.near
    return EntryTrigger(PLACE_REACHED, frozenset({place_list_of(near)}), {"km": near.km})


def place_list_of(near: Near) -> str:
    """The name under which places are known in events: a point's is its coordinates."""
    return near.places if near.places is not None else f"{near.lat!r}, {near.lon!r}"


def names_within(path: str) -> list[str]:
    """The attributes in which a dotted path may end: `a.b` is one of that name, or inside `a`."""
    parts = path.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]


def subjects_of(event: str, properties: Mapping[str, Any]) -> list[str]:
    """What an event is about, by the property that says it; empty for any other event."""
    subject = properties.get(SUBJECTS.get(event, ""))
    if isinstance(subject, str):
        return [subject]
    return [each for each in subject if isinstance(each, str)] if isinstance(subject, list) else []


def begins_runs(event: str, properties: Mapping[str, Any]) -> bool:
    """Whether an event may begin runs at all: what a fill or an import finds was so before."""
    if event not in (SEGMENT_ENTERED, SEGMENT_LEFT):
        return True
    return properties.get("by") not in ("fill", "import")
