"""The end of the demo: statistics, a mail, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.api_client import Row

_COLUMNS = ("reached", "waiting", "sent", "failed", "unknown", "opened", "clicked", "left")


def show_stats(console: Console, stats: Row) -> None:
    """Print the statistics of a journey, a row for each step."""
    ends = ", ".join(f"{outcome} {count}" for outcome, count in stats["ends"].items())
    table = Table(
        title=f"{stats['journey']}: entered {stats['entered']}, active {stats['active']};"
        f" ended {ends}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("step", no_wrap=True)
    table.add_column("kind")
    for name in _COLUMNS[:3]:
        table.add_column(name, justify="right")
    table.add_column("skipped", no_wrap=True)
    for name in _COLUMNS[3:]:
        table.add_column(name, justify="right")
    for step in stats["steps"]:
        table.add_row(
            step["id"],
            step["kind"],
            *(_count(step[name]) for name in _COLUMNS[:3]),
            ", ".join(f"{reason} {count}" for reason, count in step["skipped"].items()),
            *(_count(step[name]) for name in _COLUMNS[3:]),
        )
    console.print(table)


def show_mail(console: Console, mail: Mapping[str, Any]) -> None:
    """Print a mail as its reader sees it."""
    head = Text()
    for name in ("From", "To", "Subject", "Date"):
        value = mail["headers"].get(name)
        if value:
            head.append(f"{name + ':':<9}", style="dim").append(f"{value}\n")
    body = Text(f"\n{mail['text'].strip()}")
    console.print(
        Panel(
            head + body,
            title=f"one of the mails that reached the sink, at {Address(addr_spec=mail['to'])}",
            title_align="left",
            width=min(console.width, 84),
        )
    )


def show_addresses(
    console: Console, stack: Mapping[str, Any], data_dir: Path, run: Row | None
) -> None:
    """Print addresses to open; `run` is one that is worth looking at."""
    ui = f"{stack['temporal_ui']}/namespaces/default/workflows"
    stood = quote('JourneyStep="late"')
    one = f"{ui}/{quote(run['workflow_id'])}" if run else ui
    lines = (
        ("API docs", f"{stack['api']}/docs"),
        ("", f"keys for calls of your own are in {data_dir / 'stack.json'}"),
        ("all the mail", f"{stack['api']}/dev/inbox"),
        ("Temporal UI", ui),
        ("one run", one),
        ("", "its timeline says each wait and mail in words; click one for when and how it ended"),
        ("by step", f"{ui}?query={stood}"),
        ("", "who got the newsletter’s reminder and came to stand behind it"),
        ("in a terminal", f"parcours run list --data-dir {data_dir}"),
    )
    for name, value in lines:
        console.print(f"  {name:<13} {value}", highlight=False, markup=False, soft_wrap=True)


def _count(number: int) -> str:
    """The number; a dot for 0, so that the others stand out."""
    return str(number) if number else "·"
