"""The provider of an attempt: the nearest that documents name, or its fallback.

A fallback takes over only where the provider has certainly taken nothing: after three attempts that
it did not take for reasons of its own. Throttling is none, and after an attempt that may have been
taken no other provider is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from channels.errors import Code
from journeys.model.sends import EffectiveSend
from store.messages.send_state import PreviousAttempt

FALLBACK_AFTER: Final = 3
"""Attempts of a provider in a row, before the other one is asked."""
_OTHER_REASONS: Final = frozenset[str]({Code.THROTTLED, Code.BUSY})
"""Codes of attempts that say nothing against the provider: it, or our queue for it, is busy."""


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """The provider of an attempt, and what is known of the earlier ones."""

    provider: str
    not_taken: int
    """The attempts that a provider certainly did not take, for reasons of its own."""
    possibly_taken: bool
    """A provider may have taken an attempt."""


def choose_provider(
    settings: EffectiveSend, previous: PreviousAttempt, default: str
) -> ProviderChoice:
    """The provider of the next attempt. `default` is that of the installation.

    If neither provider takes the message, they take turns, three attempts each.
    """
    first = settings.provider or default
    possibly_taken = previous.possibly_taken or previous.state in ("claimed", "unknown")
    failed = previous.state == "released" and previous.code not in _OTHER_REASONS
    not_taken = previous.not_taken + failed
    if possibly_taken:
        return ProviderChoice(previous.provider or first, not_taken, True)
    fallback = settings.fallback
    others_turn = (not_taken // FALLBACK_AFTER) % 2 == 1
    if fallback is not None and fallback != first and others_turn:
        return ProviderChoice(fallback, not_taken, False)
    return ProviderChoice(first, not_taken, False)
