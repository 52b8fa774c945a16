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


class CircularSegment(ValueError):
    """A segment contains itself; the message names the way."""


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


def expanded(
    key: str, segments: Mapping[str, Condition], within: tuple[str, ...] = ()
) -> tuple[Condition, frozenset[str]]:
    """The condition of a segment with those of the segments inside it, and their keys.

    Raises CircularSegment if one contains itself, LookupError if there is no such segment.
    """
    if key in within:
        circle = " → ".join([*within[within.index(key) :], key])
        raise CircularSegment(f"segment `{key}` contains itself: {circle}")
    if key not in segments:
        raise LookupError(f"there is no segment `{key}`")
    found: set[str] = set()
    condition = _expand(segments[key], segments, (*within, key), found)
    return condition, frozenset(found)


def _expand(
    condition: Condition,
    segments: Mapping[str, Condition],
    within: tuple[str, ...],
    found: set[str],
) -> Condition:
    match condition:
        case SegmentCondition(segment=key):
            inside, deeper = expanded(key, segments, within)
            found |= {key, *deeper}
            return inside
        case AllCondition(all=parts):
            return AllCondition(all=[_expand(part, segments, within, found) for part in parts])
        case AnyCondition(any=parts):
            return AnyCondition(any=[_expand(part, segments, within, found) for part in parts])
        case NotCondition(not_=part):
            return NotCondition(not_=_expand(part, segments, within, found))
    return condition


def condition_as_json(condition: Condition) -> dict[str, Any]:
    """The condition in the words of a document."""
    return condition.as_document()
