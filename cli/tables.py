"""Tables and texts for people; programs use `--json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 240
"""Columns of the output where it is not a terminal."""


def screen() -> Console:
    """Standard output, as wide as the terminal, and wide where it is not one."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(width=_PIPE_WIDTH, markup=False)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[str] = ()
) -> None:
    """Print rows under their columns. The columns of `numbers` are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(in_words(value)) for value in row))
    screen().print(table)


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names with their values, a line each. Values that are None are left out."""
    lines = [(name, in_words(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        screen().print(f"{name:<{width}}  {value}", soft_wrap=True)


def in_words(value: Any) -> str:
    """A value of JSON as text for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_inside(part)}" for name, part in value.items())
    return value if isinstance(value, str) else str(value)


def at_second(time: str | None) -> str | None:
    """A time of the API, in UTC to the second."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M:%S}"


def _inside(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
