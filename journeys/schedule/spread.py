"""Spreads: many contacts distributed over a duration, always in the same order."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from uuid import UUID


def share_of(contact: UUID, journey: str) -> float:
    """A contact's place in a journey's spreads, uniform in [0, 1) and always the same.

    It is the first 53 bits, as many as a float holds, of a SHA-256 of both.
    """
    digest = sha256(f"spread {journey} {contact}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def delay_of(contact: UUID, journey: str, over: timedelta) -> timedelta:
    """The time from the beginning of a spread of length `over` to the contact's turn."""
    return over * share_of(contact, journey)
