"""The provider of a send: of the nearest of send, journey, topic and channel that names one."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.model.documents import Topic
from journeys.model.journey import Journey
from journeys.model.sends import Channel


def providers(
    *,
    step: dict[str, Any] | None = None,
    kind: str = "email",
    journey: dict[str, Any] | None = None,
    topic: dict[str, Any] | None = None,
    channel: dict[str, Any] | None = None,
) -> tuple[str | None, str | None]:
    """The provider and the fallback of a send, from the settings of each layer."""
    content = {"subject": "S", "text": "T"} if kind == "email" else {"text": "T"}
    if kind == "webhook":
        content = {"url": "https://crm.example"}
    document = Journey.model_validate(
        {
            "journey": "a",
            "entry": {"event": "E"},
            **(journey or {}),
            "steps": [{"id": "s", kind: {**content, **(step or {})}}],
        }
    )
    own = None if channel is None else Channel.model_validate({"channel": kind, **channel})
    about = None if topic is None else Topic.model_validate(
        {"topic": "t", "default": "opt_in", **topic}
    )  # fmt: skip
    found = document.effective(document.step("s"), own, about)  # type: ignore[arg-type]
    return found.provider, found.fallback


SES, SMTP = {"provider": "ses"}, {"provider": "smtp"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({}, (None, None)),
        ({"channel": SES}, ("ses", None)),
        ({"channel": SES, "topic": SMTP}, ("smtp", None)),
        ({"topic": SES, "journey": SMTP}, ("smtp", None)),
        ({"journey": {**SES, "defaults": SMTP}}, ("smtp", None)),
        ({"journey": {"defaults": SES}, "step": SMTP}, ("smtp", None)),
        # Each of the two is inherited by itself, and a provider is never its own fallback.
        ({"channel": {"provider": "smtp", "fallback": "ses"}, "step": SMTP}, ("smtp", "ses")),
        ({"channel": {"provider": "smtp", "fallback": "ses"}, "step": SES}, ("ses", None)),
        ({"channel": SES, "topic": {"fallback": "smtp"}}, ("ses", "smtp")),
        # What is of another channel is passed over.
        ({"kind": "sms", "journey": {"defaults": SES}}, (None, None)),
        (
            {"kind": "sms", "journey": {"defaults": SES}, "channel": {"provider": "sns"}},
            ("sns", None),
        ),
        ({"kind": "webhook", "journey": {**SES, "defaults": SMTP}}, (None, None)),
    ],
)
def test_the_nearest_provider_of_the_channel_counts(
    layers: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert providers(**layers) == expected


def test_a_transactional_send_has_the_provider_of_its_channel_too() -> None:
    assert providers(step={"transactional": True}, channel=SES) == ("ses", None)
