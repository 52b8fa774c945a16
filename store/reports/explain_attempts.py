"""Attempts of a contact to enter a journey, and the outcome of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

AttemptOutcome = Literal[
    "run", "refused", "kept", "no_match", "waiting", "dead", "imported", "before_live",
    "of_one_run",
]  # fmt: skip
"""What came of it: a run, a refusal, an entry kept until the journey is resumed, an event that no
entry asks for, that is not dispatched yet, or never will be, that was imported, that came before
the journey was live, or that one run alone sees."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An event that might have begun a run, or a start without one, and its outcome."""

    at: datetime
    event_id: int | None
    name: str | None
    became: AttemptOutcome
    code: str | None
    """Why it was refused, or why its dispatch was given up."""
    run: UUID | None
    words: str
