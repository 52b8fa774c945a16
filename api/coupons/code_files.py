"""Files of coupon codes: CSV with a column `code`, read line by line."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request

from api.http.problems import Problem

FILE_LIMIT = 100 * 1024 * 1024
"""The most bytes of a file, unpacked: about five million codes."""
CODE_LENGTH = 200
"""The most characters of a code."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line whose code cannot be taken, and why."""

    line: int
    message: str


_GZIP = 16 + zlib.MAX_WBITS
_BLOCK = 64 * 1024


async def receive_file(request: Request, file: BinaryIO) -> None:
    """Write the unpacked body of a request to a file, and seek to its start.

    Raises Problem 400 (oversize, not gzip) or 415 (not CSV).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/json":
        raise Problem(415, "unsupported_type", f"Content-Type {kind}: send the file as text/csv")
    size = 0
    async for block in unpacked(request):
        size += len(block)
        if size > FILE_LIMIT:
            limit = FILE_LIMIT // 1024 // 1024
            raise Problem(400, "oversize", f"the file is larger than {limit} MB: send it in parts")
        file.write(block)
    file.seek(0)


async def unpacked(request: Request) -> AsyncIterator[bytes]:
    """The blocks of a body, unpacked. Raises Problem 400 or 415."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        async for chunk in request.stream():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip"):
        raise Problem(415, "unsupported_encoding", f"Content-Encoding {encoding!r}: gzip or none")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        async for chunk in request.stream():
            packed = chunk
            while packed:
                # A small body may unpack to terabytes, so it is unpacked block by block.
                yield unpacker.decompress(packed, _BLOCK)
                packed = unpacker.unconsumed_tail
    except zlib.error:
        raise Problem(400, "invalid_gzip", "the body is not gzip") from None
    yield unpacker.flush()
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "invalid_gzip", "the gzip body is cut short or goes on after its end")


def read_codes(file: BinaryIO) -> Iterator[str | RefusedLine]:
    """The codes of a file, in its order, without spaces around them; and lines without a good one.

    The file is UTF-8, with or without a byte order mark. Empty lines and other columns are ignored.
    Raises Problem 422 that names the line where the rest cannot be read: no column `code`, bytes
    that are not UTF-8, quotes that do not end.
    """
    reader = csv.reader(_lines(file))
    column: int | None = None
    try:
        for record in reader:
            if not record:
                continue
            if column is None:
                column = _code_column(record, reader.line_num)
                continue
            code = record[column].strip() if column < len(record) else ""
            flaw = _flaw(code)
            yield code if flaw is None else RefusedLine(reader.line_num, flaw)
    except csv.Error as error:
        raise refusal(RefusedLine(reader.line_num, str(error))) from None
    except UnicodeDecodeError:
        raise refusal(RefusedLine(reader.line_num + 1, "the line is not UTF-8")) from None
    if column is None:
        words = "the file is empty; its first line names the columns, one of them `code`"
        raise refusal(RefusedLine(1, words))


def refusal(refused: RefusedLine) -> Problem:
    """The problem 422 that a file is refused for, by one of its lines."""
    line = refused.line
    return Problem(422, "invalid_codes", f"line {line}: {refused.message}", line=line)


def _lines(file: BinaryIO) -> Iterator[str]:
    # Decoded line by line, so that an error names the line of a wrong byte.
    for number, raw in enumerate(file):
        text = raw.decode("utf-8-sig" if number == 0 else "utf-8")
        if "\r" in text.rstrip("\r\n"):
            # Iterating bytes does not split lines that end with a carriage return alone.
            yield from io.StringIO(text, newline="")
        else:
            yield text


def _code_column(header: list[str], line: int) -> int:
    names = [name.strip().lower() for name in header]
    if names.count("code") == 1:
        return names.index("code")
    if "code" in names:
        raise refusal(RefusedLine(line, "two columns are called `code`"))
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    words = f"no column is called `code`, of columns separated by commas: {shown}"
    raise refusal(RefusedLine(line, words))


def _flaw(code: str) -> str | None:
    if not code:
        return "the code is empty"
    if len(code) > CODE_LENGTH:
        return f"the code has {len(code)} characters; at most {CODE_LENGTH} are kept"
    if "\0" in code:
        return "the code holds a NUL character"
    return None
