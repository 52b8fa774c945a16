"""Records of a file: the lines of CSV or of JSON Lines, read in windows of bounded size.

A window is a part of the file that holds at least one whole record. What is read can be read again
from any record on: its place is the number of bytes before it. No line takes more memory than
`RECORD_LIMIT`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import orjson

from store.imports.problems import FileRefused, LineRefused

Format = Literal["csv", "jsonl"]
RECORD_LIMIT: Final = 256 * 1024
"""The most bytes of a record; a contact has at most 64 KB of attributes."""
WINDOW: Final = 4 * RECORD_LIMIT
COLUMNS_LIMIT: Final = 1_000
DELIMITERS: Final = ",;\t|"
_BLANKS: Final = b" \t\r\n"
_REWINDS: Final = 100
"""How often a file may go back to the line after one whose quote is never closed."""
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")
_SEPARATOR = re.compile(rb"sep=(.)\r?\n", re.IGNORECASE)
_SAMPLE_ROWS: Final = 50
_OPEN_QUOTE: Final = "has a quote that is not closed"

Cells = list[str]
Record = tuple[int, "Cells | dict[str, object] | LineRefused"]
"""The number of its first line, and its cells, its JSON object, or why it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file is read."""

    format: Format
    encoding: str
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next record begins."""

    at: int = 0
    """Bytes before it."""
    line: int = 0
    """Lines before it."""
    rewinds: int = 0
    """How often the file went back behind a quote that is never closed."""
    skipping: bool = False
    """It is in the middle of a line that is too long."""


class _TooLong(Exception):
    """The record has more bytes than one may have."""


class _Undecodable(Exception):
    """A line has bytes that its encoding does not know."""


class _Lines:
    """The lines of a window from a place on, decoded one by one."""

    def __init__(self, window: bytes, encoding: str, place: Place) -> None:
        self.at = 0
        """Bytes of the window before the next line."""
        self.number = place.line
        self.begin = 0
        """Where the record begins that is being read."""
        self._window = window
        self._encoding = encoding
        alone = window.count(b"\r") != window.count(b"\r\n")
        self._mixed = alone
        self._source = self._split(0)

    def _split(self, start: int) -> Iterator[bytes]:
        if not self._mixed:
            stream = io.BytesIO(self._window)
            stream.seek(start)
            return iter(stream)
        return self._split_mixed(start)

    def _split_mixed(self, start: int) -> Iterator[bytes]:
        # A carriage return alone ends a line, as it did on old machines.
        at = start
        for found in _LINE.finditer(self._window, start):
            at = found.end()
            yield found[0]
        if at < len(self._window):
            yield self._window[at:]

    def go_back(self, at: int, number: int) -> None:
        """Read on from a line that was read before."""
        self.at, self.number = at, number
        self._source = self._split(at)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.at - self.begin > RECORD_LIMIT:
            raise _TooLong
        raw = next(self._source)
        self.at += len(raw)
        self.number += 1
        if self.at - self.begin > RECORD_LIMIT:
            raise _TooLong
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            raise _Undecodable from None


def read_records(
    window: bytes, dialect: Dialect, place: Place, *, final: bool, limit: int
) -> tuple[list[Record], Place]:
    """At most `limit` records of a window, which begins at a place; and the place behind them.

    `final`: the file ends with the window. Otherwise the window has at least `WINDOW` bytes, and
    the records in its last `RECORD_LIMIT` bytes are left for the next one.
    """
    if place.skipping:
        ends = [at for at in (window.find(b"\n"), window.find(b"\r")) if at >= 0]
        if not ends:
            return [], replace(place, at=place.at + len(window), skipping=not final)
        skipped = min(ends) + 1
        if window[skipped - 1 : skipped + 1] == b"\r\n":
            skipped += 1
        rest, following = read_records(
            window[skipped:],
            dialect,
            replace(place, at=place.at + skipped, line=place.line + 1, skipping=False),
            final=final,
            limit=limit,
        )
        return rest, following
    last = len(window) if final else len(window) - RECORD_LIMIT
    lines = _Lines(window, dialect.encoding, place)
    if dialect.format == "jsonl":
        records = _read_json(lines, limit, last)
        rewinds = place.rewinds
    else:
        records, rewinds = _read_csv(lines, dialect, limit, last, place.rewinds, window)
    skipping = not final and lines.at >= len(window) and not window.endswith((b"\n", b"\r"))
    return records, Place(
        at=place.at + lines.at,
        # The line that is skipped is counted at its end.
        line=lines.number - 1 if skipping else lines.number,
        rewinds=rewinds,
        skipping=skipping,
    )


def _read_json(lines: _Lines, limit: int, last: int) -> list[Record]:
    records: list[Record] = []
    while len(records) < limit and lines.at < last:
        lines.begin = lines.at
        try:
            text = next(lines)
        except StopIteration:
            break
        except _TooLong:
            records.append((lines.number, _too_long()))
            continue
        except _Undecodable:
            records.append((lines.number, _undecodable()))
            continue
        if not text.strip():
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            wrong = LineRefused("not_json", f"is no JSON: {error.msg}", text.strip())
            records.append((lines.number, wrong))
            continue
        if isinstance(value, dict):
            records.append((lines.number, value))
        else:
            wrong = LineRefused("not_json", "is no JSON object such as {…}", text.strip())
            records.append((lines.number, wrong))
    return records


def _read_csv(
    lines: _Lines, dialect: Dialect, limit: int, last: int, rewinds: int, window: bytes
) -> tuple[list[Record], int]:
    records: list[Record] = []
    reader = csv.reader(lines, delimiter=dialect.delimiter)
    while len(records) < limit and lines.at < last:
        lines.begin = begin = lines.at
        number = lines.number + 1
        wrong: LineRefused | None = None
        try:
            row = next(reader)
        except StopIteration:
            break
        except _Undecodable:
            records.append((number, _undecodable()))
            continue
        except (_TooLong, csv.Error):
            row, wrong = [], _too_long()
        if wrong is None and lines.at >= len(window) and _is_open(window[begin:], row):
            wrong = LineRefused("open_quote", _OPEN_QUOTE)
        if wrong is None:
            if row and any(row):
                records.append((number, row))
            continue
        if lines.number > number:
            wrong = LineRefused("open_quote", _OPEN_QUOTE)
            if rewinds < _REWINDS:
                # Only the line with the quote is refused; the lines that it swallowed are read.
                rewinds += 1
                first = window.find(b"\n", begin) + 1
                lone = window.find(b"\r", begin) + 1
                if (lone and lone < first - 1) or not first:
                    first = lone
                lines.go_back(first, number)
        records.append((number, wrong))
        reader = csv.reader(lines, delimiter=dialect.delimiter)
    return records, rewinds


def _is_open(raw: bytes, row: list[str]) -> bool:
    """Whether the last record of a file ends within quotes: its last cell has the line's end."""
    return bool(raw.count(b'"') % 2) and bool(row) and row[-1].endswith(("\n", "\r"))


def _too_long() -> LineRefused:
    kilobytes = RECORD_LIMIT // 1024
    return LineRefused("too_long", f"has more than {kilobytes} KB, or a cell of more than 128 KB")


def _undecodable() -> LineRefused:
    return LineRefused("wrong_encoding", "has bytes that are none of the file's encoding")


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a file: how it is read, its columns, and where its data begin."""

    dialect: Dialect
    columns: list[str] | None
    """None: each line names its own."""
    place: Place


def open_records(
    window: bytes, encoding: str, *, final: bool, delimiter: str | None = None
) -> Opening:
    """How a file that begins with `window` is read. Raises FileRefused.

    The first line of CSV names its columns. A second column of a name gets a number behind it.
    """
    stripped = window.lstrip(_BLANKS)
    if not stripped:
        raise FileRefused("the file is empty")
    if stripped.startswith(b"{"):
        return Opening(Dialect(format="jsonl", encoding=encoding), None, Place())
    if stripped.startswith(b"["):
        raise FileRefused("the file is one JSON list: write JSON Lines, an object on each line")
    place = Place()
    separator = _SEPARATOR.match(window)
    if separator is not None:
        # Spreadsheets write the delimiter so, and read it.
        place = Place(at=separator.end(), line=1)
        delimiter = delimiter or separator[1].decode("latin-1")
    body = window[place.at :]
    chosen = delimiter or _find_delimiter(body, encoding, place, final=final)
    dialect = Dialect(format="csv", encoding=encoding, delimiter=chosen)
    [first, *_], place = _first_record(body, dialect, place, final=final)
    number, header = first
    if isinstance(header, LineRefused):
        raise FileRefused(f"line {number}: {header}; it should name the columns")
    assert isinstance(header, list)
    return Opening(dialect, _names(header), place)


def _first_record(
    body: bytes, dialect: Dialect, place: Place, *, final: bool
) -> tuple[list[Record], Place]:
    records, after = read_records(body, dialect, place, final=final, limit=1)
    if not records:
        raise FileRefused("the file has no line that names its columns")
    return records, after


def _names(header: list[str]) -> list[str]:
    names: list[str] = []
    for cell in header:
        name = cell.strip().replace("\0", "")
        number, wanted = 2, name
        while name and name in names:
            name = f"{wanted} ({number})"
            number += 1
        names.append(name)
    while names and not names[-1]:
        names.pop()
    if not names:
        raise FileRefused("the first line is empty; it should name the columns")
    if len(names) > COLUMNS_LIMIT:
        raise FileRefused(f"the file has more than {COLUMNS_LIMIT:,} columns")
    return names


def _find_delimiter(body: bytes, encoding: str, place: Place, *, final: bool) -> str:
    """The delimiter that cuts the first rows into the same number of cells, more than one."""
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        dialect = Dialect(format="csv", encoding=encoding, delimiter=delimiter)
        records, _ = read_records(body, dialect, place, final=final, limit=_SAMPLE_ROWS)
        widths = [len(cells) for _, cells in records if isinstance(cells, list)]
        if not widths or widths[0] < 2:
            continue
        alike = sum(1 for width in widths if width == widths[0]) / len(widths)
        score = (round(alike, 1), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best
