"""Conditions that time changes, against a second reading: the verdict, and the next instant.

600 random cases here; `CONDITION_CASES=5000` before pytest for all.
"""

from __future__ import annotations

import os
import random
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from whenever import Instant, TimeDelta

from store.conditions import compile_condition
from tests.support.situations import CONDITION
from tests.support.timed_conditions import STEP, Happened, Person, holds, turns

Pool = AsyncConnectionPool[AsyncConnection[Any]]

CASES = int(os.environ.get("CONDITION_CASES", "600"))
TOGETHER = 50
"""How many cases one statement asks."""
# Changes of an hour and of half an hour, north and south, at midnight, and none.
ZONES = (
    "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo",
    "Asia/Kathmandu",
)  # fmt: skip
WINDOWS = ("1mo", "1mo", "30d", "30d", "1y", "1y", "1d", "24h", "2mo", "1w", "36h", "1mo2d", "90m")
DATES = ("2026-02-28", "2025-12-31T23:30", "2024-02-29T12:00", "2026-03-29T02:30", 1774749600)


class Random:
    """Random contacts, and conditions that time changes."""

    def __init__(self, seed: int) -> None:
        self.any = random.Random(seed)
        self.zone = self.any.choice(ZONES)
        self.windows = self.any.sample(WINDOWS, 2)

    def special(self) -> Instant:
        """About a change of clocks, the end of a month, or any time."""
        kind = self.any.random()
        start = Instant.from_utc(2025, self.any.randrange(1, 13), self.any.randrange(1, 28))
        if kind < 0.45 and (change := start.to_tz(self.zone).next_transition()) is not None:
            return change.to_instant() + self.jitter(3)
        if kind < 0.8:
            month = Instant.from_utc(2024 + self.any.randrange(3), self.any.randrange(1, 13), 1)
            return month + TimeDelta(hours=24 * self.any.randrange(-4, 2)) + self.jitter(26)
        return start + self.jitter(1_000)

    def jitter(self, hours: int) -> TimeDelta:
        """Up to so many hours either way; often whole half hours, which meet changes exactly."""
        if self.any.random() < 0.4:
            return TimeDelta(minutes=30 * self.any.randrange(-2 * hours, 2 * hours + 1))
        return TimeDelta(
            seconds=self.any.randrange(-3600 * hours, 3600 * hours),
            microseconds=self.any.randrange(1_000_000),
        )

    def person(self) -> Person:
        events = []
        anchors = [self.special() for _ in range(self.any.randrange(1, 4))]
        for _ in range(self.any.randrange(0, 9)):
            occurred = self.any.choice(anchors) + self.jitter(self.any.choice([2, 2, 48]))
            late = self.any.choice([0, 0, 0, 60, 90_000])
            properties = {"total": self.any.randrange(5), "due": self.date()}
            name = self.any.choice(["A", "A", "B"])
            events.append(Happened(name, occurred, occurred + TimeDelta(seconds=late), properties))
        attributes = {
            "ends": self.date(), "born": self.any.choice(DATES), "least": self.any.randrange(3),
            "list": [{"ends": self.date(), "n": self.any.randrange(3)} for _ in range(2)],
        }  # fmt: skip
        return Person(self.zone, attributes, events)

    def date(self) -> Any:
        if self.any.random() < 0.4:
            return self.any.choice(DATES)
        return self.special().format_iso()

    def moment(self) -> Any:
        window = self.any.choice(self.windows)
        return self.any.choice(
            [f"-{window}", f"-{window}", f"+{window}", "today", "now", "09:00", "02:30"]
        )

    def reference(self) -> Any:
        moment = {"attribute": "born", "every": "year"}
        if self.any.random() < 0.5:
            moment["offset"] = self.any.choice(["-3d", "+1mo", "-12h"])
        if self.any.random() < 0.5:
            moment["at"] = "02:30"
        return moment

    def exact(self) -> dict[str, Any]:
        """A condition whose next instant is its next change, and no earlier one."""
        kind = self.any.random()
        number = self.any.randrange(1, 4)
        counts: list[Any] = [
            {"gte": 1}, {"gte": number}, {"gt": number}, 0, number, {"lt": number},
            {"lte": number}, {"in": [0, number]}, {"is_not": number}, {"gte": 1, "lt": number + 1},
        ]  # fmt: skip
        condition: dict[str, Any] = {"event": "A"}
        if self.any.random() < 0.8:
            condition["count"] = self.any.choice(counts)
        if self.any.random() < 0.3:
            condition["where"] = {"total": {"gte": 2}}
        if kind < 0.5:
            return {**condition, "within": self.any.choice(self.windows)}
        if kind < 0.6:
            return {**condition, "since": self.moment()}
        if kind < 0.7:
            return {"event": "A", "before": self.moment()}
        if kind < 0.75:
            since = self.any.choice(["2025-06-01", {"attribute": "ends", "offset": "-30d"}])
            return {**condition, "since": since, "within": self.any.choice(self.windows)}
        if kind < 0.8:
            return {**condition, "since": self.moment(), "within": self.any.choice(self.windows)}
        return {"attribute": "ends", self.any.choice(["before", "after"]): self.moment()}

    def loose(self) -> dict[str, Any]:
        """A condition whose next instant may lie before its next change."""
        window = self.any.choice(self.windows)
        operators = self.any.choice([{"gte": 4}, {"lt": 3}, {"is": 2}])
        return self.any.choice(
            [
                {"event": "A", self.any.choice(["sum", "avg", "min", "max"]): {"total": operators},
                 "within": window},
                {"event": "A", "within": window, "count": {"gte": {"attribute": "least"}}},
                {"event": "A", "within": window, "before": self.moment(), "count": operators},
                {"event": "A", "since": self.moment(), "before": self.moment()},
                {"event": "A", "before": self.moment(), "count": {"lt": 3}},
                {"event": "A", self.any.choice(["since", "before"]): self.reference()},
                {"event": "A", "where": {"due": {self.any.choice(["before", "after"]):
                 self.moment()}}, "within": window, "count": operators},
                {"event": "A", "where": {"due": {"before": self.moment()}}},
                {"attribute": "ends", self.any.choice(["before", "after"]): self.reference()},
                {"attribute": "ends", "before": self.moment(), "after": self.moment()},
                {"attribute": "list", "any": {"ends": {"after": self.moment()}, "n": {"gte": 1}}},
            ]
        )  # fmt: skip

    def condition(self) -> tuple[dict[str, Any], bool]:
        """A condition, and whether its next instant is its next change."""
        kind = self.any.random()
        if kind < 0.5:
            return self.exact(), True
        if kind < 0.7:
            return self.loose(), False
        if kind < 0.8:
            return {"not": self.exact()}, True
        fixed = {"attribute": "least", "gte": 1}
        parts = [self.any.choice([self.exact, self.exact, self.loose])() for _ in range(3)]
        word, inner = self.any.choice([("all", "any"), ("any", "all"), ("all", "all")])
        more = [fixed] if self.any.random() < 0.5 else []
        return {word: [parts[0], {inner: [parts[1], {"not": parts[2]}]}, *more]}, False


class Case:
    """A condition on a contact, and the instants at which it is asked."""

    def __init__(self, seed: int) -> None:
        made = Random(seed)
        self.seed = seed
        self.contact, self.run = uuid4(), uuid4()
        self.person = made.person()
        self.condition, self.exact = made.condition()
        first = sorted(turns(self.condition, self.person))
        self.turns = sorted({turn + step for turn in first for step in (TimeDelta(), STEP)})
        near = made.any.sample(self.turns, min(3, len(self.turns)))
        before = [each - TimeDelta(minutes=made.any.randrange(60_000)) for each in near]
        self.asked = [*near, *(each - STEP for each in near), *before, made.special()]

    def next_change(self, asked: Instant) -> Instant | None:
        """The first instant after it at which time alone changes the verdict."""
        known = self.person.as_of(asked)
        now = holds(self.condition, known, asked)
        later = (turn for turn in self.turns if turn > asked)
        return next((turn for turn in later if holds(self.condition, known, turn) is not now), None)


async def store(conn: AsyncConnection[Any], cases: list[Case]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into contact (id, timezone, attributes) values (%s, %s, %s)",
            [(case.contact, case.person.zone, Jsonb(case.person.attributes)) for case in cases],
        )
        await cursor.executemany(
            "insert into run (id, journey, version, contact_id, entry_ref, ref)"
            " values (%s, 'j', 1, %s, 0, 0)",
            [(case.run, case.contact) for case in cases],
        )
        await cursor.executemany(
            "insert into event (contact_id, name, properties, message_id, stamped_at, client_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    case.contact, event.name, Jsonb(event.properties), str(uuid4()),
                    event.stamped_at.to_stdlib(), event.occurred_at.to_stdlib(),
                )
                for case in cases
                for event in case.person.events
            ],
        )  # fmt: skip


async def ask(
    conn: AsyncConnection[Any], cases: list[Case]
) -> dict[tuple[UUID, Instant], tuple[bool, Instant | None]]:
    """The verdict and the next instant of each case at each of its instants."""
    queries: list[str] = []
    params: dict[str, Any] = {}
    for place, case in enumerate(cases):
        predicate = compile_condition(
            CONDITION.validate_python(case.condition), prefix=f"c{place}_"
        )
        assert predicate.next_change is not None
        params |= predicate.params
        params |= {
            f"run{place}": case.run,
            f"asked{place}": [each.to_stdlib() for each in case.asked],
        }
        queries.append(
            f"select r.id, j.at, {predicate.sql}, nullif({predicate.next_change}, 'infinity')"
            f" from unnest(%(asked{place})s::timestamptz[]) j(at), run r"
            f" join contact c on c.id = r.contact_id where r.id = %(run{place})s"
        )
    # The instants of many cases in one statement.
    text = " union all ".join(queries).replace("%(judged_at)s", "j.at")
    cursor = await conn.execute(text.encode(), params)

    def instant(at: datetime | None) -> Instant | None:
        return None if at is None else Instant(at)

    return {
        (run, Instant(at)): (verdict, instant(then))
        for run, at, verdict, then in await cursor.fetchall()
    }


async def test_verdict_and_next_instant_agree_with_a_second_reading(pool: Pool) -> None:
    wrong: list[Any] = []
    asked = changing = early = 0
    async with pool.connection() as conn:
        for begin in range(0, CASES, TOGETHER):
            cases = [Case(seed) for seed in range(begin, min(begin + TOGETHER, CASES))]
            await store(conn, cases)
            answers = await ask(conn, cases)
            for case in cases:
                for at in case.asked:
                    verdict, then = answers[case.run, at]
                    right = holds(case.condition, case.person.as_of(at), at)
                    change = case.next_change(at)
                    asked += 1
                    changing += change is not None
                    early += then != change
                    missed = change is not None and (then is None or then > change)
                    idle = then is not None and then <= at
                    if verdict is not right or missed or idle or (case.exact and then != change):
                        wrong.append((case.seed, case.condition, at, verdict, right, then, change))
    summary = f"{asked} instants, {changing} before a change, {early} looked at early"
    assert wrong == [], summary
    assert changing > asked / 8, summary
    assert early < asked / 10, summary
