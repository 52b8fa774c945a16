"""A second reading of conditions that time changes: in Python, with calendars of `whenever`.

It says whether a condition holds at an instant, and names every instant at which time could change
that. Nothing of the product is used; the rules are those of the page on the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from whenever import Instant, PlainDateTime, Time, TimeDelta, ZonedDateTime

from tests.unit.journeys.make_local_times import anniversary, local, read, shifted

STEP = TimeDelta(microseconds=1)
NEGATED = {"+": "-", "-": "+"}


@dataclass(frozen=True)
class Happened:
    """An event: when it happened, and when it was recorded."""

    name: str
    occurred_at: Instant
    stamped_at: Instant
    properties: dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A contact and its events."""

    zone: str
    attributes: dict[str, Any]
    events: list[Happened] = field(default_factory=list)

    def as_of(self, instant: Instant) -> Person:
        """The contact as it was: with the events that were recorded by then."""
        known = [event for event in self.events if event.stamped_at <= instant]
        return Person(self.zone, self.attributes, known)


def holds(condition: dict[str, Any], person: Person, now: Instant) -> bool:
    """Whether a condition holds at an instant."""
    if "all" in condition:
        return all(holds(part, person, now) for part in condition["all"])
    if "any" in condition and "attribute" not in condition:
        return any(holds(part, person, now) for part in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], person, now)
    if "attribute" in condition:
        operators = {word: each for word, each in condition.items() if word != "attribute"}
        return _meets(person.attributes.get(condition["attribute"]), operators, person, now)
    inside = [event for event in person.events if _counts(event, condition, person, now)]
    for word in ("sum", "avg", "min", "max"):
        if word in condition:
            ((path, operators),) = condition[word].items()
            totals = [event.properties[path] for event in inside if path in event.properties]
            return _meets(_aggregate(word, totals), operators, person, now)
    count = condition.get("count", {"gte": 1})
    return _meets(len(inside), count if isinstance(count, dict) else {"is": count}, person, now)


def _aggregate(word: str, totals: list[int]) -> float | None:
    if word == "sum":
        return sum(totals)
    if not totals:
        return None
    return {"avg": sum(totals) / len(totals), "min": min(totals), "max": max(totals)}[word]


def _counts(event: Happened, condition: dict[str, Any], person: Person, now: Instant) -> bool:
    if event.name != condition["event"]:
        return False
    within = condition.get("within")
    if within is not None and not now < _moved(event.occurred_at, f"+{within}", person.zone):
        return False
    for word in ("since", "before"):
        if word in condition and not _passes(word, event.occurred_at, condition[word], person, now):
            return False
    return all(
        _meets(event.properties.get(path), asked, person, now)
        for path, asked in condition.get("where", {}).items()
    )


def _meets(value: Any, operators: dict[str, Any], person: Person, now: Instant) -> bool:
    return all(_one(value, word, asked, person, now) for word, asked in operators.items())


def _one(value: Any, word: str, asked: Any, person: Person, now: Instant) -> bool:
    if word in ("before", "after"):
        instant = _instant(value, person.zone)
        return instant is not None and _passes(word, instant, asked, person, now)
    if word == "any":
        return isinstance(value, list) and any(
            all(_meets(element.get(path), each, person, now) for path, each in asked.items())
            for element in value
        )
    if isinstance(asked, dict):
        asked = person.attributes.get(asked["attribute"])
    if word in ("is_not", "not_in"):
        return value is None or value not in (asked if word == "not_in" else [asked])
    if value is None or asked is None:
        return False
    answers: dict[str, bool] = {
        "is": asked == value,
        "in": isinstance(asked, list) and value in asked,
        "gt": word == "gt" and value > asked,
        "gte": word == "gte" and value >= asked,
        "lt": word == "lt" and value < asked,
        "lte": word == "lte" and value <= asked,
    }
    return answers[word]


def _passes(word: str, value: Instant, moment: Any, person: Person, now: Instant) -> bool:
    """`before`, `after` or `since` of a value and a moment as it is at an instant."""
    if _is_shift(moment):
        # The value moves, not the clock.
        edge = _moved(value, NEGATED[moment[0]] + moment[1:], person.zone)
        return {"before": edge < now, "after": edge > now, "since": edge >= now}[word]
    other = _at(moment, person, now)
    if other is None:
        return False
    return {"before": value < other, "after": value > other, "since": value >= other}[word]


def _at(moment: Any, person: Person, now: Instant) -> Instant | None:
    here = now.to_tz(person.zone)
    if moment == "now":
        return now
    if moment == "today":
        return _midnight(here, 0)
    if isinstance(moment, str) and re.fullmatch(r"\d\d:\d\d", moment):
        times = (_time(here, moment, days) for days in range(3))
        return next(time for time in times if time >= now)
    if isinstance(moment, str):
        return _instant(moment, person.zone)
    parsed = read(person.attributes.get(moment["attribute"]), person.zone)
    if parsed is None:
        return None
    if "every" in moment:
        wall = parsed if isinstance(parsed, PlainDateTime) else parsed.to_plain()
        parsed = anniversary(wall, here)
    found = local(parsed, person.zone) if isinstance(parsed, PlainDateTime) else parsed
    if "offset" in moment:
        found = shifted(found, moment["offset"], person.zone)
    if "at" in moment:
        found = local(found.date().at(Time.parse_iso(moment["at"])), person.zone)
    return found.to_instant()


def turns(condition: Any, person: Person) -> set[Instant]:
    """Every instant at which time could change what a condition says of a contact."""
    values = {event.occurred_at for event in person.events}
    values |= {
        instant
        for value in _scalars([person.attributes, *(event.properties for event in person.events)])
        if (instant := _instant(value, person.zone)) is not None
    }
    return {turn for moment in _moments(condition) for turn in _turns(moment, values, person)}


def _moments(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        for word, asked in part.items():
            if word == "within":
                yield f"-{asked}"
            elif word in ("since", "before", "after"):
                yield asked
            else:
                yield from _moments(asked)
    elif isinstance(part, list):
        for each in part:
            yield from _moments(each)


def _turns(moment: Any, values: set[Instant], person: Person) -> Iterator[Instant]:
    if isinstance(moment, dict):
        parsed = read(person.attributes.get(moment["attribute"]), person.zone)
        if "every" in moment and parsed is not None:
            wall = parsed if isinstance(parsed, PlainDateTime) else parsed.to_plain()
            for year in range(2022, 2031):
                date = wall.date().add(years=year - wall.year).add(days=1)
                yield local(date.at(Time()), person.zone).to_instant()
        return
    for value in values:
        here = value.to_tz(person.zone)
        if _is_shift(moment):
            yield _moved(value, NEGATED[moment[0]] + moment[1:], person.zone)
        elif moment == "now":
            yield value
        elif moment == "today":
            yield from (_midnight(here, days) for days in range(3))
        elif re.fullmatch(r"\d\d:\d\d", moment):
            yield from (_time(here, moment, days) for days in range(-2, 2))


def _scalars(part: Any) -> Iterator[Any]:
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _scalars(each)
    else:
        yield part


def _is_shift(moment: Any) -> bool:
    return isinstance(moment, str) and moment[:1] in ("+", "-")


@cache
def _moved(instant: Instant, by: str, zone: str) -> Instant:
    return shifted(instant.to_tz(zone), by, zone).to_instant()


def _instant(value: Any, zone: str) -> Instant | None:
    parsed = read(value, zone)
    if parsed is None:
        return None
    return (local(parsed, zone) if isinstance(parsed, PlainDateTime) else parsed).to_instant()


def _midnight(here: ZonedDateTime, days: int) -> Instant:
    return _time(here, "00:00", days)


def _time(here: ZonedDateTime, text: str, days: int) -> Instant:
    assert here.tz_id is not None
    return local(here.date().add(days=days).at(Time.parse_iso(text)), here.tz_id).to_instant()
