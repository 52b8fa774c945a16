"""The time of day of a send: said, or the contact's own."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from journeys.model.moments import QuietHours, Window
from journeys.schedule.opening_hours import OpeningHours, Rule
from journeys.schedule.send_time import Best, at_hour, at_time, best_hour

ALWAYS = OpeningHours([])
OFFICE = OpeningHours([Rule.of_window(Window.model_validate({"from": "09:00", "to": "18:00"}))])
QUIET = OpeningHours(
    [Rule.of_quiet_hours(QuietHours.model_validate({"from": "20:30", "to": "08:00"}))]
)


@pytest.mark.parametrize(
    ("zone", "start", "at", "right"),
    [
        # Paris is at +01:00 in March, and from 2026-03-29T01:00Z on at +02:00.
        ("Europe/Paris", "2026-03-02T08:00Z", "10:00", "2026-03-02T09:00Z"),
        ("Europe/Paris", "2026-03-02T09:00Z", "10:00", "2026-03-02T09:00Z"),
        ("Europe/Paris", "2026-03-02T09:00:59.9Z", "10:00", "2026-03-02T09:00:59.9Z"),
        ("Europe/Paris", "2026-03-02T09:01Z", "10:00", "2026-03-03T09:00Z"),
        ("Europe/Paris", "2026-03-28T10:00Z", "10:00", "2026-03-29T08:00Z"),
        # 02:30 is skipped on the 29th.
        ("Europe/Paris", "2026-03-28T10:00Z", "02:30", "2026-03-29T01:00Z"),
        # 02:30 comes twice on 25 October: the first.
        ("Europe/Paris", "2026-10-24T10:00Z", "02:30", "2026-10-25T00:30Z"),
        ("Asia/Kathmandu", "2026-03-02T08:00Z", "10:00", "2026-03-03T04:15Z"),
    ],
)
def test_a_time_of_day_is_its_next_minute(zone: str, start: str, at: str, right: str) -> None:
    found = at_time(at, datetime.fromisoformat(start), ZoneInfo(zone))
    assert found == datetime.fromisoformat(right)


@pytest.mark.parametrize(
    ("start", "hour", "right"),
    [
        ("2026-03-02T08:59Z", 10, "2026-03-02T09:00Z"),
        ("2026-03-02T09:00Z", 10, "2026-03-02T09:00Z"),
        ("2026-03-02T09:59:59Z", 10, "2026-03-02T09:59:59Z"),
        ("2026-03-02T10:00Z", 10, "2026-03-03T09:00Z"),
    ],
)
def test_the_current_hour_counts_as_now(start: str, hour: int, right: str) -> None:
    found = at_hour(hour, datetime.fromisoformat(start), ZoneInfo("Europe/Paris"))
    assert found == datetime.fromisoformat(right)


@pytest.mark.parametrize(
    ("events", "openings", "right"),
    [
        ({}, ALWAYS, Best(10, 0)),
        ({20: 4}, ALWAYS, Best(10, 4)),
        ({20: 5}, ALWAYS, Best(20, 5)),
        ({20: 2, 7: 3}, ALWAYS, Best(7, 5)),
        # Of equal hours the earliest one, in any order.
        ({21: 3, 8: 3, 12: 1}, ALWAYS, Best(8, 7)),
        # Hours that are closed are none; all events count towards knowing the contact.
        ({21: 9, 8: 3, 12: 1}, OFFICE, Best(12, 13)),
        ({21: 9, 8: 3}, OFFICE, Best(10, 12)),
        # 20:00 is open, though 20:30 is not any more; an hour is asked about its beginning.
        ({20: 6, 21: 9}, QUIET, Best(20, 15)),
        ({7: 6, 8: 1}, QUIET, Best(8, 7)),
    ],
)
def test_the_best_hour_is_the_most_active_open_one(
    events: dict[int, int], openings: OpeningHours, right: Best
) -> None:
    assert best_hour(events, openings) == right
