"""Which provider an attempt asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.sending.provider_choice import choose_provider
from journeys.model.sends import EffectiveSend
from store.messages.send_state import PreviousAttempt

NONE = PreviousAttempt(
    outcome=None,
    message_id=None,
    state=None,
    first_attempt_at=None,
    claim_age=None,
    started_at=None,
    held=None,
    facts=None,
    attempts=0,
    code=None,
    provider=None,
    not_taken=0,
    possibly_taken=False,
)


def providers(settings: EffectiveSend, results: list[tuple[str, str]]) -> list[str]:
    """The provider of each attempt, whose results are states with codes."""
    previous, asked = NONE, []
    for state, code in [*results, ("", "")]:
        choice = choose_provider(settings, previous, "smtp")
        asked.append(choice.provider)
        previous = replace(
            previous,
            state=state,
            code=code,
            provider=choice.provider,
            not_taken=choice.not_taken,
            possibly_taken=choice.possibly_taken,
        )
    return asked


DEFERRED = ("released", "deferred")
THROTTLED = ("released", "throttled")
BUSY = ("released", "busy")
UNCLEAR = ("unknown", "no_answer")
LOST = ("claimed", "")


@pytest.mark.parametrize(
    ("settings", "results", "expected"),
    [
        ({}, [DEFERRED] * 4, ["smtp"] * 5),
        ({"fallback": "ses"}, [DEFERRED] * 2, ["smtp"] * 3),
        ({"fallback": "ses"}, [DEFERRED] * 3, ["smtp"] * 3 + ["ses"]),
        # Neither takes it: they take turns.
        ({"fallback": "ses"}, [DEFERRED] * 9, ["smtp"] * 3 + ["ses"] * 3 + ["smtp"] * 3 + ["ses"]),
        ({"fallback": "ses"}, [THROTTLED] * 9, ["smtp"] * 10),
        ({"fallback": "ses"}, [BUSY, DEFERRED] * 3, ["smtp"] * 6 + ["ses"]),
        ({"fallback": "ses"}, [DEFERRED] * 3 + [THROTTLED] * 2, ["smtp"] * 3 + ["ses"] * 3),
        ({"fallback": "ses"}, [UNCLEAR] + [DEFERRED] * 5, ["smtp"] * 7),
        ({"fallback": "ses"}, [LOST] + [DEFERRED] * 5, ["smtp"] * 7),
        ({"fallback": "ses"}, [DEFERRED] * 3 + [UNCLEAR] + [DEFERRED] * 6,
         ["smtp"] * 3 + ["ses"] * 8),
        ({"fallback": "smtp"}, [DEFERRED] * 4, ["smtp"] * 5),
        ({"provider": "ses", "fallback": "smtp"}, [DEFERRED] * 3, ["ses"] * 3 + ["smtp"]),
    ],
)  # fmt: skip
def test_a_fallback_is_asked_only_after_three_that_were_certainly_not_taken(
    settings: dict[str, str], results: list[tuple[str, str]], expected: list[str]
) -> None:
    assert providers(EffectiveSend(**settings), results) == expected  # type: ignore[arg-type]
