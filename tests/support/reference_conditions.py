"""A straightforward evaluator of conditions in Python, the second opinion on the engine's SQL.

It reads conditions as documents write them (plain mappings and lists) and a contact as plain data,
and says whether the condition holds at an instant. It was written from the language's definition,
and shares nothing with the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from math import asin, cos, radians, sin, sqrt
from typing import Any

from tests.support.reference_times import (
    TIME_OF_DAY,
    as_instant,
    moment_by_reference,
    next_time_of_day,
    opposite,
    shift,
    to_instant,
    to_wall,
)

EARTH_KM = 6371.0088
AGGREGATES = ("sum", "avg", "min", "max")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PastEvent:
    """An event of a contact: its place in the order, when it happened, when it was recorded."""

    id: int
    name: str
    properties: Any
    occurred_at: datetime
    stamped_at: datetime


@dataclass
class ReferenceRun:
    """What conditions read of a run: the entry event, and what its steps left."""

    entry: dict[str, Any] = field(default_factory=dict)
    entry_event: int = 0
    began_at: datetime = EPOCH
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Step → its latest visit: `outcome`, `at`, `visits`, and its output."""
    messages: dict[str, set[str]] = field(default_factory=dict)
    """Step → the statuses of its latest message."""


@dataclass
class ReferenceContact:
    """One contact with all that conditions read of it. Fields such as `email` are attributes."""

    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[PastEvent] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)
    """Topic → the recorded state of the consent."""
    run: ReferenceRun | None = None

    def as_of(self, now: datetime) -> ReferenceContact:
        """The contact without the events that were recorded later."""
        return replace(self, events=[each for each in self.events if each.stamped_at <= now])


@dataclass
class World:
    """The documents that conditions refer to."""

    segments: dict[str, Any] = field(default_factory=dict)
    """Segment → its condition."""
    topics: dict[str, str] = field(default_factory=dict)
    """Topic → `opt_in`, `opt_out` or `double`."""
    places: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """List of places → latitude and longitude of each."""
    zone: str = "UTC"
    """The zone of contacts that have none."""


def holds(
    condition: dict[str, Any], contact: ReferenceContact, world: World, now: datetime
) -> bool:
    """Whether a condition holds for a contact at an instant, by what was recorded until then."""
    return _Judge(contact, world, now).condition(condition)


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance of two points on a sphere by the haversine."""
    lat1, lon1, lat2, lon2 = map(radians, (*one, *other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


def reach(value: Any, path: str) -> list[Any]:
    """The values at a path: none if it is missing or null, several through a list."""
    if isinstance(value, dict) and path in value:
        return [] if value[path] is None else [value[path]]
    return _inside(value, path.split("."))


def _inside(value: Any, names: list[str]) -> list[Any]:
    if not names:
        return [] if value is None else [value]
    if isinstance(value, dict):
        return _inside(value[names[0]], names[1:]) if names[0] in value else []
    if isinstance(value, list):
        if names[0].isdigit():
            index = int(names[0])
            return _inside(value[index], names[1:]) if index < len(value) else []
        return [found for element in value for found in _inside(element, names)]
    return []


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are not."""
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


def exact(value: Any) -> Fraction:
    """A number as its decimal digits say it."""
    return value if isinstance(value, Fraction) else Fraction(repr(value))


def equal(one: Any, other: Any) -> bool:
    """Equality within a type: text never equals a number, nor a number true or false."""
    if is_number(one) and is_number(other):
        return exact(one) == exact(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


class _Judge:
    """One contact at one instant."""

    def __init__(self, contact: ReferenceContact, world: World, now: datetime) -> None:
        self.contact = contact
        self.world = world
        self.now = now
        self.zone = contact.attributes.get("timezone") or world.zone
        self.events = [event for event in contact.events if event.stamped_at <= now]

    # ------------------------------------------------------------------------------- conditions

    def condition(self, condition: dict[str, Any]) -> bool:
        if "attribute" in condition:
            values = reach(self.contact.attributes, condition["attribute"])
            return self.meets(values, _without(condition, "attribute"))
        if "event" in condition:
            return self.event(condition)
        if "message" in condition:
            return condition["is"] in self.the_run.messages.get(condition["message"], set())
        if "step" in condition:
            return self.step(condition)
        if "entry" in condition:
            return self.meets(
                reach(self.the_run.entry, condition["entry"]), _without(condition, "entry")
            )
        if "group" in condition:
            return condition["group"] in self.contact.groups
        if "segment" in condition:
            return self.condition(self.world.segments[condition["segment"]])
        if "topic" in condition:
            state: str = condition["is"]
            return self.topic(condition["topic"]) == state
        if "near" in condition:
            return self.near(condition["near"])
        if "all" in condition:
            return all(self.condition(part) for part in condition["all"])
        if "any" in condition:
            return any(self.condition(part) for part in condition["any"])
        return not self.condition(condition["not"])

    @property
    def the_run(self) -> ReferenceRun:
        assert self.contact.run is not None
        return self.contact.run

    def step(self, condition: dict[str, Any]) -> bool:
        left = self.the_run.steps.get(condition["step"], {})
        path = condition.get("property", "outcome")
        return self.meets(reach(left, path), _without(condition, "step", "property"))

    def topic(self, topic: str) -> str:
        state = self.contact.topics.get(topic)
        if state is None:
            return "subscribed" if self.world.topics[topic] == "opt_out" else "unsubscribed"
        return state

    def near(self, near: dict[str, Any]) -> bool:
        located = [event for event in self.events if event.name == "Location Updated"]
        if not located:
            return False
        latest = max(located, key=lambda event: (event.occurred_at, event.id)).properties
        lat, lon = latest.get("lat"), latest.get("lon")
        if not (is_number(lat) and is_number(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            return False
        if "places" in near:
            points = self.world.places[near["places"]]
        else:
            points = [(near["lat"], near["lon"])]
        return any(distance_km((lat, lon), point) <= near["km"] for point in points)

    def event(self, condition: dict[str, Any]) -> bool:
        counted = [event for event in self.events if self.counts(event, condition)]
        for word in AGGREGATES:
            if word in condition:
                ((path, asked),) = condition[word].items()
                numbers = [
                    exact(value)
                    for event in counted
                    for value in reach(event.properties, path)
                    if is_number(value)
                ]
                return self.meets(_aggregate(word, numbers), asked)
        count = condition.get("count", {"gte": 1})
        return self.meets([len(counted)], count if isinstance(count, dict) else {"is": count})

    def counts(self, event: PastEvent, condition: dict[str, Any]) -> bool:
        if event.name != condition["event"]:
            return False
        if "within" in condition and not self.now < shift(
            event.occurred_at, f"+{condition['within']}", self.zone
        ):
            return False
        for word in ("since", "before"):
            if word not in condition:
                continue
            if condition[word] == "entry":
                entry = self.the_run.entry_event
                if not (event.id > entry if word == "since" else event.id < entry):
                    return False
            elif not self.compares(word, event.occurred_at, self.bound(condition[word])):
                return False
        return self.where(condition.get("where", {}), event.properties)

    def where(self, where: dict[str, Any], properties: Any) -> bool:
        return all(self.meets(reach(properties, path), asked) for path, asked in where.items())

    # ------------------------------------------------------------------------------ comparisons

    def meets(self, values: list[Any], asked: Any) -> bool:
        """Whether the values at a path meet what is asked: one of them all that is positive."""
        if isinstance(asked, list):
            asked = {"in": asked}
        elif not isinstance(asked, dict) or _is_reference(asked):
            asked = {"is": asked}
        positive = []
        for word, operand in asked.items():
            if word == "exists":
                if bool(values) is not operand:
                    return False
            elif word in ("is_not", "not_in"):
                opposite_word = "is" if word == "is_not" else "in"
                if any(self.one_meets(value, opposite_word, operand) for value in values):
                    return False
            else:
                positive.append((word, operand))
        return not positive or any(
            all(self.one_meets(value, word, operand) for word, operand in positive)
            for value in values
        )

    def one_meets(self, value: Any, word: str, operand: Any) -> bool:
        if word in ("before", "after"):
            instant = as_instant(value, self.zone)
            return instant is not None and self.compares(word, instant, operand)
        if word == "any":
            return isinstance(value, list) and any(
                element is not None and self.where(operand, _properties(element))
                for element in value
            )
        if word == "in":
            if isinstance(operand, list):
                choices = [one for each in operand for one in self.operands(each)]
            else:
                choices = [
                    choice
                    for listed in self.operands(operand)
                    if isinstance(listed, list)
                    for choice in listed
                ]
            return any(choice is not None and equal(value, choice) for choice in choices)
        return any(_compare(value, word, other) for other in self.operands(operand))

    def operands(self, operand: Any) -> list[Any]:
        """The values that an operand says: itself, or those at a reference."""
        if not isinstance(operand, dict):
            return [] if operand is None else [operand]
        if "attribute" in operand:
            return reach(self.contact.attributes, operand["attribute"])
        if "entry" in operand:
            return reach(self.the_run.entry, operand["entry"])
        return reach(self.the_run.steps.get(operand["step"], {}), operand["property"])

    def compares(self, word: str, value: datetime, moment: Any) -> bool:
        """`before`, `after` or `since` of an instant and a moment."""
        if isinstance(moment, str) and moment[:1] in ("+", "-"):
            # The value is moved, not the clock, so that each comparison changes once.
            edge = shift(value, opposite(moment), self.zone)
            moved = {
                "before": edge < self.now, "after": edge > self.now, "since": edge >= self.now
            }  # fmt: skip
            return moved[word]
        compared = {
            "before": lambda other: value < other,
            "after": lambda other: value > other,
            "since": lambda other: value >= other,
        }
        return any(compared[word](other) for other in self.moments(moment) if other is not None)

    def bound(self, moment: Any) -> Any:
        """A moment that bounds a period: of a path through a list, the first value."""
        if not isinstance(moment, dict):
            return moment
        rule = {word: asked for word, asked in moment.items() if word in _RULES}
        values = self.operands(_without(moment, *_RULES))
        first = moment_by_reference(values[0], rule, self.now, self.zone) if values else None
        return first.isoformat() if first else ""

    def moments(self, moment: Any) -> list[datetime | None]:
        """The instant of a moment; several for a reference that goes through a list."""
        if isinstance(moment, dict):
            values = self.operands(_without(moment, *_RULES))
            return [moment_by_reference(value, moment, self.now, self.zone) for value in values]
        if moment == "entry":
            return [self.the_run.began_at]
        if moment == "now":
            return [self.now]
        if moment == "today":
            midnight = to_wall(self.now, self.zone).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            return [to_instant(midnight, self.zone)]
        if isinstance(moment, str) and TIME_OF_DAY.fullmatch(moment):
            return [next_time_of_day(moment, self.now, self.zone)]
        return [as_instant(moment, self.zone)]


_RULES = ("every", "offset", "at")


def _is_reference(asked: dict[str, Any]) -> bool:
    return bool({"entry", "attribute", "step"} & asked.keys())


def _without(condition: dict[str, Any], *names: str) -> dict[str, Any]:
    return {word: asked for word, asked in condition.items() if word not in names}


def _properties(element: Any) -> Any:
    """An element's properties; one that is itself a list has none."""
    return element if isinstance(element, dict) else {}


def _aggregate(word: str, numbers: list[Fraction]) -> list[Fraction]:
    if word == "sum":
        return [sum(numbers, Fraction(0))]
    if not numbers:
        return []
    if word == "avg":
        return [sum(numbers, Fraction(0)) / len(numbers)]
    return [min(numbers) if word == "min" else max(numbers)]


def _compare(value: Any, word: str, other: Any) -> bool:
    if word == "is":
        return equal(value, other)
    if word == "contains" and isinstance(value, list):
        return any(element is not None and equal(element, other) for element in value)
    if word in ("contains", "starts_with", "ends_with"):
        if not (isinstance(value, str) and isinstance(other, str)):
            return False
        found = {
            "contains": other in value,
            "starts_with": value.startswith(other),
            "ends_with": value.endswith(other),
        }
        return found[word]
    if not (is_number(value) and is_number(other)):
        return False
    one, two = exact(value), exact(other)
    return {"gt": one > two, "gte": one >= two, "lt": one < two, "lte": one <= two}[word]
