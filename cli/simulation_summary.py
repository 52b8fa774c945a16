"""The output of `parcours simulate --contacts`: its progress, and the counts of all contacts."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from cli.tables import print_table

if TYPE_CHECKING:
    from simulation.batch import Summary

_EVERY = 0.5
"""Seconds between two updates of the progress."""


class Progress:
    """The progress as a line on standard error, updated if that is a terminal."""

    def __init__(self, contacts: int) -> None:
        self._contacts = contacts
        self._last = 0.0
        self._shown = False

    def update(self, now: datetime, under_way: int) -> None:
        """See `simulation.driver.Progress`."""
        if not sys.stderr.isatty() or time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        self._shown = True
        line = f"{now:%Y-%m-%d %H:%M} UTC: {under_way} runs under way"
        typer.echo(f"\r\033[K{line}", err=True, nl=False)

    def __enter__(self) -> Self:
        typer.echo(f"{self._contacts} contacts", err=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            typer.echo("\r\033[K", err=True, nl=False)


def show_summary(summary: Summary) -> None:
    """Print the counts, a row for each step. Steps inside of branches are indented."""
    print_table(
        ["step", "kind", "reached", "messages", "outcomes"],
        [
            (
                "  " * step.depth + step.id,
                step.kind,
                step.reached,
                step.messages or None,
                _counts(step.outcomes, step.skipped),
            )
            for step in summary.steps
        ],
        numbers=["reached", "messages"],
    )
    typer.echo(f"{summary.contacts} contacts, {summary.entered} runs")
    for label, counts in (
        ("refused", summary.refused),
        ("ended", summary.ends),
        ("standing at", summary.standing),
    ):
        if counts:
            typer.echo(f"{label}: {_counts(counts)}")


def _counts(counts: Counter[str], skipped: Counter[str] | None = None) -> str:
    parts = []
    for name, number in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        reasons = f" ({_counts(skipped)})" if name == "skipped" and skipped else ""
        parts.append(f"{name} {number}{reasons}")
    return ", ".join(parts)
