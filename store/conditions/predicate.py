"""What a compiled condition is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that a condition looked at."""

    label: str
    """What it is, in the words of the document: `attribute country`, `event Order Completed`."""
    sql: str
    """Its value: a jsonb expression over the same rows, with the predicate's parameters."""
    expected: Any
    """What it was compared with, as JSON."""
    column: str
    """A name for the value that no other predicate of the statement has."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition as SQL."""

    sql: str
    """A boolean expression that is never null, with `%(name)s` parameters."""
    over_witnesses: str
    """The same where `seen` is a row of the witnesses' values: what was looked at for the facts is
    not looked for again."""
    params: dict[str, Any]
    """By name; every name begins with the predicate's prefix."""
    witnesses: tuple[Witness, ...]
    segments: tuple[tuple[str, str], ...] = ()
    """The segments it names, each by what it is and as a boolean expression over `seen`."""
