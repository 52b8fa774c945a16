"""What importing a page of lines has led to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class Outcome:
    """The counts of a page, and the lines that are kept."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0
    consents: int = 0
    events: int = 0
    repeated: int = 0
    suppressed: int = 0
    known: int = 0
    refused: list[tuple[int, str, str, str | None]] = field(default_factory=list)
    """Line, code, message, and the reference of its contact."""
    left_out: list[tuple[int, str, str, str | None]] = field(default_factory=list)
    shown: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Of a dry run: the first lines as they would be."""
    contacts: list[UUID] = field(default_factory=list)
    """Whose segments are to be judged."""
