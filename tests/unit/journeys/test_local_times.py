"""Moments in local time, against a table that another library worked out (make_local_times.py)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from journeys.model.moments import Days, Moment
from journeys.schedule.moment_resolution import ResolutionContext, Unresolved, resolve

TABLE = json.loads(Path(__file__).with_name("local_times.json").read_text(encoding="utf-8"))
ENTRY = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)

moments: TypeAdapter[Moment] = TypeAdapter(Moment)
weekdays: TypeAdapter[Days] = TypeAdapter(Days)


def resolved(case: dict[str, Any]) -> datetime | str:
    view = ResolutionContext(
        now=datetime.fromisoformat(case["now"]),
        zone=ZoneInfo(case["zone"]),
        entry=ENTRY,
        values=lambda reference: case.get("value"),
    )
    days = weekdays.validate_python(case["days"]) if "days" in case else None
    found = resolve(moments.validate_python(case["moment"]), view, days=days)
    return found.value if isinstance(found, Unresolved) else found


def test_the_table_is_long_and_has_every_kind_of_answer() -> None:
    assert len(TABLE) >= 150
    answers = [case["expected"] for case in TABLE]
    assert answers.count("past") > 5
    assert answers.count("missing") > 5
    assert len({case["zone"] for case in TABLE}) >= 20


@pytest.mark.parametrize("zone", sorted({case["zone"] for case in TABLE}))
def test_a_moment_is_when_another_library_says(zone: str) -> None:
    wrong = []
    for case in TABLE:
        if case["zone"] != zone:
            continue
        right = case["expected"]
        if right not in ("past", "missing"):
            right = datetime.fromisoformat(right)
        if (found := resolved(case)) != right:
            wrong.append((case, str(found)))
    assert wrong == []


@pytest.mark.parametrize(
    ("zone", "now", "moment", "value", "right"),
    [
        # By hand, from the published rules of each zone.
        # Paris goes from 02:00 +01:00 to 03:00 +02:00: the first instant after the gap is 01:00Z.
        ("Europe/Paris", "2026-03-28T12:00Z", "2026-03-29T02:15", None, "2026-03-29T01:00Z"),
        # Paris has 02:15 twice on that day; the first is in summer time, +02:00.
        ("Europe/Paris", "2026-10-24T12:00Z", "2026-10-25T02:15", None, "2026-10-25T00:15Z"),
        # Lord Howe goes from 02:00 +10:30 to 02:30 +11:00, which is 15:30Z of the day before.
        ("Australia/Lord_Howe", "2026-10-03T01:00Z", "2026-10-04T02:15", None, "2026-10-03T15:30Z"),
        # …and back from 02:00 +11:00 to 01:30 +10:30; 01:45 comes twice, first at +11:00.
        ("Australia/Lord_Howe", "2026-04-04T01:00Z", "2026-04-05T01:45", None, "2026-04-04T14:45Z"),
        # Chatham goes from 02:45 +12:45 to 03:45 +13:45: 14:00Z.
        ("Pacific/Chatham", "2026-09-26T01:00Z", "2026-09-27T03:00", None, "2026-09-26T14:00Z"),
        # Santiago skips midnight: 24:00 -04:00 is 01:00 -03:00, which is 04:00Z.
        ("America/Santiago", "2026-09-05T16:00Z", "2026-09-06", None, "2026-09-06T04:00Z"),
        # Samoa had no 30 December 2011: at the end of the 29th (-10:00) it was the 31st (+14:00).
        ("Pacific/Apia", "2011-12-29T20:00Z", "2011-12-30T09:00", None, "2011-12-30T10:00Z"),
        # Kathmandu is at +05:45.
        ("Asia/Kathmandu", "2026-03-01T00:00Z", "09:00", None, "2026-03-01T03:15Z"),
        # A leap day's child on a plain year: the 28th, midnight at -08:00.
        ("America/Los_Angeles", "2026-01-10T00:00Z", {"attribute": "b", "every": "year"},
         "1992-02-29", "2026-02-28T08:00Z"),
        # The anniversary is Feb 28 first, then a day later.
        ("UTC", "2026-01-10T00:00Z", {"attribute": "b", "every": "year", "offset": "1d"},
         "1992-02-29", "2026-03-01T00:00Z"),
        # Today's anniversary counts, and at noon its midnight is past.
        ("UTC", "2026-05-01T12:00Z", {"attribute": "b", "every": "year"}, "1990-05-01", "past"),
        ("UTC", "2026-05-01T12:00Z", {"attribute": "b", "every": "year", "at": "12:00"},
         "1990-05-01", "2026-05-01T12:00Z"),
        # Three days before the next birthday was yesterday.
        ("UTC", "2026-04-29T12:00Z", {"attribute": "b", "every": "year", "offset": "-3d"},
         "1990-05-01", "past"),
        # Midnight of the first birthday did not exist in São Paulo; it does on the next.
        ("America/Sao_Paulo", "2026-01-10T00:00Z", {"attribute": "b", "every": "year"},
         "1990-10-21", "2026-10-21T03:00Z"),
        ("UTC", "2026-01-31T10:00Z", "+1mo", None, "2026-02-28T10:00Z"),
        ("UTC", "2026-01-10T00:00Z", {"entry": "at", "offset": "-1mo"}, "9999-12-31T23:59",
         "9999-11-30T23:59Z"),
        ("UTC", "2026-01-10T00:00Z", {"entry": "at", "offset": "1d"}, "9999-12-31", "missing"),
        ("UTC", "2026-01-10T00:00Z", {"entry": "at"}, 1e300, "missing"),
        ("UTC", "2026-01-10T00:00Z", {"entry": "at"}, 1775000000.25, "2026-03-31T23:33:20.25Z"),
    ],
)  # fmt: skip
def test_a_moment_is_when_the_rules_of_its_zone_say(
    zone: str, now: str, moment: Any, value: Any, right: str
) -> None:
    found = resolved({"zone": zone, "now": now, "moment": moment, "value": value})
    assert found == (right if right in ("past", "missing") else datetime.fromisoformat(right))


def test_a_moment_is_not_seen_from_a_naive_time() -> None:
    with pytest.raises(ValueError, match="an instant with a time zone"):
        ResolutionContext(datetime(2026, 1, 1), ZoneInfo("UTC"), ENTRY, lambda reference: None)  # noqa: DTZ001
