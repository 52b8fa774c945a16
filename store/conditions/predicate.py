"""The result of compiling a condition: SQL expressions and their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.sql import Sql


@dataclass(frozen=True, slots=True)
class ObservedValue:
    """A value that a condition reads, kept among the facts of a decision."""

    label: str
    """What it is, in the words of the document: `attribute country`, `event Order Completed`."""
    sql: Sql
    """A jsonb expression over the same rows, with the predicate's parameters."""
    expected: Any
    """What it was compared with, as JSON."""
    column: Sql
    """A name for the value that no other predicate of the statement has."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition as SQL."""

    sql: Sql
    """A boolean expression that is never null, with `%(name)s` parameters."""
    over_observed: Sql
    """The same expression over a row `seen` of the observed values.

    A value that is selected for the facts is not computed a second time."""
    params: dict[str, Any]
    """By name. Every name begins with the predicate's prefix but `judged_at`, which the predicates
    of a statement share: null, or the instant as of which they are judged. Then only what was
    recorded by that instant counts."""
    observed: tuple[ObservedValue, ...]
    segments: tuple[tuple[str, Sql], ...] = ()
    """The segments it names: each one's label, and a boolean expression over `seen`."""
    next_change: Sql | None = None
    """A timestamptz expression over the same rows and parameters, never null: the least instant
    after `judged_at` at which time alone could change the verdict, `infinity` if there is none. It
    may lie before the change, and never after it. It needs an instant as `judged_at`, since the
    clock goes on between verdict and next. None if time can never change the verdict, or if it
    was not asked for."""
