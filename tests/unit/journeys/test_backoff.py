"""Exponential back-off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.time.backoff import Backoff


def test_each_delay_is_twice_the_one_before_up_to_the_longest() -> None:
    backoff = Backoff(first=0.2, longest=5.0)
    delays = [backoff.delay(failures) for failures in range(1, 8)]
    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


@given(st.integers(min_value=31))
def test_a_long_outage_keeps_the_longest_delay(failures: int) -> None:
    assert Backoff(first=0.1, longest=60.0).delay(failures) == 60.0
