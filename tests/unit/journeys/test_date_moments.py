"""Moments of date entries: which one is next, and under which key."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.model.triggers import DateEntry
from journeys.schedule.date_moments import DateMoment, DateRule

PARIS = ZoneInfo("Europe/Paris")


def moment(
    value: object, since: str, zone: str = "Europe/Paris", **entry: Any
) -> tuple[str, str] | None:
    """Key and instant of the next moment of `{attribute: d, …}`."""
    rule = DateRule.of(DateEntry(date={"attribute": "d", **entry}))  # type: ignore[arg-type]
    found = rule.next(value, ZoneInfo(zone), datetime.fromisoformat(since))
    return None if found is None else (found.key, found.at.strftime("%Y-%m-%dT%H:%M"))


YEARLY = {"every": "year", "at": "09:00"}


@pytest.mark.parametrize(
    ("value", "since", "entry", "expected"),
    [
        ("1990-05-04", "2026-01-01T00:00+00:00", YEARLY, ("2026", "2026-05-04T07:00")),
        # The very moment counts, a second later the next year's does.
        ("1990-05-04", "2026-05-04T07:00+00:00", YEARLY, ("2026", "2026-05-04T07:00")),
        ("1990-05-04", "2026-05-04T07:00:01+00:00", YEARLY, ("2027", "2027-05-04T07:00")),
        # 29 February is the 28th in other years.
        ("2000-02-29", "2026-01-01T00:00+00:00", YEARLY, ("2026", "2026-02-28T08:00")),
        ("2000-02-29", "2028-01-01T00:00+00:00", YEARLY, ("2028", "2028-02-29T08:00")),
        # The year is that of the anniversary, before the offset.
        (
            "1990-01-02", "2026-12-01T00:00+00:00", {**YEARLY, "offset": "-3d"},
            ("2027", "2026-12-30T08:00"),
        ),
        (
            "1990-01-02", "2026-12-31T00:00+00:00", {**YEARLY, "offset": "-3d"},
            ("2028", "2027-12-30T08:00"),
        ),
        (
            "1990-12-20", "2027-01-01T00:00+00:00", {**YEARLY, "offset": "30d"},
            ("2026", "2027-01-19T08:00"),
        ),
        (
            "1990-05-04", "2026-01-01T00:00+00:00", {**YEARLY, "offset": "-2y"},
            ("2028", "2026-05-04T07:00"),
        ),
        # 02:30 is skipped on 29 March 2026, and comes twice on 25 October.
        (
            "1990-03-29", "2026-01-01T00:00+00:00", {"every": "year", "at": "02:30"},
            ("2026", "2026-03-29T01:00"),
        ),
        (
            "1990-10-25", "2026-10-01T00:00+00:00", {"every": "year", "at": "02:30"},
            ("2026", "2026-10-25T00:30"),
        ),
        # A date alone is its midnight; its key is the date, before the offset.
        ("2026-12-24", "2026-01-01T00:00+00:00", {}, ("2026-12-24", "2026-12-23T23:00")),
        (
            "2026-12-24T18:00", "2026-01-01T00:00+00:00", {"offset": "-1d", "at": "10:00"},
            ("2026-12-24", "2026-12-23T09:00"),
        ),
        # The end of a month stays one.
        (
            "2026-03-31", "2026-01-01T00:00+00:00", {"offset": "-1mo"},
            ("2026-03-31", "2026-02-27T23:00"),
        ),
        # An instant has the date that it has in UTC, wherever the contact is.
        ("2026-12-24T23:30Z", "2026-01-01T00:00+00:00", {}, ("2026-12-24", "2026-12-24T23:30")),
        (1798068600, "2026-01-01T00:00+00:00", {}, ("2026-12-23", "2026-12-23T23:30")),
        ("2026-12-24", "2026-12-24T00:00+00:00", {}, None),
        ("31/12/2026", "2026-01-01T00:00+00:00", {}, None),
        (None, "2026-01-01T00:00+00:00", YEARLY, None),
        (["1990-05-04"], "2026-01-01T00:00+00:00", YEARLY, None),
        ("9999-12-31", "2026-01-01T00:00+00:00", {"offset": "1y"}, None),
        ("1990-05-04", "9999-06-01T00:00+00:00", YEARLY, None),
    ],
)  # fmt: skip
def test_the_next_moment_is_the_one_worked_out_by_hand(
    value: object, since: str, entry: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    assert moment(value, since, **entry) == expected


def test_a_fixed_date_comes_in_each_zone_at_its_local_time() -> None:
    rule = DateRule.of(DateEntry(date="2026-12-24T18:00"))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert [
        found.at.hour
        for zone in ("Asia/Tokyo", "Europe/Paris")
        if (found := rule.next(rule.value_of({}), ZoneInfo(zone), since))
    ] == [9, 17]
    assert rule.value_of({}) == "2026-12-24T18:00"


def test_the_attribute_is_found_by_its_path() -> None:
    rule = DateRule.of(DateEntry(date={"attribute": "plan.ends"}))  # type: ignore[arg-type]
    assert rule.value_of({"plan": {"ends": "2026-12-24"}}) == "2026-12-24"
    assert rule.value_of({"plan": 1}) is None


@given(
    born=st.dates(date(1920, 1, 1), date(2026, 1, 1)),
    offset=st.integers(-400, 400),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["Europe/Paris", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]),
    minutes=st.integers(0, 12 * 365 * 24 * 60),
)
@settings(max_examples=300, deadline=None)
def test_of_all_anniversaries_the_first_one_still_to_come_is_next(
    born: date, offset: int, hour: int, zone: str, minutes: int
) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    every: list[DateMoment] = []
    for year in range(2015, 2036):
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        day = 28 if (born.month, born.day) == (2, 29) and not leap else born.day
        anniversary = date(year, born.month, day)
        local = datetime.combine(anniversary + timedelta(days=offset), datetime.min.time())
        wall = local.replace(hour=hour, tzinfo=ZoneInfo(zone))
        # In none of these zones do clocks change at a full hour of the years from 2015 on, but for
        # nights, where the first instant of a skipped hour is the hour's reading before the gap.
        at = wall.astimezone(UTC)
        if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall.replace(tzinfo=None):
            at = _after_the_gap(at, ZoneInfo(zone))
        every.append(DateMoment(str(year), at, anniversary))
    expected = min((each for each in every if each.at >= now), key=lambda each: each.at)
    rule = DateRule.of(
        DateEntry(
            date={  # type: ignore[arg-type]
                "attribute": "d", "every": "year", "offset": f"{offset}d", "at": f"{hour:02}:00",
            }
        )
    )  # fmt: skip
    assert rule.next(born.isoformat(), ZoneInfo(zone), now) == expected


def _after_the_gap(near: datetime, zone: ZoneInfo) -> datetime:
    """The minute at which the offset of a zone changes, within a day and a half before or after."""
    instant = near - timedelta(hours=2)
    while (
        instant.astimezone(zone).utcoffset()
        == (instant + timedelta(minutes=1)).astimezone(zone).utcoffset()
    ):
        instant += timedelta(minutes=1)
    return instant + timedelta(minutes=1)
