"""Templates: which values are dates, in which zone they print, and formats."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from journeys.templating.dates import format_date
from journeys.templating.liquid import Moment, TemplateError, render

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
MOMENT = Moment(datetime(2026, 3, 2, 1, 30, tzinfo=UTC), SAO_PAULO)


def shown(value: object, arguments: str) -> str:
    return render(f"{{{{ entry.at | date: {arguments} }}}}", {"entry": {"at": value}}, MOMENT)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("2026-07-01T01:30:00Z", "30/06 22:30"),
        ("2026-07-01T01:30:00+02:00", "30/06 20:30"),
        (1793541600, "01/11 11:00"),
        (1793541600000, "01/11 11:00"),
        (1793541600.5, "01/11 11:00"),
        (-86400, "30/12 21:00"),
        ("2026-07-01T01:30", "01/07 01:30"),
        ("2026-07-01 01:30:00", "01/07 01:30"),
        ("2026-07-01", "01/07 00:00"),
        ("now", "01/03 22:30"),
        ("today", "01/03 22:30"),
    ],
)
def test_dates_print_in_the_zone_of_the_contact(value: object, printed: str) -> None:
    assert shown(value, '"%d/%m %H:%M"') == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("2026-07-01T01:30:00Z", "01/07 10:30"),
        # A time without an offset is the contact's, three hours behind UTC.
        ("2026-07-01T01:30", "01/07 13:30"),
        ("2026-07-01", "01/07 00:00"),
        ("now", "02/03 10:30"),
    ],
)
def test_another_zone_may_be_named(value: object, printed: str) -> None:
    assert shown(value, "'%d/%m %H:%M', 'Asia/Tokyo'") == printed


@pytest.mark.parametrize(
    "value",
    ["05/11/2026", "11 May", "2026-02-30", "1793541600", "noon", True, [1], {"a": 1}, 10**17],
)
def test_what_is_no_date_fails_by_name(value: object) -> None:
    with pytest.raises(TemplateError) as failure:
        shown(value, "'%d/%m'")
    assert "`date` can't use `entry.at`: it is no date" in str(failure.value)
    assert "2026-12-31" in str(failure.value)


def test_a_date_that_is_missing_is_named() -> None:
    with pytest.raises(TemplateError) as failure:
        shown(None, "'%d/%m'")
    assert failure.value.variable == "entry.at"


def test_the_first_and_last_instants_do_not_leave_the_calendar() -> None:
    with pytest.raises(TemplateError, match="outside the years 1 to 9999"):
        shown("0001-01-01T00:00:00Z", "'%Y'")
    assert shown("9999-12-31T23:00:00Z", "'%Y'") == "9999"


def test_now_and_today_are_the_clock_of_the_engine() -> None:
    text = "{{ 'now' | date: '%Y-%m-%d' }} {{ now | date: '%H:%M' }} {{ today }} {{ now }}"
    assert render(text, {}, MOMENT) == "2026-03-01 22:30 2026-03-01 2026-03-01T22:30:00-03:00"
    tests = {"entry.at < now": True, "entry.at > now": False, "now < 'tomorrow'": False}
    for test, expected in tests.items():
        text = f"{{% if {test} %}}yes{{% else %}}no{{% endif %}}"
        printed = render(text, {"entry": {"at": "2026-03-01T22:00"}}, MOMENT)
        assert (printed == "yes") is expected, test


TIMES = [
    datetime(2026, 3, 1, 0, 5, 9, 123456, tzinfo=UTC),
    datetime(2027, 1, 3, 12, 0, 0, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    datetime(2024, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(1969, 7, 20, 20, 17, tzinfo=UTC),
]


@pytest.mark.parametrize("at", TIMES)
@pytest.mark.parametrize("letter", "YCymdjHIMSuwGgVUWBbhAapFTRDxXcrekl")
def test_directives_are_those_of_the_c_library(letter: str, at: datetime) -> None:
    assert format_date(at, f"%{letter}") == at.strftime(f"%{letter}")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("%-d/%-m/%y", "1/3/26"),
        ("%e|%_m|%03d|%4H", " 1| 3|001|0000"),
        ("%^a %^B %#p", "SUN MARCH am"),
        ("%P %l:%M", "am 12:05"),
        ("%L %3N %6N %N", "123 123 123456 123456000"),
        ("%z %:z %::z %Z", "+0000 +00:00 +00:00:00 UTC"),
        ("%s", "1772323509"),
        ("%v", " 1-MAR-2026"),
        ("100%%", "100%"),
        ("%10A|%-10A", "    Sunday|Sunday"),
    ],
)
def test_formats_have_the_flags_of_ruby(text: str, printed: str) -> None:
    assert format_date(TIMES[0], text) == printed
