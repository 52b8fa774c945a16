"""Durations: what may be written, and what adding one means where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.time.durations import Duration, at_local

ZONES = [
    "Europe/Paris",
    "America/New_York",
    "America/Havana",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Apia",
    "UTC",
]
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.datetimes(
    min_value=datetime(2005, 1, 1),  # noqa: DTZ001
    max_value=datetime(2037, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
durations = st.builds(
    Duration,
    exact=st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    years=st.integers(0, 20),
    months=st.integers(0, 30),
    weeks=st.integers(0, 60),
    days=st.integers(0, 400),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", Duration(exact=timedelta(hours=1))),
        ("90s", Duration(exact=timedelta(seconds=90))),
        ("1h30m", Duration(exact=timedelta(minutes=90))),
        ("2d", Duration(days=2)),
        ("1mo", Duration(months=1)),
        ("5m", Duration(exact=timedelta(minutes=5))),
        ("1y2mo3w4d", Duration(years=1, months=2, weeks=3, days=4)),
        ("PT2H", Duration(exact=timedelta(hours=2))),
        ("P1DT2H", Duration(days=1, exact=timedelta(hours=2))),
        ("P1M", Duration(months=1)),
        ("PT1M", Duration(exact=timedelta(minutes=1))),
        ("P2W", Duration(weeks=2)),
        ("1.5h", Duration(exact=timedelta(minutes=90))),
        ("0s", Duration()),
    ],
)
def test_a_duration_is_read(text: str, expected: Duration) -> None:
    assert Duration.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "2", "d", "2 days", "-1d", "+1d", "1m1h", "1.5d", "P", "PT", "P1DT", "1e3s", "2D", "٢d"],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 30m"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["101y", "999999999999d", "999999999999h", "40000d"])
def test_a_duration_is_at_most_a_hundred_years(text: str) -> None:
    with pytest.raises(ValueError, match="at most 100 years"):
        Duration.parse(text)


def test_an_offset_has_a_sign() -> None:
    assert Duration.parse("-1d", signed=True) == Duration(days=-1)
    assert Duration.parse("+2h", signed=True) == Duration(exact=timedelta(hours=2))


@given(durations)
def test_the_canonical_text_reads_back(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration
    assert str(Duration.parse(str(duration))) == str(duration)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2d", "2 days"),
        ("1h30m", "1 hour 30 minutes"),
        ("1y", "1 year"),
        ("0s", "0 seconds"),
        ("PT36H", "36 hours"),
    ],
)
def test_a_person_reads_words(text: str, words: str) -> None:
    assert Duration.parse(text).words() == words


@pytest.mark.parametrize(
    ("zone", "start", "text", "end"),
    [
        # Paris: 29 March 2026 02:00 → 03:00, 25 October 2026 03:00 → 02:00.
        ("Europe/Paris", "2026-03-28T08:00:00Z", "1d", "2026-03-29T07:00:00Z"),
        ("Europe/Paris", "2026-03-28T08:00:00Z", "24h", "2026-03-29T08:00:00Z"),
        ("Europe/Paris", "2026-03-28T01:30:00Z", "1d", "2026-03-29T01:00:00Z"),
        ("Europe/Paris", "2026-10-24T00:30:00Z", "1d", "2026-10-25T00:30:00Z"),
        ("Europe/Paris", "2026-10-24T08:00:00Z", "1d", "2026-10-25T09:00:00Z"),
        # Sydney: 4 October 2026 02:00 → 03:00, 5 April 2026 03:00 → 02:00.
        ("Australia/Sydney", "2026-10-02T16:30:00Z", "1d", "2026-10-03T16:00:00Z"),
        ("Australia/Sydney", "2026-04-03T15:30:00Z", "1d", "2026-04-04T15:30:00Z"),
        # Lord Howe's clocks move by half an hour: 4 October 2026 02:00 → 02:30.
        ("Australia/Lord_Howe", "2026-10-02T15:45:00Z", "1d", "2026-10-03T15:30:00Z"),
        # Apia had no 30 December 2011 at all.
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "1d", "2011-12-30T10:00:00Z"),
        # Month ends clamp, and so does 29 February.
        ("UTC", "2026-01-31T12:00:00Z", "1mo", "2026-02-28T12:00:00Z"),
        ("UTC", "2028-02-29T12:00:00Z", "1y", "2029-02-28T12:00:00Z"),
        ("UTC", "2028-01-31T12:00:00Z", "1mo1d", "2028-03-01T12:00:00Z"),
    ],
)
def test_adding_follows_the_calendar_of_the_zone(
    zone: str, start: str, text: str, end: str
) -> None:
    result = Duration.parse(text).add_to(datetime.fromisoformat(start), ZoneInfo(zone))
    assert result == datetime.fromisoformat(end)
    assert result.tzinfo is UTC


@given(instants, zones, st.integers(1, 800))
def test_days_keep_the_local_time_or_take_the_first_instant_after_a_gap(
    start: datetime, zone: ZoneInfo, days: int
) -> None:
    wall = start.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    result = Duration(days=days).add_to(start, zone)
    shown = result.astimezone(zone)
    if shown.replace(tzinfo=None, fold=0) == wall:
        assert shown.fold == 0
    else:
        before = (result - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=None)
        assert before < wall < shown.replace(tzinfo=None)


@given(instants, zones, st.integers(0, 10**7))
def test_seconds_are_exact_in_every_zone(start: datetime, zone: ZoneInfo, seconds: int) -> None:
    exact = timedelta(seconds=seconds)
    assert Duration(exact=exact).add_to(start, zone) - start == exact


@given(instants, zones, st.integers(0, 800), st.integers(0, 800))
def test_more_days_never_end_earlier(start: datetime, zone: ZoneInfo, some: int, more: int) -> None:
    end = Duration(days=some).add_to(start, zone)
    assert end <= Duration(days=some + more).add_to(start, zone)


def test_naive_instants_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        Duration(days=1).add_to(datetime(2026, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone of its own"):
        at_local(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))


def test_speed_divides_the_whole() -> None:
    assert Duration.parse("1d12h").divided(3600) == timedelta(seconds=36)
    with pytest.raises(ValueError, match="speed must be positive"):
        Duration.parse("1d").divided(0)
