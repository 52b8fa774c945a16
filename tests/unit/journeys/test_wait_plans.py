"""Plans of waits: how and when they end by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from journeys.model.steps import WaitStep
from journeys.model.waits import Wait
from journeys.schedule.moment_resolution import ResolutionContext
from journeys.schedule.wait_plan import plan_end, references, watched_attributes

START = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
VISIT = {"attribute": "next_visit", "offset": "-1h"}


def wait_of(document: Any) -> Wait:
    return WaitStep.model_validate({"id": "w", "wait": document}).wait


def context(value: object = None) -> ResolutionContext:
    return ResolutionContext(START, ZoneInfo("UTC"), START - DAY, lambda reference: value)


@pytest.mark.parametrize(
    ("document", "value", "outcome", "due"),
    [
        ("2d", None, "elapsed", START + 2 * DAY),
        ({"for": "2d", "up_to": "1d"}, None, "timed_out", START + DAY),
        ({"for": "1d", "up_to": "2d"}, None, "elapsed", START + DAY),
        ({"until": "2026-07-03"}, None, "elapsed", datetime(2026, 7, 3, tzinfo=UTC)),
        ({"until": "2026-06-30"}, None, "past", None),
        ({"until": VISIT}, None, "missing", None),
        ({"until": VISIT}, "2026-07-02T12:00Z", "elapsed", START + timedelta(hours=23)),
        ({"event": "X"}, None, "timed_out", None),
        ({"event": "X", "up_to": "1d"}, None, "timed_out", START + DAY),
        # A limit that is missing or past ends the wait at its start.
        ({"event": "X", "up_to": VISIT}, None, "timed_out", START),
        ({"event": "X", "up_to": "2026-06-30"}, None, "timed_out", START),
        ({"for": "1d", "after": {"message": "m", "is": "opened"}}, None, "timed_out", None),
    ],
)
def test_a_wait_ends_at_its_moment_or_at_its_limit(
    document: Any, value: object, outcome: str, due: datetime | None
) -> None:
    plan = plan_end(wait_of(document), context(value), 1)
    assert (plan.outcome, plan.due) == (outcome, due)
    assert plan.at_once == (outcome in ("past", "missing"))


def test_speed_divides_durations_and_leaves_moments() -> None:
    assert plan_end(wait_of("2d"), context(), 2).due == START + DAY
    assert plan_end(wait_of({"until": "2026-07-03"}), context(), 2).due == datetime(
        2026, 7, 3, tzinfo=UTC
    )


def test_a_duration_after_a_status_never_ends_before_its_start() -> None:
    wait = wait_of({"for": "1d", "after": {"message": "m", "is": "opened"}})
    for status_at, due in ((START, START + DAY), (START - 3 * DAY, START)):
        plan = plan_end(wait, context(), 1, status_at=status_at)
        assert (plan.outcome, plan.due) == ("elapsed", due)


def test_a_date_is_past_if_it_lies_before_its_change() -> None:
    wait = wait_of({"until": VISIT})
    changed = START + 2 * DAY
    assert plan_end(wait, context("2026-07-02"), 1, known_at=changed).outcome == "past"
    assert plan_end(wait_of({"until": "+1d"}), context(), 1, known_at=changed).outcome == "elapsed"


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ("2h", []),
        ("2d", ["timezone"]),
        ({"until": "09:00"}, ["timezone"]),
        ({"until": "entry"}, []),
        ({"until": {"attribute": "pet.birthday"}}, ["pet", "pet.birthday", "timezone"]),
        ({"event": "X", "up_to": {"attribute": "visit"}}, ["timezone", "visit"]),
        ({"event": "X", "up_to": "2h", "since": {"attribute": "visit"}}, []),
    ],
)
def test_a_wait_watches_the_attributes_that_its_end_depends_on(
    document: Any, names: list[str]
) -> None:
    assert watched_attributes(wait_of(document)) == names


def test_only_references_are_read() -> None:
    wait = wait_of({"until": VISIT, "up_to": "2d"})
    assert [each.model_dump(exclude_none=True) for each in references(wait)] == [VISIT]
