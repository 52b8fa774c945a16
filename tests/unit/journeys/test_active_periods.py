"""Active periods: their first instant and the first one after them, worked out by hand."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from journeys.model.moments import ActivePeriod


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("begin", "end", "zone", "first", "after"),
    [
        # Paris is an hour ahead of UTC in winter and two in summer.
        ("2026-12-01", "2026-12-31", "Europe/Paris", at(2026, 11, 30, 23), at(2026, 12, 31, 23)),
        ("2026-12-01", "2026-12-01", "UTC", at(2026, 12, 1), at(2026, 12, 2)),
        (
            "2026-12-01T09:00", "2026-12-31T00:00", "Europe/Paris",
            at(2026, 12, 1, 8), at(2026, 12, 30, 23),
        ),
        ("2026-12-01T09:00Z", "2026-12-01T09:00+02:00", "Asia/Tokyo", at(2026, 12, 1, 9),
         at(2026, 12, 1, 7)),
        # In Beirut clocks skip the first hour of 29 March 2026: the day begins at one o'clock.
        ("2026-03-29", "2026-03-28", "Asia/Beirut", at(2026, 3, 28, 22), at(2026, 3, 28, 22)),
        (None, "2028-02-28", "Australia/Sydney", None, at(2028, 2, 28, 13)),
        ("2026-12-01", "9999-12-31", "UTC", at(2026, 12, 1), None),
    ],
)  # fmt: skip
def test_a_period_lies_between_local_times(
    begin: str | None,
    end: str | None,
    zone: str,
    first: datetime | None,
    after: datetime | None,
) -> None:
    period = ActivePeriod.model_validate({"from": begin, "to": end})
    assert period.bounds(ZoneInfo(zone)) == (first, after)


def test_its_first_instant_belongs_to_it_and_its_end_does_not() -> None:
    period = ActivePeriod.model_validate({"from": "2026-12-01T09:00", "to": "2026-12-01T10:00"})
    tick, zone = timedelta(microseconds=1), ZoneInfo("Europe/Paris")
    first, after = at(2026, 12, 1, 8), at(2026, 12, 1, 9)
    held = [period.holds(moment, zone) for moment in (first - tick, first, after - tick, after)]
    assert held == [False, True, True, False]
