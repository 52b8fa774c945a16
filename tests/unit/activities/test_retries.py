"""When a send is tried again, and who waits for it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.sending.retries import TryAgain, next_attempt, retries_end
from journeys.model.steps import SmsStep, WebhookStep
from journeys.time.zones import zone_of

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
DAY = NOW + timedelta(days=1)
FIRST = UUID(int=0)
"""A message whose delays are not shortened."""
LAST = UUID(int=999)
"""One whose delays are shortened most."""


@pytest.mark.parametrize(
    ("attempts", "seconds", "stands"),
    [(1, 1, False), (2, 2, False), (3, 4, True), (4, 8, True), (10, 512, True), (11, 900, True),
     (500, 900, True)],
)  # fmt: skip
def test_delays_double_up_to_a_quarter_of_an_hour_and_from_the_third_attempt_the_run_stands(
    attempts: int, seconds: int, stands: bool
) -> None:
    longest, shortest = (
        next_attempt(TryAgain(), message_id=message, attempts=attempts, now=NOW, end=DAY)
        for message in (FIRST, LAST)
    )
    assert (longest.at - NOW, longest.stands) == (timedelta(seconds=seconds), stands)
    assert 0.8 * seconds <= (shortest.at - NOW).total_seconds() < 0.81 * seconds
    assert not longest.gives_up


@pytest.mark.parametrize(
    ("again", "attempts", "seconds"),
    [
        (TryAgain(30), 1, 30),
        (TryAgain(0), 4, 8),  # an answer that asks for no delay is not called in a circle
        (TryAgain(-5), 4, 8),
        (TryAgain(float("nan")), 4, 8),
        (TryAgain(3), 9, 256),
        (TryAgain(3, exact=True), 9, 3),
    ],
)
def test_a_provider_may_ask_for_more_time_and_our_own_queue_for_less(
    again: TryAgain, attempts: int, seconds: int
) -> None:
    found = next_attempt(again, message_id=FIRST, attempts=attempts, now=NOW, end=DAY)
    assert found.at - NOW == timedelta(seconds=seconds)


def test_a_long_delay_lets_the_run_stand_after_the_first_attempt() -> None:
    found = next_attempt(TryAgain(61), message_id=FIRST, attempts=1, now=NOW, end=DAY)
    assert found.stands


@given(
    asked=st.none() | st.floats() | st.sampled_from([999999999999.0, float("inf"), 10.0**300]),
    attempts=st.integers(1, 10_000),
    message=st.uuids(),
    left=st.integers(-100, 10**6),
)
def test_the_next_attempt_is_never_in_the_past_nor_beyond_the_end(
    asked: float | None, attempts: int, message: UUID, left: int
) -> None:
    end = NOW + timedelta(seconds=left)
    found = next_attempt(TryAgain(asked), message_id=message, attempts=attempts, now=NOW, end=end)
    assert NOW <= found.at <= max(end, NOW)
    assert found.gives_up == (found.at >= end)


def test_the_retries_of_a_webhook_end_at_its_limit_and_others_after_a_day() -> None:
    zone = zone_of("Europe/Paris", None)
    day = timedelta(hours=24)
    hook = {"id": "crm", "webhook": {"url": "https://crm.example/"}}
    step = WebhookStep.model_validate(hook)
    limited = WebhookStep.model_validate({**hook, "webhook": {**hook["webhook"], "up_to": "1d"}})  # type: ignore[dict-item]
    sms = SmsStep.model_validate({"id": "s", "sms": {"text": "x", "up_to": "5m"}})
    for each in (step, sms):
        assert retries_end(each, NOW, zone, give_up=day, speed=1) == NOW + day
    # The clock goes forward in that night: the same time of the next day comes after 23 hours.
    assert retries_end(limited, NOW, zone, give_up=day, speed=1) == NOW + timedelta(hours=23)
    fast = retries_end(limited, NOW, zone, give_up=day, speed=60)
    assert fast == NOW + timedelta(minutes=23)
