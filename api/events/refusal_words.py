"""Reasons of refused entries in words."""

from __future__ import annotations

from journeys.model.reasons import REFUSAL_REASONS


def reason_of(code: str) -> str:
    """Why an entry was refused, in words."""
    return next((words for known, words in REFUSAL_REASONS.items() if known == code), code)
