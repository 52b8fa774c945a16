"""Occurrences of schedules, beside a clock that is read minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.model.triggers import Schedule
from journeys.schedule.occurrences import occurrence_at, occurrences


def first(count: int, after: str, zone: str | None = None, **schedule: str) -> list[str]:
    """The first occurrences later than an instant, as ISO 8601 in UTC."""
    found = occurrences(Schedule(**schedule), zone, datetime.fromisoformat(after))
    return [each.at.strftime("%Y-%m-%dT%H:%M") for each in islice(found, count)]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        # Mondays at nine in Paris: UTC+2 until the last Sunday of October, UTC+1 from then on.
        (
            {"cron": "0 9 * * mon", "timezone": "Europe/Paris"},
            "2026-10-17T00:00+00:00",
            ["2026-10-19T07:00", "2026-10-26T08:00", "2026-11-02T08:00"],
        ),
        # 02:30 on 29 March is skipped: clocks go from 02:00 to 03:00 at 01:00 UTC.
        (
            {"cron": "30 2 * * *", "timezone": "Europe/Paris"},
            "2026-03-28T00:00+00:00",
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        # 02:30 on 25 October comes twice: the first is at 00:30 UTC, the second an hour later.
        (
            {"cron": "30 2 * * *", "timezone": "Europe/Paris"},
            "2026-10-24T12:00+00:00",
            ["2026-10-25T00:30", "2026-10-26T01:30"],
        ),
        # Four times in one gap, and three o'clock itself, are one occurrence.
        (
            {"cron": "*/15 2,3 * * *", "timezone": "Europe/Paris"},
            "2026-03-29T00:50+00:00",
            ["2026-03-29T01:00", "2026-03-29T01:15", "2026-03-29T01:30"],
        ),
        # A whole day was skipped in Samoa: 30 December 2011.
        (
            {"cron": "0 9 * * *", "timezone": "Pacific/Apia"},
            "2011-12-29T00:00+00:00",
            ["2011-12-29T19:00", "2011-12-30T10:00", "2011-12-30T19:00"],
        ),
        ({"cron": "0 9 29 2 *"}, "2026-01-01T00:00+00:00", ["2028-02-29T09:00"]),
        ({"at": "2026-12-01T09:00"}, "2026-11-30T00:00+00:00", ["2026-12-01T09:00"]),
        ({"at": "2026-12-01T09:00"}, "2026-12-01T09:00+00:00", []),
        ({"at": "2026-12-01T09:00+05:30"}, "2026-11-30T00:00+00:00", ["2026-12-01T03:30"]),
        ({"at": "2026-12-01"}, "2026-11-30T00:00+00:00", ["2026-12-01T00:00"]),
        # At the contacts' local time, it begins on Kiritimati.
        (
            {"cron": "0 9 * * mon", "timezone": "contact"},
            "2026-12-06T18:59+00:00",
            ["2026-12-06T19:00", "2026-12-13T19:00"],
        ),
        (
            {"cron": "0 9 * * mon", "timezone": "contact"},
            "2026-12-06T19:00+00:00",
            ["2026-12-13T19:00"],
        ),
    ],
)  # fmt: skip
def test_occurrences_are_those_worked_out_by_hand(
    schedule: dict[str, str], after: str, expected: list[str]
) -> None:
    assert first(len(expected) + (len(expected) == 0), after, **schedule) == expected


def test_a_schedule_without_a_zone_has_that_of_its_journey() -> None:
    assert first(1, "2026-12-01T00:00+00:00", "America/New_York", cron="0 9 * * *") == [
        "2026-12-01T14:00"
    ]


def test_an_occurrence_in_the_contacts_zones_comes_to_each_at_its_local_time() -> None:
    [found] = islice(
        occurrences(
            Schedule(cron="0 9 * * mon", timezone="contact"),
            None,
            datetime(2026, 12, 4, tzinfo=UTC),
        ),
        1,
    )
    assert found.key == "2026-12-07T09:00:00"
    assert found.turn(ZoneInfo("Pacific/Kiritimati")) == found.at
    assert found.turn(ZoneInfo("Europe/Paris")) == datetime(2026, 12, 7, 8, tzinfo=UTC)
    assert found.turn(ZoneInfo("Pacific/Pago_Pago")) == datetime(2026, 12, 7, 20, tzinfo=UTC)


def test_an_occurrence_is_found_by_its_instant_alone() -> None:
    schedule = Schedule(cron="0 9 * * mon", timezone="Europe/Paris")
    there = occurrence_at(schedule, None, datetime(2026, 12, 7, 8, tzinfo=UTC))
    assert there is not None
    assert there.key == "2026-12-07T08:00:00Z"
    assert occurrence_at(schedule, None, datetime(2026, 12, 7, 8, 0, 1, tzinfo=UTC)) is None


# ------------------------------------------------------------------------- a second reading

_ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def by_the_minute(
    minute: int, hours: set[int], day: int | None, zone: str, begin: datetime, end: datetime
) -> list[datetime]:
    """When clocks first show one of the times, or jump over it; `day` is a day of the week."""
    seen: set[datetime] = set()
    found: list[datetime] = []
    instant = begin - timedelta(days=1)
    before = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    while instant < end:
        instant += timedelta(minutes=1)
        wall = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        passed = wall if wall <= before else before + timedelta(minutes=1)
        come = False
        while passed <= wall:
            fits = passed.minute == minute and passed.hour in hours
            if fits and day in (None, passed.weekday()) and passed not in seen:
                seen.add(passed)
                come = True
            passed += timedelta(minutes=1)
        before = wall
        if come and begin < instant < end:
            found.append(instant)
    return found


@given(
    minute=st.integers(0, 59),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
    day=st.none() | st.integers(0, 6),
    zone=st.sampled_from(_ZONES),
    # Days around the changes of clocks, and any others.
    begin=st.sampled_from(
        [datetime(2026, month, day, tzinfo=UTC) for month, day in (
            (3, 7), (3, 28), (4, 4), (4, 23), (10, 3), (10, 24), (10, 29), (10, 31), (7, 1)
        )]
    ),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_occurrences_agree_with_a_clock_that_is_read_minute_by_minute(
    minute: int, hours: set[int], day: int | None, zone: str, begin: datetime
) -> None:
    end = begin + timedelta(days=3)
    listed = ",".join(map(str, sorted(hours)))
    line = f"{minute} {listed} * * {'*' if day is None else _DAYS[day]}"
    found = []
    for each in occurrences(Schedule(cron=line, timezone=zone), None, begin):
        if each.at >= end:
            break
        found.append(each.at)
    assert found == by_the_minute(minute, hours, day, zone, begin, end)
