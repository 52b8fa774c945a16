"""The reasons why a send waits."""

from typing import get_args

from journeys.protocol.deferrals import DEFERRAL_REASONS, DeferralReason, deferral_words


def test_every_reason_has_words() -> None:
    assert set(DEFERRAL_REASONS) == set(get_args(DeferralReason))


def test_a_text_that_is_no_reason_is_its_own_words() -> None:
    assert deferral_words("a waits 2 days") == "a waits 2 days"
    assert deferral_words(None) == "held"
