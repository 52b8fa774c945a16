"""The next instants of times that are being written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from journeys.schedule.next_instants import InstantsOf, UnreadableTime, next_instants

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""13:00 in Paris."""


def shown(of: InstantsOf, value: Any, *, days: Any = None, limit: int = 2) -> list[str]:
    found = next_instants(of, value, days=days, zone=PARIS, now=MONDAY, limit=limit)
    return [
        f"{each.local:%a %d %H:%M}" + ("" if each.until is None else f"-{each.until:%a %H:%M}")
        for each in found
    ]


@pytest.mark.parametrize(
    ("of", "value", "days", "expected"),
    [
        ("moment", "09:00", None, ["Tue 01 09:00", "Wed 02 09:00"]),
        ("moment", "13:00", None, ["Mon 30 13:00", "Tue 01 13:00"]),
        ("moment", "09:00", "sat-sun", ["Sat 05 09:00", "Sun 06 09:00"]),
        ("moment", "1d12h", None, ["Wed 02 01:00"]),
        ("moment", "-1h", None, ["Mon 30 12:00"]),
        ("moment", "2026-12-24", None, ["Thu 24 00:00"]),
        ("moment", "entry", None, []),
        ("moment", {"attribute": "birthday", "every": "year"}, None, []),
        (
            "window",
            {"days": "mon-fri", "from": "09:00", "to": "18:00", "except": ["2026-12-01"]},
            None,
            ["Mon 30 13:00-Mon 18:00", "Wed 02 09:00-Wed 18:00"],
        ),
        (
            "quiet_hours",
            {"from": "21:00", "to": "08:00"},
            None,
            ["Mon 30 21:00-Tue 08:00", "Tue 01 21:00-Wed 08:00"],
        ),
        ("schedule", {"cron": "30 9 * * mon"}, None, ["Mon 07 09:30", "Mon 14 09:30"]),
        # Seen from Paris; five hours later in New York.
        ("schedule", {"at": "2026-12-01T09:00", "timezone": "America/New_York"}, None,
         ["Tue 01 09:00"]),
        ("schedule", {"at": "2026-11-01T09:00"}, None, []),
    ],
)  # fmt: skip
def test_a_time_comes_next_when_its_words_say_so(
    of: InstantsOf, value: Any, days: Any, expected: list[str]
) -> None:
    assert shown(of, value, days=days) == expected


def test_what_comes_at_each_contacts_own_time_is_no_instant() -> None:
    schedule = {"cron": "0 9 * * *", "timezone": "contact"}
    found = next_instants("schedule", schedule, days=None, zone=PARIS, now=MONDAY, limit=1)
    assert [(each.at, each.local.hour) for each in found] == [(None, 9)]


def test_an_hour_that_clocks_skip_is_the_first_instant_after_it() -> None:
    before = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = next_instants("moment", "02:30", days=None, zone=PARIS, now=before, limit=1)
    assert [each.at for each in found] == [datetime(2026, 3, 29, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("of", "value", "message"),
    [
        ("moment", "soon", "neither a duration nor a moment"),
        ("window", {}, "a window needs"),
        ("window", {"from": "9"}, "is not a time of day"),
        ("quiet_hours", {"from": "09:00", "to": "09:00"}, "begin and end at"),
        ("schedule", {"cron": "every day"}, "cron"),
        ("schedule", {"at": "2026-12-01", "timezone": "No/Where"}, "no time zone `No/Where`"),
        ("schedule", {}, "needs either"),
    ],
)
def test_a_time_that_cannot_be_read_says_what_would_be_right(
    of: InstantsOf, value: Any, message: str
) -> None:
    with pytest.raises(UnreadableTime, match=message):
        shown(of, value)
