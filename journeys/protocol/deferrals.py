"""Deferrals: why a send waits, and until when, in words for operators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

DeferralReason = Literal[
    "paused", "retry", "send_at", "window", "quiet_hours", "cap", "apart", "frozen", "turn",
    "ceiling",
]  # fmt: skip

DEFERRAL_REASONS: Final[Mapping[str, str]] = {
    "paused": "the journey is paused",
    "retry": "it is tried again",
    "send_at": "its time of day is to come",
    "window": "its window is closed",
    "quiet_hours": "these are quiet hours",
    "cap": "the contact has had enough messages",
    "frozen": "marketing is frozen",
    "turn": "it was held with others, and its turn comes",
    "ceiling": "the channel has had its messages of the day",
    "apart": "the contact got another message a short time ago",
}
"""Each `DeferralReason` with its words."""


def deferral_words(reason: str | None) -> str:
    """Why a send waits: "its window is closed"; an unknown reason as it is."""
    return DEFERRAL_REASONS.get(reason or "", reason or "held")


def until_words(due: datetime | None, *, late: bool) -> str:
    """Until when a send waits: "until 2026-03-02 08:00 UTC"; `late`: it is skipped then."""
    if due is None:
        return "until it is woken"
    return f"{'skipped as late at' if late else 'until'} {due:%Y-%m-%d %H:%M} UTC"


def retry_words(attempts: int, code: str | None, due: datetime | None, *, end: str | None) -> str:
    """A send that is tried again: "tried 5 times, last `unreachable`, next try at … UTC".

    `end`: what happens at `due` instead of the next try.
    """
    last = f", last `{code}`" if code else ""
    at = "when it is woken" if due is None else f"at {due:%Y-%m-%d %H:%M:%S} UTC"
    times = "once" if attempts == 1 else f"{attempts} times"
    return f"tried {times}{last}, {end or 'next try'} {at}"
