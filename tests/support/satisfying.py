"""Situations made for conditions: for each a contact, its past and its run that make it true.

Nothing here looks at how validation or the compiler work. The values are those of a small world,
which is searched in full, so that a condition over its words that may hold does hold somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

WORDS = ("", "a", "ab", "b", "ba", "FR", "fr", "1", "x")
TEXTS = sorted({"".join(parts) for parts in product(WORDS, repeat=3)}, key=len)
NUMBERS = [quarter / 4 for quarter in range(-12, 40)]
AGES = [timedelta(days=days, hours=1) for days in (0, 2, 5, 10, 20, 40, 100, 400)]
NOW = datetime.now(UTC)
STAMPS = [(NOW + timedelta(days=distance, hours=1)).isoformat() for distance in range(-12, 13)]
FIELDS: dict[str, list[Any]] = {
    "country": ["FR", "BE", "RO", "FI", "AR", "EE", None],
    "timezone": ["Europe/Paris", "Asia/Tokyo", "UTC", None],
    "locale": ["fr", "fr-FR", "de", "de_AT", None],
    "phone": ["+33612345678", "+4915123456789", None],
    "email": ["ada@example.com", "Ada@example.com", "b@x.fr", None],
    "lifecycle": ["lead", "leads", "customer", *TEXTS[1:500], *STAMPS, None],
    "score": NUMBERS,
}
"""What the fields of a contact may be."""
OUTCOMES = {
    "rest": ["elapsed"],
    "heard": ["happened", "timed_out"],
    "way": ["1", "big", "else"],
    "ask": ["ok", "failed", "unknown"],
    "mail": ["sent", "failed", "unknown", "skipped"],
}


@dataclass
class World:
    """What is to be so of one contact and its run."""

    fields: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any], timedelta]] = field(default_factory=list)
    visits: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    clicked: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)

    def take(self, other: World) -> None:
        """Add what is to be so for another part of a condition."""
        for name, mine in vars(self).items():
            (mine.extend if isinstance(mine, list) else mine.update)(getattr(other, name))


def world_of(condition: dict[str, Any], truth: bool = True) -> World | None:
    """A world in which the condition is true, or false; None if there is none in the small world.

    Each part of the condition is about something else.
    """
    if "not" in condition:
        return world_of(condition["not"], not truth)
    parts = condition.get("all", condition.get("any"))
    # `any` is an operator as well.
    if isinstance(parts, list):
        every = truth is ("all" in condition)
        found = World()
        worlds = [world_of(part, truth) for part in parts]
        if every:
            if None in worlds:
                return None
        elif not any(worlds):
            return None
        for world in worlds:
            found.take(world or World())
        return found
    return next(_leaf(condition, truth), None)


def _leaf(condition: dict[str, Any], truth: bool) -> Iterator[World]:
    if "group" in condition:
        yield World(groups={condition["group"]} if truth else set())
    elif "topic" in condition:
        states = ["subscribed", "pending", "unsubscribed"]
        yield next(
            World(topics={condition["topic"]: state})
            for state in states
            if (state == condition["is"]) is truth
        )
    elif "message" in condition:
        yield World(clicked={condition["message"]} if truth else set())
    elif "near" in condition:
        near = condition["near"]
        place = {"lat": near["lat"], "lon": near["lon"]}
        yield World(events=[("Location Updated", place, timedelta())] if truth else [])
    elif "event" in condition:
        yield from _events(condition, truth)
    elif "step" in condition:
        yield from _step(condition, truth)
    else:
        key = "attribute" if "attribute" in condition else "entry"
        name = condition[key]
        operators = {word: operand for word, operand in condition.items() if word != key}
        for value, entry in values_for(operators, truth, FIELDS.get(name)):
            made = {} if value is None else {name: value}
            if key == "entry":
                yield World(entry={**entry, **made})
            elif name in FIELDS:
                yield World(fields=made, entry=entry)
            else:
                yield World(attributes=made, entry=entry)


def _step(condition: dict[str, Any], truth: bool) -> Iterator[World]:
    step, path = condition["step"], condition.get("property", "outcome")
    operators = {w: o for w, o in condition.items() if w not in ("step", "property")}
    if path == "outcome":
        possible: list[Any] | None = [*OUTCOMES[step], None]
    elif path == "visits":
        possible = [1, 2, 3, 4, None]
    elif path == "status":
        possible = [200, 404, None]
    else:
        possible = None
    for value, entry in values_for(operators, truth, possible):
        if value is None:
            yield World(entry=entry)
        elif path == "outcome":
            yield World(entry=entry, visits=[(step, value, {})])
        elif path == "visits":
            yield World(entry=entry, visits=[(step, OUTCOMES[step][0], {})] * value)
        else:
            *outer, last = path.split(".")
            output = {last: value}
            for name in reversed(outer):
                output = {name: output}
            yield World(entry=entry, visits=[(step, OUTCOMES[step][0], output)])


def _events(condition: dict[str, Any], truth: bool) -> Iterator[World]:
    name = condition["event"]
    properties: dict[str, Any] = {}
    entry: dict[str, Any] = {}
    ages = [age for age in AGES if _inside(age, condition)]
    for path, asked in condition.get("where", {}).items():
        operators = {"in": asked} if isinstance(asked, list) else asked
        operators = operators if isinstance(operators, dict) and not _is_reference(operators) else {
            "is": operators
        }  # fmt: skip
        found = next(values_for(operators, True), None)
        if found is None:
            # No event can count.
            ages = []
            break
        value, more = found
        entry |= more
        properties |= {} if value is None else {path: value}
    measure = next((word for word in ("sum", "avg", "min", "max") if word in condition), None)
    if measure is not None:
        [(path, operators)] = condition[measure].items()
        nothing = 0 if measure == "sum" else None
        times = [(NOW + timedelta(days=distance)).timestamp() for distance in (-10, -5, 5, 10)]
        for value, more in values_for(operators, truth, [*NUMBERS, *times, None]):
            if value is None and nothing is not None:
                continue
            if value == nothing:
                yield World(entry={**entry, **more})
            elif ages:
                yield World(
                    entry={**entry, **more}, events=[(name, {**properties, path: value}, ages[0])]
                )
        return
    count = condition.get("count", {"gte": 1})
    operators = count if isinstance(count, dict) else {"is": count}
    for value, more in values_for(operators, truth, list(range(8))):
        if value == 0 or ages:
            yield World(
                entry={**entry, **more},
                events=[(name, properties, age) for age in ages[:1]] * value,
            )


def _inside(age: timedelta, condition: dict[str, Any]) -> bool:
    """Whether an event that old counts."""
    within, since, before = (condition.get(word) for word in ("within", "since", "before"))
    return not (
        (within is not None and age >= days(within))
        or (since is not None and age >= -days(since))
        or (before is not None and age <= -days(before))
    )


def days(text: str) -> timedelta:
    """A duration in days, signed."""
    return timedelta(days=int(text.removesuffix("d")))


def _is_reference(operand: Any) -> bool:
    return isinstance(operand, dict) and set(operand) == {"entry"}


def values_for(
    operators: dict[str, Any], truth: bool, possible: list[Any] | None = None
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Values that meet the operators, or fail to, with what the entry has to hold for it.

    None is a missing value.
    """
    references = [operand["entry"] for operand in operators.values() if _is_reference(operand)]
    outcomes = [outcome for each in OUTCOMES.values() for outcome in each]
    small = [each for each in possible or () if each is not None][:8]
    meant = [1, 0, -2, "a", "", "FR", "fr", *small, *outcomes, None] if references else [None]
    for value in _everything(operators) if possible is None else possible:
        for given in product(meant, repeat=len(references)):
            entry = {
                name: each for name, each in zip(references, given, strict=True) if each is not None
            }
            if holds(value, operators, entry) is truth:
                yield value, entry


def _everything(operators: dict[str, Any]) -> Iterator[Any]:
    yield None
    yield from NUMBERS
    yield from (True, False)
    yield from TEXTS
    yield from STAMPS
    yield from ([each] for each in (*WORDS, *NUMBERS, True, False))
    yield from ([{"p": value}] for value in (*NUMBERS, True, False, *TEXTS))
    yield [{}]
    yield from ([operators.get("contains"), {"p": value}] for value in (*NUMBERS, *TEXTS))


# ------------------------------------------------------------------- operators, read once more


def holds(value: Any, operators: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether a value meets all operators."""
    return all(_meets(value, word, operand, entry) for word, operand in operators.items())


def _meets(value: Any, word: str, operand: Any, entry: dict[str, Any]) -> bool:
    if _is_reference(operand):
        operand = entry.get(operand["entry"])
    if word == "exists":
        return (value is not None) is operand
    if word in ("is_not", "not_in"):
        return not _meets(value, "is" if word == "is_not" else "in", operand, entry)
    if value is None or operand is None:
        return False
    if word in ("is", "in"):
        return any(_same(value, each) for each in (operand if word == "in" else [operand]))
    if word == "any":
        return isinstance(value, list) and any(
            isinstance(element, dict)
            and all(holds(element.get(name), asked, entry) for name, asked in operand.items())
            for element in value
        )
    if word in ("before", "after"):
        return _timely(value, word, operand)
    if word in ("gt", "gte", "lt", "lte"):
        if not (_is_number(value) and _is_number(operand)):
            return False
        return bool(
            {"gt": value > operand, "gte": value >= operand, "lt": value < operand,
             "lte": value <= operand}[word]
        )  # fmt: skip
    if isinstance(value, list):
        return word == "contains" and any(_same(each, operand) for each in value)
    if not (isinstance(value, str) and isinstance(operand, str)):
        return False
    start, end = value.startswith(operand), value.endswith(operand)
    return {"contains": operand in value, "starts_with": start, "ends_with": end}[word]


def _same(value: Any, other: Any) -> bool:
    if _is_number(value) and _is_number(other):
        return bool(value == other)
    return type(value) is type(other) and bool(value == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _timely(value: Any, word: str, operand: Any) -> bool:
    if _is_number(value):
        time = datetime.fromtimestamp(value, UTC)
    elif isinstance(value, str) and len(value) > 20:
        time = datetime.fromisoformat(value)
    else:
        return False
    limit = NOW + days(operand)
    return time < limit if word == "before" else time > limit
