"""Daily ceilings, and the ramp of a new sending domain; the figures were worked out by hand."""

from datetime import date

import pytest

from journeys.schedule.ceilings import DailyCeiling, WarmUp

RAMP = WarmUp.parse("2026-03-01, 50, 1.5")


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        (date(2026, 2, 28), 0),
        (date(2026, 3, 1), 50),
        (date(2026, 3, 2), 75),
        (date(2026, 3, 3), 112),
        (date(2026, 3, 11), 2_883),
        (date(2026, 4, 4), 48_536_986),
        (date(2026, 4, 6), None),
        (date(2099, 1, 1), None),
    ],
)
def test_a_ramp_grows_each_day_until_it_is_over(day: date, allowed: int | None) -> None:
    assert RAMP.allowed(day) == allowed


@pytest.mark.parametrize(
    ("most", "ramp", "of", "marketing"),
    [
        (None, None, None, None),
        (50_000, None, 50_000, 45_000),
        (10, None, 10, 9),
        (None, RAMP, 75, 67),
        (60, RAMP, 60, 54),
        (1_000, RAMP, 75, 67),
    ],
)
def test_the_lower_ceiling_counts_and_a_tenth_is_kept(
    most: int | None, ramp: WarmUp | None, of: int | None, marketing: int | None
) -> None:
    ceiling = DailyCeiling(most, ramp)
    assert ceiling.of(date(2026, 3, 2)) == of
    assert ceiling.for_marketing(date(2026, 3, 2)) == marketing


@pytest.mark.parametrize(
    "text", ["", "2026-03-01", "2026-03-01, 0, 1.5", "2026-03-01, 50, 1", "2026-13-01, 50, 2"]
)
def test_what_is_no_ramp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|first day|month"):
        WarmUp.parse(text)
