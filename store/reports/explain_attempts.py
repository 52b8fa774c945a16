"""Attempts of a contact to enter a journey, and the outcome of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Attempt:
    """An event that might have begun a run, or a start without one, and its outcome."""

    at: datetime
    event_id: int | None
    name: str | None
    became: str
    """`run`, `refused`, `no_match`, `waiting`, `dead`, `imported`, `before_live`, `of_one_run`."""
    code: str | None
    """Why it was refused, or why its dispatch was given up."""
    run: UUID | None
    words: str
