"""The live view of the demo: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from demo.api_client import Row
from demo.cast import CAST, Contact
from demo.watch import Watch

_COLOURS = {"completed": "green", "exited": "cyan", "restarted": "dim"}


class Board:
    """The last act of each contact, and where its runs stand.

    Args:
        speed: what waits are divided by. It is shown.
    """

    def __init__(self, watch: Watch, console: Console, speed: float) -> None:
        self._watch = watch
        self._console = console
        self._speed = speed
        self._begun = time.monotonic()
        self._did: dict[str, str] = {}
        self._printed: dict[str, str] = {}

    def report(self, contact: Contact, says: str) -> None:
        """Show what a contact does now."""
        self._did[contact.id] = says
        if not self._console.is_terminal:
            self._line(contact.id, says)

    def print_changes(self) -> None:
        """Print a line for each run that has changed since the last call."""
        for run in self._watch.runs:
            now = _stands(run)
            if self._printed.get(run["id"]) != now:
                self._printed[run["id"]] = now
                self._line(run["contact"], f"{run['journey']}: {_last(run)} → {now}")

    def __rich__(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("", no_wrap=True, min_width=14)
        for title in ("did last", "stands at", "last outcome"):
            table.add_column(title, no_wrap=True)
        table.add_column("mails", no_wrap=True, min_width=5, justify="right")
        journey = ""
        for contact in CAST:
            if contact.journey != journey:
                journey = contact.journey
                table.add_row(Text(journey, "bold"))
            table.add_row(*self._row(contact))
        return Group(self._clock(), table)

    def _row(self, contact: Contact) -> tuple[RenderableType, ...]:
        runs = self._watch.runs_of(contact.id)
        name = f"  {contact.name}"
        did = Text(self._did.get(contact.id, ""), style="dim")
        mails = str(len(self._watch.mails.get(contact.email, []))) if contact.email else "–"
        if not runs:
            return (name, did, Text("not entered", style="dim"), "", mails)
        run = runs[-1]
        style = _COLOURS.get(run["outcome"] or "", "bold yellow")
        stands = Text(_stands(run), style).append(_left(run), "not bold dim")
        return (name, did, stands, _last(run), mails)

    def _clock(self) -> Text:
        seconds = time.monotonic() - self._begun
        return Text(
            f"{seconds:.0f} s, waits divided by {self._speed:g}: {_stretch(seconds * self._speed)}",
            style="bold",
        )

    def _line(self, contact: str, words: str) -> None:
        seconds = time.monotonic() - self._begun
        self._console.print(
            f"{seconds:6.1f} s  {contact:<6} {words}", highlight=False, markup=False, soft_wrap=True
        )


def _stands(run: Mapping[str, object]) -> str:
    if run["state"] == "active":
        return str(run["step"] or "the start")
    reason = f": {run['reason']}" if run["reason"] else ""
    return f"■ {run['outcome']}{reason}"


def _left(run: Row) -> str:
    """How long the wait lasts at most; empty if it has no limit."""
    due = run["visits"][-1]["due_at"] if run["visits"] else None
    if run["state"] != "active" or due is None:
        return ""
    left = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
    return f" {max(left, 0):.0f} s" if run["visits"][-1]["outcome"] is None else ""


def _last(run: Row) -> str:
    """The newest outcome of a step, with the reason if it was skipped."""
    for visit in reversed(run["visits"]):
        if visit["outcome"] is not None:
            reason = visit["facts"].get("reason") if visit["outcome"] == "skipped" else None
            return f"{visit['step']} {visit['outcome']}" + (f": {reason}" if reason else "")
    return "entered"


def _stretch(seconds: float) -> str:
    hours = int(seconds // 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h"
