"""When windows and quiet hours let a send go: by hand, and minute by minute by another library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import Instant, ZonedDateTime

from journeys.model.moments import QuietHours, Window
from journeys.schedule.opening_hours import OpeningHours, Rule

OFFICE = {"from": "09:00", "to": "18:00"}
WORK = {"days": "mon-fri", **OFFICE}
NIGHT = {"from": "22:00", "to": "08:00"}
PARIS, NEW_YORK, SYDNEY = "Europe/Paris", "America/New_York", "Australia/Sydney"


def rule(written: dict[str, Any], *, quiet: bool = False) -> Rule:
    if quiet:
        return Rule.of_quiet_hours(QuietHours.model_validate(written))
    return Rule.of_window(Window.model_validate(written))


def opening(
    now: str, zone: str, windows: list[dict[str, Any]], quiet: list[dict[str, Any]]
) -> datetime | None:
    rules = [*(rule(each) for each in windows), *(rule(each, quiet=True) for each in quiet)]
    return OpeningHours(rules).next(datetime.fromisoformat(now), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "now", "windows", "quiet", "right"),
    [
        # Paris is at +01:00, and from 2026-03-29T01:00Z to 2026-10-25T01:00Z at +02:00.
        # 2 March 2026 is a Monday.
        (PARIS, "2026-03-02T07:30Z", [WORK], [], "2026-03-02T08:00Z"),
        (PARIS, "2026-03-02T08:00Z", [WORK], [], "2026-03-02T08:00Z"),
        (PARIS, "2026-03-02T16:59:59.5Z", [WORK], [], "2026-03-02T16:59:59.5Z"),
        # 18:00 is outside.
        (PARIS, "2026-03-02T17:00Z", [WORK], [], "2026-03-03T08:00Z"),
        # From Friday to Monday, over the change to summer time.
        (PARIS, "2026-03-27T17:00Z", [WORK], [], "2026-03-30T07:00Z"),
        (PARIS, "2026-03-28T21:30Z", [], [NIGHT], "2026-03-29T06:00Z"),
        # Quiet until 02:30, which is skipped: over when clocks show 03:00.
        (PARIS, "2026-03-28T22:00Z", [], [{"from": "22:00", "to": "02:30"}], "2026-03-29T01:00Z"),
        # An hour that does not come that day.
        (PARIS, "2026-03-29T00:30Z", [{"from": "02:00", "to": "03:00"}], [], "2026-03-30T00:00Z"),
        # 02:30 comes twice on 25 October: quiet until the first, and from 02:00 on again.
        (PARIS, "2026-10-24T21:00Z", [], [{"from": "22:00", "to": "02:30"}], "2026-10-25T00:30Z"),
        (PARIS, "2026-10-25T01:10Z", [], [{"from": "22:00", "to": "02:30"}], "2026-10-25T01:30Z"),
        # At 02:20 the window is over; forty minutes later clocks show 02:00 again.
        (PARIS, "2026-10-25T00:20Z", [{"from": "01:30", "to": "02:15"}], [], "2026-10-25T01:00Z"),
        # New York: -05:00, from 2026-03-08T07:00Z to 2026-11-01T06:00Z -04:00.
        (NEW_YORK, "2026-03-08T06:00Z", [OFFICE], [], "2026-03-08T13:00Z"),
        (NEW_YORK, "2026-11-01T02:00Z", [], [NIGHT], "2026-11-01T13:00Z"),
        # Sydney: +11:00, from 2026-04-04T16:00Z to 2026-10-03T16:00Z +10:00.
        (SYDNEY, "2026-04-04T12:00Z", [], [NIGHT], "2026-04-04T22:00Z"),
        (SYDNEY, "2026-10-03T13:00Z", [], [NIGHT], "2026-10-03T21:00Z"),
        # Lord Howe goes by half an hour, from 02:00 +10:30 to 02:30 +11:00, at 15:30Z.
        ("Australia/Lord_Howe", "2026-10-03T15:00Z", [{"from": "02:00", "to": "02:30"}], [],
         "2026-10-04T15:00Z"),
        # Zones of half and three quarters of an hour: +05:30, +05:45.
        ("Asia/Kolkata", "2026-05-01T00:00Z", [{"from": "09:30", "to": "10:00"}], [],
         "2026-05-01T04:00Z"),
        ("Asia/Kathmandu", "2026-05-01T00:00Z", [OFFICE], [], "2026-05-01T03:15Z"),
        # Santiago has no midnight on 6 September, a Sunday: it begins at 01:00, -03:00.
        ("America/Santiago", "2026-09-05T20:00Z", [{"days": "sun"}], [], "2026-09-06T04:00Z"),
        # Samoa had no Friday 30 December 2011; the next was 6 January, at +14:00.
        ("Pacific/Apia", "2011-12-29T20:00Z", [{"days": "fri"}], [], "2012-01-05T10:00Z"),
        # Over midnight, on the days on which it begins. 7 March is a Saturday.
        (PARIS, "2026-03-07T23:30Z", [{"days": "fri-sat", "from": "20:00", "to": "02:00"}], [],
         "2026-03-07T23:30Z"),
        (PARIS, "2026-03-08T01:00Z", [{"days": "fri-sat", "from": "20:00", "to": "02:00"}], [],
         "2026-03-13T19:00Z"),
        (PARIS, "2026-03-06T00:00Z", [{"days": "fri-sat", "from": "20:00", "to": "02:00"}], [],
         "2026-03-06T19:00Z"),
        # Until midnight.
        (PARIS, "2026-03-02T22:59Z", [{"days": "mon", "from": "20:00", "to": "00:00"}], [],
         "2026-03-02T22:59Z"),
        (PARIS, "2026-03-02T23:00Z", [{"days": "mon", "from": "20:00", "to": "00:00"}], [],
         "2026-03-09T19:00Z"),
        (PARIS, "2026-03-03T10:00Z", [{"days": "mon"}], [], "2026-03-08T23:00Z"),
        (PARIS, "2026-03-02T10:00Z", [{"from": "20:00"}], [], "2026-03-02T19:00Z"),
        (PARIS, "2026-03-02T10:00Z", [{"to": "08:00"}], [], "2026-03-02T23:00Z"),
        # Dates that are closed as a whole, and nothing else.
        (PARIS, "2026-12-23T17:30Z",
         [{**OFFICE, "except": ["2026-12-24", "2026-12-25", "2026-12-26"]}], [],
         "2026-12-27T08:00Z"),
        (PARIS, "2026-12-25T12:00Z", [{"except": ["2026-12-25"]}], [], "2026-12-25T23:00Z"),
        (PARIS, "2026-12-24T22:00Z", [{"from": "20:00", "to": "02:00", "except": ["2026-12-25"]}],
         [], "2026-12-24T22:00Z"),
        (PARIS, "2026-12-24T23:30Z", [{"from": "20:00", "to": "02:00", "except": ["2026-12-25"]}],
         [], "2026-12-25T23:00Z"),
        # Several at once.
        (PARIS, "2026-03-02T20:00Z", [], [NIGHT, {"from": "20:00", "to": "09:30"}],
         "2026-03-03T08:30Z"),
        (PARIS, "2026-03-02T11:30Z", [WORK], [{"from": "12:00", "to": "14:00"}],
         "2026-03-02T13:00Z"),
        (PARIS, "2026-03-02T11:30Z", [WORK, {"days": "wed", "from": "17:00"}], [],
         "2026-03-04T16:00Z"),
        (PARIS, "2026-03-02T11:30Z", [OFFICE], [{"from": "08:00", "to": "18:00"}], None),
        (PARIS, "2026-03-02T11:30Z", [{"days": "mon"}, {"days": "tue"}], [], None),
        (PARIS, "2026-03-02T11:30Z", [], [], "2026-03-02T11:30Z"),
    ],
)  # fmt: skip
def test_a_send_goes_out_when_all_is_open(
    zone: str,
    now: str,
    windows: list[dict[str, Any]],
    quiet: list[dict[str, Any]],
    right: str | None,
) -> None:
    found = opening(now, zone, windows, quiet)
    assert found == (right and datetime.fromisoformat(right))


def test_a_closed_window_is_named_before_quiet_hours() -> None:
    openings = OpeningHours([rule(NIGHT, quiet=True), rule(OFFICE)])
    zone = ZoneInfo("UTC")

    def at(hour: int) -> str | None:
        return openings.closed_by(datetime(2026, 3, 2, hour, tzinfo=UTC), zone)

    assert [at(7), at(8), at(9), at(18), at(22)] == ["window", "window", None, "window", "window"]
    assert (
        OpeningHours([rule(NIGHT, quiet=True)]).closed_by(
            datetime(2026, 3, 2, 22, tzinfo=UTC), zone
        )
        == "quiet_hours"
    )


def test_an_opening_is_not_sought_from_a_naive_time() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        OpeningHours([]).next(datetime(2026, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001


def test_dates_that_close_every_opening_for_years_are_looked_beyond() -> None:
    mondays = [date(2026, 3, 2) + timedelta(weeks=week) for week in range(1000)]
    closed = [monday.isoformat() for monday in mondays]
    found = opening("2026-03-01T12:00Z", "UTC", [{"days": "mon", "except": closed}], [])
    assert found == datetime.combine(mondays[-1] + timedelta(weeks=1), datetime.min.time(), UTC)


# ------------------------------------------------------------------------- minute by minute

ZONES = [
    "UTC", PARIS, NEW_YORK, SYDNEY, "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
    "Pacific/Chatham", "America/Santiago", "Africa/Casablanca", "Pacific/Kiritimati",
]  # fmt: skip
NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CHANGES = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-09-06", "2026-10-04", "2026-10-25"]
LOOKED = 9 * 24 * 60

times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
near_midnight_or_a_change = st.sampled_from(
    ["00:00", "00:15", "01:30", "01:45", "02:00", "02:15", "02:30", "03:00", "23:45"]
)
some_times = st.one_of(times, near_midnight_or_a_change)
days = st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True)


@st.composite
def windows(draw: st.DrawFn, around: date) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if draw(st.booleans()):
        written["days"] = draw(days)
    begin, end = draw(some_times), draw(some_times)
    if begin != end:
        written |= {"from": begin, "to": end}
    if draw(st.booleans()) or not written:
        written["except"] = [
            (around + timedelta(days=shift)).isoformat()
            for shift in draw(st.lists(st.integers(-2, 4), min_size=1, max_size=4))
        ]
    return written


@st.composite
def situations(
    draw: st.DrawFn,
) -> tuple[str, datetime, list[dict[str, Any]], list[dict[str, Any]]]:
    day = date.fromisoformat(draw(st.sampled_from(CHANGES)))
    minute = draw(st.integers(-2 * 24 * 60, 24 * 60))
    now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=minute)
    quiet = []
    for _ in range(draw(st.integers(0, 2))):
        begin, end = draw(some_times), draw(some_times)
        if begin != end:
            quiet.append({"from": begin, "to": end})
    some = draw(st.lists(windows(day), max_size=2))
    return draw(st.sampled_from(ZONES)), now, some, quiet


def minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def within(written: dict[str, Any], local: ZonedDateTime) -> bool:
    """The rule a second time: whether one of yesterday's and today's hours covers the minute."""
    today = local.date()
    if today.format_iso() in written.get("except", []):
        return False
    begin, end = minutes(written.get("from", "00:00")), minutes(written.get("to", "00:00"))
    if end <= begin:
        end += 24 * 60
    for ago in (0, 1):
        name = NAMES[today.subtract(days=ago).day_of_week().value - 1]
        if name in written.get("days", NAMES):
            now = ago * 24 * 60 + local.hour * 60 + local.minute
            if begin <= now < end:
                return True
    return False


def first_open_minute(
    zone: str, now: datetime, windows: list[dict[str, Any]], quiet: list[dict[str, Any]]
) -> datetime | None:
    start = Instant.from_timestamp(int(now.timestamp()))
    for minute in range(LOOKED):
        local = start.add(minutes=minute).to_tz(zone)
        if all(within(each, local) for each in windows) and not any(
            within(each, local) for each in quiet
        ):
            return now + timedelta(minutes=minute)
    return None


@settings(max_examples=300, deadline=None)
@given(situations())
def test_nothing_earlier_is_open(
    situation: tuple[str, datetime, list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    zone, now, some, quiet = situation
    found = opening(now.isoformat(), zone, some, quiet)
    right = first_open_minute(zone, now, some, quiet)
    if right is None:
        assert found is None or found >= now + timedelta(minutes=LOOKED)
    else:
        assert found == right
