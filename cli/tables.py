"""Tables and texts for people; programs use `--json`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 240
"""Columns of the output where it is not a terminal, unless COLUMNS says how many."""
_TABLE_WIDTH = 100
"""A screen of fewer columns shows no tables."""
_GAP = 3
"""Columns between two columns of a table."""
_LONGEST_CELL = 64
"""Longer words, such as addresses in facts, may be broken. No id is as long."""


def screen() -> Console:
    """Standard output, as wide as the terminal or COLUMNS say, and wide where neither does."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=_PIPE_WIDTH, markup=False, highlight=False)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[str] = ()
) -> None:
    """Print rows under their columns. The columns of `numbers` are aligned to the right.

    Where the screen is too narrow, each row is a block of lines: a word is never broken, because
    ids are copied from here.
    """
    texts = [[in_words(value) for value in row] for row in rows]
    console = screen()
    least = [
        min(_longest_word([column, *cells]), _LONGEST_CELL)
        for column, *cells in zip(columns, *texts, strict=True)
    ]
    if console.width < _TABLE_WIDTH or sum(least) + _GAP * len(least) > console.width:
        _print_blocks(columns, texts)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    natural = [
        max(len(column), *(len(cell) for cell in cells), 0) if cells else len(column)
        for column, *cells in zip(columns, *texts, strict=True)
    ]
    widths = _fitted(natural, least, console.width - _GAP * len(least))
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column,
            justify="right" if column in numbers else "left",
            overflow="fold",
            width=width,
        )
    for row in texts:
        table.add_row(*(Text(value) for value in row))
    console.print(table)


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widths of columns that fit into the room: the widest give way, none below its least."""
    widths = list(natural)
    while sum(widths) > room:
        yielding = [place for place, width in enumerate(widths) if width > least[place]]
        if not yielding:
            break
        widths[max(yielding, key=widths.__getitem__)] -= 1
    return widths


def _print_blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Each row as lines of a column and its value, with an empty line between two rows."""
    for place, row in enumerate(rows):
        if place:
            screen().print()
        print_pairs(
            (column, value) for column, value in zip(columns, row, strict=True) if value != ""
        )


def _longest_word(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


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
