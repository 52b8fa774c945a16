"""The hours at which a simulation checks conditions that time alone can change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from journeys.model.conditions import EventCondition
from simulation.timed_conditions import TimedConditions

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def timed(*conditions: dict[str, object]) -> TimedConditions:
    """Of these conditions."""
    return TimedConditions.of(EventCondition.model_validate(each) for each in conditions)


def test_an_hour_is_checked_only_around_the_end_of_an_events_time() -> None:
    ninety = timed({"event": "Order", "within": "90d"}, {"event": "Seen"})
    assert ninety.events == {"Order"}
    ordered = NOW - timedelta(days=80)
    check = ninety.next_check(NOW, [(ordered, PARIS)])
    # In ten days it is 90 days old; the checks begin a day earlier, at their usual hours.
    assert check == NOW + timedelta(days=9)
    assert ninety.next_check(NOW + timedelta(days=9), [(ordered, PARIS)]) == check + timedelta(
        hours=1
    )
    assert ninety.next_check(NOW + timedelta(days=11, hours=1), [(ordered, PARIS)]) is None
    assert ninety.next_check(NOW, []) is None


def test_the_first_of_many_is_next() -> None:
    both = timed({"event": "Order", "within": "90d"}, {"event": "Seen", "within": "1mo"})
    seen = [(NOW - timedelta(days=80), PARIS), (NOW - timedelta(days=3), PARIS)]
    # A month after 27 February, less the margin of months: four days.
    assert both.next_check(NOW, seen) == datetime(2026, 3, 11, 8, 30, tzinfo=UTC)
    late = timed({"event": "Seen", "within": "1mo"})
    assert late.next_check(NOW, seen[1:]) == datetime(2026, 3, 23, 7, 30, tzinfo=UTC) + timedelta(
        hours=1
    )


def test_a_bound_that_moves_by_itself_asks_for_every_hour() -> None:
    moving = timed({"event": "Order", "within": "90d"}, {"event": "Order", "since": "-30d"})
    assert moving.spans is None
    assert moving.next_check(NOW, []) == NOW + timedelta(hours=1)
