"""What the membership of a segment depends on, and the condition of a segment as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    AttributeCondition,
    Comparison,
    Condition,
    EventCondition,
    GroupCondition,
    NearCondition,
    NotCondition,
    SegmentCondition,
    TopicCondition,
)
from journeys.model.document_parts import parts_of
from journeys.model.values import AttributeReference
from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    CONTACT_CHANGED,
    CONTACT_CREATED,
    GROUP_JOINED,
    GROUP_LEFT,
    LOCATION_UPDATED,
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
)
from journeys.protocol.channels import CHANNELS
from journeys.time.durations import Duration

SEGMENT_EVENTS: Final = frozenset({SEGMENT_ENTERED, SEGMENT_LEFT})
"""Events by which no segment may be defined: it would depend on what depends on it."""
_ADDRESSES: Final = frozenset(
    channel.address_field for channel in CHANNELS.values() if channel.address_field is not None
)
_ZONE: Final = "timezone"
_ORDERS: Final = frozenset({"gt", "gte", "lt", "lte", "before", "after"})
"""Operators that compare dates, and a date without an offset is local."""


CONDITIONS_LIMIT: Final = 200
"""Conditions of a segment, with those of the segments inside it: it is judged by one statement."""
LEVELS_LIMIT: Final = 100
"""How deep they may stand inside each other."""


class CircularSegment(ValueError):
    """A segment contains itself; the message names the way."""


class LargeSegment(ValueError):
    """A segment has more conditions than can be judged together."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything whose change may change whether a contact is in a segment."""

    events: frozenset[str] = frozenset()
    """Names."""
    attributes: frozenset[str] = frozenset()
    """Paths; a zone, where windows and moments are local, and addresses, where topics count."""
    groups: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    """Lists of places."""
    segments: frozenset[str] = frozenset()
    """The segments inside it, at any depth."""

    def event_names(self) -> frozenset[str]:
        """The names of events that may change the membership, each if `touched_by` says so."""
        names = {*self.events, CONTACT_CREATED}
        if self.attributes:
            names.add(CONTACT_CHANGED)
        if self.groups:
            names |= {GROUP_JOINED, GROUP_LEFT}
        if self.topics:
            names |= set(CONSENT_EVENTS)
        return frozenset(names)

    def touched_by(self, event: str, properties: Mapping[str, Any]) -> bool:
        """Whether an event may change the membership."""
        if event in self.events or event == CONTACT_CREATED:
            return True
        if event == CONTACT_CHANGED:
            names = properties.get("names")
            return not isinstance(names, list) or any(map(self._reads, names))
        if event in (GROUP_JOINED, GROUP_LEFT):
            return properties.get("group") in self.groups
        if event in CONSENT_EVENTS:
            return properties.get("topic") in self.topics
        return False

    def _reads(self, attribute: object) -> bool:
        """Whether a path goes through the attribute, or is its very name."""
        return any(path == attribute or path.split(".")[0] == attribute for path in self.attributes)

    def as_json(self) -> dict[str, list[str]]:
        """The dependencies as readers see them; kinds without any are left out."""
        kinds = ("events", "attributes", "groups", "topics", "places", "segments")
        return {kind: sorted(found) for kind in kinds if (found := getattr(self, kind))}


def dependencies_of(condition: Condition, segments: frozenset[str] = frozenset()) -> Dependencies:
    """The dependencies of a condition that names no segment; `segments` stood inside it."""
    events: set[str] = set()
    attributes: set[str] = set()
    groups: set[str] = set()
    topics: set[str] = set()
    places: set[str] = set()
    for part in parts_of(condition):
        model = part.model
        if isinstance(model, EventCondition):
            events.add(model.event)
        elif isinstance(model, AttributeCondition | AttributeReference):
            attributes.add(model.attribute)
        elif isinstance(model, GroupCondition):
            groups.add(model.group)
        elif isinstance(model, TopicCondition):
            topics.add(model.topic)
            attributes |= _ADDRESSES
        elif isinstance(model, NearCondition):
            events.add(LOCATION_UPDATED)
            if model.near.places is not None:
                places.add(model.near.places)
        if _is_local(model):
            attributes.add(_ZONE)
    return Dependencies(
        frozenset(events),
        frozenset(attributes),
        frozenset(groups),
        frozenset(topics),
        frozenset(places),
        segments,
    )


def _is_local(model: object) -> bool:
    """Whether something in a condition is read by the contact's calendar."""
    if isinstance(model, EventCondition):
        if model.since is not None or model.before is not None:
            return True
        # Days, weeks, months and years are units of the calendar.
        return model.within is not None and Duration.parse(model.within) != Duration(
            Duration.parse(model.within).exact
        )
    return isinstance(model, Comparison) and not _ORDERS.isdisjoint(model.model_fields_set)


def expanded(key: str, segments: Mapping[str, Condition]) -> tuple[Condition, frozenset[str]]:
    """The condition of a segment with those of the segments inside it, and their keys.

    Raises CircularSegment if one contains itself, LookupError if there is no such segment, and
    LargeSegment beyond the limits.
    """
    check_size(key, segments)
    found: set[str] = set()
    condition = _expand(segments[key], segments, found)
    return condition, frozenset(found)


def check_size(key: str, segments: Mapping[str, Condition]) -> None:
    """Raise as `expanded` does, in a time that is bounded for any segments."""
    size = _Sizes(segments).of(key, ())
    if size.conditions > CONDITIONS_LIMIT:
        raise LargeSegment(
            f"segment `{key}` has {size.conditions:,} conditions, with those of the segments"
            f" inside it; at most {CONDITIONS_LIMIT} are judged together"
        )
    if size.levels > LEVELS_LIMIT:
        raise LargeSegment(
            f"segment `{key}` has more than {LEVELS_LIMIT} levels inside each other, with those of"
            " the segments inside it"
        )


def segments_inside(key: str, segments: Mapping[str, Condition]) -> frozenset[str]:
    """The segment itself, and those inside it at any depth."""
    waiting, found = [key], set[str]()
    while waiting:
        here = waiting.pop()
        if here not in found and here in segments:
            found.add(here)
            waiting += [
                part.model.segment
                for part in parts_of(segments[here])
                if isinstance(part.model, SegmentCondition)
            ]
    return frozenset(found)


def conditions_in(condition: Condition) -> int:
    """How many conditions one consists of; it names no segment."""
    return _Sizes({}).inside(condition, ()).conditions


@dataclass(frozen=True, slots=True)
class _Size:
    conditions: int
    levels: int


class _Sizes:
    """Sizes of segments, each worked out once however often it is named."""

    def __init__(self, segments: Mapping[str, Condition]) -> None:
        self._segments = segments
        self._known: dict[str, _Size] = {}

    def of(self, key: str, within: tuple[str, ...]) -> _Size:
        """That of a segment; `within` are those that contain it."""
        if key in within:
            circle = " → ".join([*within[within.index(key) :], key])
            raise CircularSegment(f"segment `{key}` contains itself: {circle}")
        if key not in self._segments:
            raise LookupError(f"there is no segment `{key}`")
        if len(within) > LEVELS_LIMIT:
            return _Size(1, len(within))
        if key not in self._known:
            self._known[key] = self.inside(self._segments[key], (*within, key))
        return self._known[key]

    def inside(self, condition: Condition, within: tuple[str, ...]) -> _Size:
        """That of a condition."""
        match condition:
            case SegmentCondition(segment=key):
                inside = self.of(key, within)
                return _Size(inside.conditions, inside.levels + 1)
            case AllCondition(all=parts) | AnyCondition(any=parts):
                sizes = [self.inside(part, within) for part in parts]
                return _Size(
                    sum(size.conditions for size in sizes),
                    1 + max((size.levels for size in sizes), default=0),
                )
            case NotCondition(not_=part):
                inside = self.inside(part, within)
                return _Size(inside.conditions, inside.levels + 1)
        return _Size(1, 1)


def _expand(condition: Condition, segments: Mapping[str, Condition], found: set[str]) -> Condition:
    match condition:
        case SegmentCondition(segment=key):
            found.add(key)
            return _expand(segments[key], segments, found)
        case AllCondition(all=parts):
            return AllCondition(all=[_expand(part, segments, found) for part in parts])
        case AnyCondition(any=parts):
            return AnyCondition(any=[_expand(part, segments, found) for part in parts])
        case NotCondition(not_=part):
            return NotCondition(not_=_expand(part, segments, found))
    return condition


def condition_as_json(condition: Condition) -> dict[str, Any]:
    """The condition in the words of a document."""
    return condition.as_document()
