"""Random contacts, histories and conditions, and the instants at which time could change a verdict.

All follows from a seed. A fifth of the values are missing, null, of a wrong type, nested or lists.
Few names and few values, so that conditions meet something, and bounds are met exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.reference_conditions import PastEvent, ReferenceContact, World
from tests.support.reference_times import (
    TIME_OF_DAY,
    as_instant,
    opposite,
    read_date,
    shift,
    to_instant,
    to_wall,
)

MOMENT = timedelta(microseconds=1)
ZONES = (
    "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo",
    "Asia/Kathmandu", "Pacific/Apia", "UTC",
)  # fmt: skip
WINDOWS = ("1mo", "30d", "1y", "1d", "24h", "2mo", "1w", "36h", "1mo2d", "90m", "7d")
DATES = (
    "2026-02-28", "2025-12-31T23:30", "2024-02-29T12:00", "2026-03-29T02:30", 1774749600,
    1774749600000, "1992-02-29", "2026-10-25T02:30+01:00", "2025-06-30T12:00:00.5Z",
)  # fmt: skip
NO_DATES = ("31/12/2026", "tomorrow", "2026-13-01", "", "1774749600", True, 1e300)
TEXTS = ("pro", "free", "Pro", "", "0", "1", "true", "null", "%", "'", "pr_")
NUMBERS = (0, 1, 2, 3, 1.0, 2.5, 0.1, 0.2, -1)
GROUPS = ("vip", "gold")
EVENTS = ("Order Completed", "Order Completed", "Order Completed", "Page Viewed")
PLACES = {"shops": [(48.8566, 2.3522), (45.764, 4.8357)], "stands": [(40.7128, -74.006)]}
TOPICS = {"news": "opt_in", "offers": "opt_out", "club": "double"}
SEGMENTS = ("inner", "middle", "outer")

ATTRIBUTE_PATHS = (
    "plan", "plan", "visits", "visits", "ends", "ends", "born", "active", "tags", "tags.0",
    "pets.kind", "pets.age", "pets.1.age", "pets.due", "pets", "address.city", "address",
    "address.lines", "address.lines.0", "email", "phone", "country", "locale", "timezone", "score",
    "lifecycle", "nothing", "plan.kind",
)  # fmt: skip
EVENT_PATHS = ("total", "total", "sku", "due", "items.sku", "items.price", "items", "items.0.price",
               "tags", "note.deep")  # fmt: skip


@cache
def clock_changes(zone: str) -> list[datetime]:
    """The instants at which a zone's clocks are changed, from 2025 to 2026."""
    tz = ZoneInfo(zone)
    found = []
    hour = datetime(2025, 1, 1, tzinfo=UTC)
    while hour.year < 2027:
        if (
            hour.astimezone(tz).utcoffset()
            != (hour + timedelta(hours=1)).astimezone(tz).utcoffset()
        ):
            found.append(hour + timedelta(hours=1))
        hour += timedelta(hours=1)
    return found


class Maker:
    """Makes contacts, conditions and documents from a seed."""

    def __init__(self, seed: int) -> None:
        self.any = random.Random(seed)
        self.zone = self.any.choice(ZONES)
        self.windows = self.any.sample(WINDOWS, 2)

    # ----------------------------------------------------------------------------------- instants

    def special(self) -> datetime:
        """About a change of clocks, the end of a month, or any time."""
        kind = self.any.random()
        changes = clock_changes(self.zone)
        if kind < 0.4 and changes:
            return self.any.choice(changes) + self.jitter(3)
        if kind < 0.75:
            first = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=31 * self.any.randrange(22))
            edge = first.replace(day=1) + timedelta(days=self.any.randrange(-4, 2))
            return edge + self.jitter(26)
        return datetime(2025, 6, 1, tzinfo=UTC) + self.jitter(4_000)

    def jitter(self, hours: int) -> timedelta:
        """Up to so many hours either way; often whole half hours, which meet changes exactly."""
        if self.any.random() < 0.4:
            return timedelta(minutes=30 * self.any.randrange(-2 * hours, 2 * hours + 1))
        return timedelta(
            seconds=self.any.randrange(-3600 * hours, 3600 * hours),
            microseconds=self.any.randrange(1_000_000),
        )

    # ------------------------------------------------------------------------------------- values

    def spoilt(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values, a fifth of them missing, null, of a wrong type, nested or lists."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            if self.any.random() >= 0.2:
                found[name] = value
                continue
            kind = self.any.randrange(8)
            if kind > 0:
                found[name] = [
                    None, None, self.any.choice(TEXTS), self.any.choice(NUMBERS), {"kind": value},
                    [value], [None, value, [value]], self.any.choice([[], {}, True]),
                ][kind]  # fmt: skip
        return found

    def date(self) -> Any:
        """A date as values say it, or something that is no date."""
        kind = self.any.random()
        if kind < 0.1:
            return self.any.choice(NO_DATES)
        if kind < 0.4:
            return self.any.choice(DATES)
        instant = self.special()
        if kind < 0.6:
            return to_wall(instant, self.zone).isoformat()
        return instant.isoformat().replace("+00:00", "Z")

    def attributes(self) -> dict[str, Any]:
        """What a contact is, apart from its fields."""
        values: dict[str, Any] = {
            "plan": self.any.choice(TEXTS[:3]),
            "visits": self.any.choice(NUMBERS),
            "ends": self.date(),
            "born": self.any.choice(DATES),
            "active": self.any.random() < 0.5,
            "tags": [self.any.choice(TEXTS) for _ in range(self.any.randrange(3))],
            "pets": [
                self.spoilt(
                    {
                        "kind": self.any.choice(["cat", "dog"]),
                        "age": self.any.choice(NUMBERS),
                        "due": self.date(),
                    }
                )
                for _ in range(self.any.randrange(3))
            ],
            "address": self.spoilt(
                {
                    "city": self.any.choice(["Paris", "Lyon"]),
                    "lines": ["pro", self.any.choice(TEXTS)],
                }
            ),
        }
        found = self.spoilt(values)
        if self.any.random() < 0.1:
            found["address.city"] = self.any.choice(["Paris", "Nice"])
        return found

    def fields(self) -> dict[str, Any]:
        """A contact's own fields; None for those that it lacks."""
        given = {
            "email": self.any.choice(["a@example.com", "b@example.com"]),
            "phone": "+33612345678",
            "country": self.any.choice(["FR", "BE"]),
            "locale": self.any.choice(["fr", "fr-CA"]),
            "lifecycle": self.any.choice(["lead", "customer"]),
            "timezone": self.zone,
        }
        found = {name: value for name, value in given.items() if self.any.random() < 0.8}
        # A zone is what windows depend on; it is missing less often.
        if self.any.random() < 0.9:
            found["timezone"] = self.zone
        return {**dict.fromkeys(given), **found, "score": self.any.choice(NUMBERS)}

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of an event."""
        if name == "Location Updated":
            lat, lon = self.any.choice([point for points in PLACES.values() for point in points])
            lat += self.any.choice([0, 0.02, 0.2, 3])
            return {"lat": round(lat, 4), "lon": lon}
        return self.spoilt(
            {
                "total": self.any.choice(NUMBERS),
                "sku": self.any.choice(["A", "B", "pro"]),
                "due": self.date(),
                "items": [
                    self.spoilt(
                        {"sku": self.any.choice(["A", "B"]), "price": self.any.choice(NUMBERS)}
                    )
                    for _ in range(self.any.randrange(3))
                ],
                "tags": [self.any.choice(TEXTS) for _ in range(self.any.randrange(3))],
            }
        )

    def events(self, most: int = 9) -> list[PastEvent]:
        """A history, in the order of ids; some events arrived long after they happened."""
        anchors = [self.special() for _ in range(self.any.randrange(1, 4))]
        found = []
        for _ in range(self.any.randrange(most + 1)):
            occurred = self.any.choice(anchors) + self.jitter(self.any.choice([2, 2, 48]))
            stamped = occurred + timedelta(seconds=self.any.choice([0, 0, 0, 60, 90_000]))
            name = "Location Updated" if self.any.random() < 0.15 else self.any.choice(EVENTS)
            found.append((stamped, occurred, name, self.properties(name)))
        found.sort(key=lambda each: each[:2])
        return [
            PastEvent(number, name, properties, occurred, stamped)
            for number, (stamped, occurred, name, properties) in enumerate(found, 1)
        ]

    def contact(self, most_events: int = 9) -> ReferenceContact:
        """A contact with its past."""
        fields = self.fields()
        states = ["subscribed", "subscribed", "pending", "unsubscribed"]
        topics = {topic: self.any.choice(states) for topic in TOPICS if self.any.random() < 0.6}
        return ReferenceContact(
            attributes={**self.attributes(), **fields},
            events=self.events(most_events),
            groups={group for group in GROUPS if self.any.random() < 0.4},
            topics=topics,
        )

    # --------------------------------------------------------------------------------- conditions

    def world(self) -> World:
        """Documents; each segment may stand in those after it."""
        world = World(topics=dict(TOPICS), places=dict(PLACES), zone=self.any.choice(ZONES))
        for key in SEGMENTS:
            world.segments[key] = self.condition(2, tuple(world.segments))
        return world

    def condition(self, depth: int = 2, segments: tuple[str, ...] = ()) -> dict[str, Any]:
        """A condition of any form on a contact."""
        kind = self.any.random()
        if depth and kind < 0.3:
            word = self.any.choice(["all", "any"])
            parts = [
                self.condition(depth - 1, segments) for _ in range(self.any.choice([1, 2, 2, 3]))
            ]
            return {word: parts}
        if depth and kind < 0.38:
            return {"not": self.condition(depth - 1, segments)}
        if kind < 0.5:
            return self.state(segments)
        if kind < 0.75:
            return self.event()
        path = self.any.choice(ATTRIBUTE_PATHS)
        return {"attribute": path, **self.comparison(path)}

    def state(self, segments: tuple[str, ...]) -> dict[str, Any]:
        """A condition on a group, a topic, a place or another segment."""
        kind = self.any.randrange(5 if segments else 4)
        if kind == 0:
            return {"group": self.any.choice(GROUPS)}
        if kind == 1:
            topic = self.any.choice(list(TOPICS))
            return {
                "topic": topic,
                "is": self.any.choice(["subscribed", "unsubscribed", "pending"]),
            }
        if kind == 2:
            return {
                "near": {"places": self.any.choice(list(PLACES)), "km": self.any.choice([1.0, 10])}
            }
        if kind == 3:
            lat, lon = PLACES["shops"][0]
            return {"near": {"lat": lat, "lon": lon, "km": self.any.choice([1, 10, 100.0])}}
        return {"segment": self.any.choice(segments)}

    def event(self) -> dict[str, Any]:
        """A condition on events."""
        condition: dict[str, Any] = {"event": self.any.choice(EVENTS)}
        number = self.any.randrange(4)
        kind = self.any.random()
        if kind < 0.45:
            condition["count"] = self.any.choice(
                [0, number, {"gte": number}, {"gt": number}, {"lt": number + 1}, {"lte": number},
                 {"in": [0, number]}, {"is_not": number}, {"gte": 1, "lt": number + 1},
                 {"not_in": [1, 2]}, {"gte": {"attribute": "visits"}}]
            )  # fmt: skip
        elif kind < 0.65:
            word = self.any.choice(["sum", "avg", "min", "max"])
            path = self.any.choice(["total", "total", "items.price"])
            asked = self.any.choice(
                [{"gte": number}, {"lt": number}, {"is": 0.3}, {"is_not": 1}, {"exists": True},
                 {"exists": False}, {"gt": {"attribute": "visits"}}]
            )  # fmt: skip
            condition[word] = {path: asked}
        if self.any.random() < 0.4:
            condition["where"] = {
                path: self.asked(path)
                for path in self.any.sample(EVENT_PATHS, self.any.choice([1, 1, 2]))
            }
        if self.any.random() < 0.55:
            condition["within"] = self.any.choice(self.windows)
        if self.any.random() < 0.25:
            condition["since"] = self.moment()
        if self.any.random() < 0.2:
            condition["before"] = self.moment()
        return condition

    def asked(self, path: str) -> Any:
        """What `where` asks of a property."""
        kind = self.any.random()
        if kind < 0.2:
            return self.operand(path)
        if kind < 0.3:
            return [self.scalar(path) for _ in range(self.any.randrange(1, 4))]
        if kind < 0.4:
            return {"attribute": self.any.choice(ATTRIBUTE_PATHS)}
        return self.comparison(path)

    def comparison(self, path: str) -> dict[str, Any]:
        """One operator or two."""
        words: dict[str, Any] = {}
        for _ in range(self.any.choice([1, 1, 1, 2])):
            words |= self.operator(path)
        return words

    def operator(self, path: str) -> dict[str, Any]:
        """One operator with its operand, mostly one that goes with the path."""
        if self.any.random() < 0.1:
            return {"exists": self.any.random() < 0.5}
        dated = path.endswith(("ends", "born", "due"))
        if self.any.random() < (0.8 if dated else 0.05):
            return {self.any.choice(["before", "after"]): self.moment()}
        if path in ("pets", "items") and self.any.random() < 0.7:
            if path == "items":
                inner = {
                    "sku": self.any.choice(["A", ["A", "B"]]),
                    "price": self.comparison("price"),
                }
            else:
                inner = {
                    "kind": self.any.choice(["cat", {"is_not": "dog"}]),
                    "age": self.comparison("age"),
                    "due": {self.any.choice(["before", "after"]): self.moment()},
                }
            names = self.any.sample(list(inner), self.any.choice([1, 2]))
            return {"any": {name: inner[name] for name in names}}
        if path in ("tags", "address.lines") and self.any.random() < 0.5:
            return {"contains": self.operand(path)}
        word = self.any.choice(
            ["is", "is", "is_not", "in", "not_in", "gt", "gte", "lt", "lte", "contains",
             "starts_with", "ends_with"]
        )  # fmt: skip
        if word in ("in", "not_in"):
            if self.any.random() < 0.2:
                return {word: {"attribute": self.any.choice(ATTRIBUTE_PATHS)}}
            return {word: [self.operand(path) for _ in range(self.any.randrange(1, 4))]}
        return {word: self.operand(path)}

    def operand(self, path: str) -> Any:
        """A value, or a reference to an attribute."""
        if self.any.random() < 0.15:
            return {"attribute": self.any.choice(ATTRIBUTE_PATHS)}
        return self.scalar(path)

    def scalar(self, path: str) -> Any:
        """A value to compare with, often of the type that the path holds."""
        own: dict[str, tuple[Any, ...]] = {
            "city": ("Paris", "Lyon", "Nice"), "email": ("a@example.com", "@example.com"),
            "country": ("FR", "BE"), "lifecycle": ("lead",), "kind": ("cat", "dog"), "sku": ("A",),
            "active": (True, False), "plan": TEXTS[:3], "locale": ("fr", "fr-CA"),
            "timezone": ZONES, "phone": ("+33612345678", "+33"),
        }  # fmt: skip
        name = path.rpartition(".")[2]
        kind = self.any.random()
        if name in own and kind < 0.7:
            return self.any.choice(own[name])
        if name in ("visits", "age", "price", "total", "score") and kind < 0.8:
            return self.any.choice(NUMBERS)
        return self.any.choice([*TEXTS, *NUMBERS, True, False])

    def moment(self) -> Any:
        """A moment of any form."""
        window = self.any.choice(self.windows)
        kind = self.any.random()
        if kind < 0.6:
            return self.any.choice([f"-{window}", f"-{window}", f"+{window}", "today", "now"])
        if kind < 0.7:
            return self.any.choice(["09:00", "02:30", "00:00"])
        if kind < 0.8:
            return self.any.choice(DATES)
        path = self.any.choice(["born", "ends", "pets.due", "nothing", "pets.0.due"])
        moment = {"attribute": path}
        if self.any.random() < 0.5:
            moment["every"] = "year"
        if self.any.random() < 0.5:
            moment["offset"] = self.any.choice(["-3d", "+1mo", "-12h", "1d"])
        if self.any.random() < 0.5:
            moment["at"] = self.any.choice(["02:30", "09:00"])
        return moment


# ----------------------------------------------------------------------------- instants of change


@dataclass(frozen=True)
class _Turning:
    """What makes a verdict turn: a contact's values, and its zone."""

    values: frozenset[datetime]
    zone: str
    attributes: Any


def turns(condition: dict[str, Any], contact: ReferenceContact, world: World) -> list[datetime]:
    """Every instant at which time alone could change a verdict, and the instant after each."""
    zone = contact.attributes.get("timezone") or world.zone
    scalars = list(_scalars([contact.attributes, *(each.properties for each in contact.events)]))
    values = {event.occurred_at for event in contact.events}
    values |= {found for each in scalars if (found := as_instant(each, zone)) is not None}
    turning = _Turning(
        frozenset(each for each in values if 1970 < each.year < 2100), zone, contact.attributes
    )
    turned = {
        turn for moment in _moments(condition, world) for turn in _turns(moment, turning, scalars)
    }
    return sorted({turn + step for turn in turned for step in (timedelta(), MOMENT)})


def _moments(part: Any, world: World) -> Iterator[Any]:
    if isinstance(part, list):
        for each in part:
            yield from _moments(each, world)
    if not isinstance(part, dict):
        return
    for word, asked in part.items():
        if word == "within":
            yield f"-{asked}"
        elif word in ("since", "before", "after"):
            yield asked
        elif word == "segment":
            yield from _moments(world.segments[asked], world)
        else:
            yield from _moments(asked, world)


def _turns(moment: Any, turning: _Turning, scalars: list[Any]) -> Iterator[datetime]:
    zone = turning.zone
    if isinstance(moment, dict):
        if "every" in moment:
            # The anniversary of this year counts until its day is over.
            for value in scalars:
                said = read_date(value, zone)
                if said is None or not 1900 < said.year < 2100:
                    continue
                wall = to_wall(said, zone) if said.tzinfo else said
                midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0, day=1)
                for year in range(2023, 2030):
                    day = 28 if (wall.month, wall.day) == (2, 29) and year % 4 else wall.day
                    yield to_instant(midnight.replace(year=year, day=day) + timedelta(days=1), zone)
        return
    if not isinstance(moment, str):
        return
    for instant in turning.values:
        begun = to_wall(instant, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        if moment[0] in "+-":
            yield shift(instant, opposite(moment), zone)
        elif moment == "now":
            yield instant
        elif moment == "today":
            yield from (to_instant(begun + timedelta(days=days), zone) for days in range(3))
        elif TIME_OF_DAY.fullmatch(moment):
            hour, minute = map(int, moment.split(":"))
            since = timedelta(hours=hour, minutes=minute)
            yield from (
                to_instant(begun + timedelta(days=days) + since, zone) for days in (-1, 0, 1)
            )


def _scalars(part: Any) -> Iterator[Any]:
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _scalars(each)
    else:
        yield part
