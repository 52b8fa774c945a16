"""Names of outcomes that documents choose: of cases, arms and triggers."""

from __future__ import annotations

from typing import Final

RESERVED_OUTCOMES: Final = frozenset({"skipped", "else", "timed_out"})
"""Names that no case, arm or trigger may have, because they are outcomes already."""


def check_unreserved(name: str) -> None:
    """Raise ValueError for a name that is an outcome of its own."""
    if name in RESERVED_OUTCOMES:
        raise ValueError(f"`{name}` is an outcome of its own; choose another name")
