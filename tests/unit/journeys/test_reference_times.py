"""The tests' own reading of times, against the table that another library worked out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.reference_dates import Life, Outages, Rule, Stage, digests, greetings
from tests.support.reference_times import (
    TIME_OF_DAY,
    as_instant,
    moment_by_reference,
    next_time_of_day,
    shift,
)
from tests.unit.journeys.make_local_times import ENTRY, TABLE

SITUATIONS: list[dict[str, Any]] = [
    each for each in json.loads(TABLE.read_text(encoding="utf-8")) if each.get("days") is None
]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def moment_of(case: dict[str, Any]) -> datetime | None:
    moment, zone, now = case["moment"], case["zone"], instant(case["now"])
    if moment == "entry":
        return instant(ENTRY)
    if isinstance(moment, dict):
        return moment_by_reference(case.get("value"), moment, now, zone)
    if TIME_OF_DAY.fullmatch(moment):
        return next_time_of_day(moment, now, zone)
    if moment[0] in "+-":
        return shift(now, moment, zone)
    return as_instant(moment, zone)


@pytest.mark.parametrize("case", SITUATIONS, ids=lambda case: f"{case['moment']} {case['zone']}")
def test_moments_are_those_of_another_library(case: dict[str, Any]) -> None:
    found = moment_of(case)
    if found is None:
        said: datetime | str = "missing"
    else:
        said = "past" if found < instant(case["now"]) else found
    expected = case["expected"]
    assert said == (expected if expected in ("past", "missing") else instant(expected))


# ------------------------------------------------------------- greetings, worked out by hand

RULE = Rule(live=datetime(2025, 1, 10, 12, tzinfo=UTC), at="09:00")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)


def greeted(*stages: tuple[datetime, str | None, str], outages: Any = ()) -> list[tuple[str, bool]]:
    life = Life([Stage(since, born, zone) for since, born, zone in stages])
    found = greetings(life, RULE, END, Outages(list(outages)))
    return [(f"{each.year} {each.at:%Y-%m-%dT%H:%MZ}", each.late) for each in found]


def test_a_leap_day_is_greeted_on_the_28th() -> None:
    assert greeted((LONG_AGO, "1992-02-29", "Europe/Paris")) == [
        ("2025 2025-02-28T08:00Z", False), ("2026 2026-02-28T08:00Z", False),
    ]  # fmt: skip


def test_a_zone_changed_the_evening_before_moves_the_greeting() -> None:
    evening = instant("2026-03-09T18:00:00Z")
    west = greeted(
        (LONG_AGO, "1990-03-10", "Europe/Paris"), (evening, "1990-03-10", "America/New_York")
    )
    assert west == [("2025 2025-03-10T08:00Z", False), ("2026 2026-03-10T13:00Z", False)]


def test_a_birthday_corrected_after_the_greeting_is_greeted_once_a_year() -> None:
    later = instant("2025-03-11T08:00:00Z")
    found = greeted((LONG_AGO, "1990-03-10", "UTC"), (later, "1990-03-20", "UTC"))
    assert found == [("2025 2025-03-10T09:00Z", False), ("2026 2026-03-20T09:00Z", False)]


def test_an_outage_of_30_hours_makes_a_greeting_late() -> None:
    outage = (instant("2025-03-10T08:59:00Z"), instant("2025-03-11T14:59:00Z"))
    life = (LONG_AGO, "1990-03-10", "UTC")
    assert greeted(life, outages=[outage])[0] == ("2025 2025-03-11T14:59Z", True)
    shorter = (outage[0], instant("2025-03-11T09:00:00Z"))
    assert greeted(life, outages=[shorter])[0] == ("2025 2025-03-11T09:00Z", False)


def test_a_moment_before_the_journey_was_live_is_not_greeted() -> None:
    assert greeted((LONG_AGO, "1990-01-10", "UTC")) == [("2026 2026-01-10T09:00Z", False)]
    assert greeted((LONG_AGO, "1990-01-10", "America/New_York"))[0] == (
        "2025 2025-01-10T14:00Z", False,
    )  # fmt: skip


def test_a_weekly_digest_comes_at_local_time_on_both_sides_of_a_change_of_clocks() -> None:
    begin, end = instant("2026-03-20T00:00:00Z"), instant("2026-04-04T00:00:00Z")
    found = [each.at for each in digests("Europe/Paris", 6, "02:30", begin, end)]
    assert found == [instant("2026-03-22T01:30:00Z"), instant("2026-03-29T01:00:00Z")]
