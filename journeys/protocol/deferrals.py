"""Why a send is deferred and until when, in a person's words."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_WORDS: Final = {
    "paused": "the journey is paused",
    "retry": "the provider did not take it",
    "send_at": "its time of day is to come",
    "window": "its window is closed",
    "quiet_hours": "these are quiet hours",
    "cap": "the contact has had enough messages",
}


def deferral_words(held: str | None) -> str:
    """Why a send is deferred: "its window is closed"."""
    return _WORDS.get(held or "", held or "held")


def until_words(due: datetime | None, *, late: bool) -> str:
    """Until when a send is deferred: "until 2026-03-02 08:00 UTC".

    `late`: at `due` its `up_to` is over, and it is skipped.
    """
    if due is None:
        return "until it is woken"
    return f"{'skipped as late at' if late else 'until'} {due:%Y-%m-%d %H:%M} UTC"
