"""Files of jobs: kept in PostgreSQL in parts, so that any worker reads on after a crash."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_one_as,
    sql,
    statement,
    table_columns,
)
from store.tables.imports import JobChunk, JobFile

CHUNK: Final = 256 * 1024
"""Bytes of each part but the last, unpacked."""
_LEVEL: Final = 1

_INSERT_FILE = statement(
    insert(JobFile).values(
        job_id=bindparam("job"), name=bindparam("name"), media_type=bindparam("media_type")
    )
)
_INSERT_CHUNK = statement(
    insert(JobChunk)
    .values(job_id=bindparam("job"), number=bindparam("number"), data=bindparam("data"))
    .on_conflict_do_nothing()
)
_FINISH = sql("""
update job_file set bytes = %(bytes)s, lines = %(lines)s where job_id = %(job)s
""")
_CHUNKS = statement(
    select(col(JobChunk.data))
    .where(
        col(JobChunk.job_id) == bindparam("job"),
        col(JobChunk.number).between(bindparam("first"), bindparam("last")),
    )
    .order_by(col(JobChunk.number))
)
_DELETE = statement(delete(JobFile).where(col(JobFile.job_id) == bindparam("job")))
_DELETE_CHUNKS = statement(delete(JobChunk).where(col(JobChunk.job_id) == bindparam("job")))


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a job."""

    job_id: UUID
    name: str
    media_type: str
    bytes: int
    lines: int
    received_at: datetime


_READ = statement(
    select(*table_columns(JobFile, FileRow)).where(col(JobFile.job_id) == bindparam("job"))
)


async def make_file(conn: Connection, job_id: UUID, name: str, media_type: str) -> None:
    """Begin a file that has no parts yet."""
    await execute(conn, _INSERT_FILE, {"job": job_id, "name": name, "media_type": media_type})


async def add_chunk(conn: Connection, job_id: UUID, number: int, data: bytes) -> None:
    """Add a part, packed. One that is there already stays."""
    packed = await asyncio.to_thread(zlib.compress, data, _LEVEL)
    await execute(conn, _INSERT_CHUNK, {"job": job_id, "number": number, "data": packed})


async def finish_file(conn: Connection, job_id: UUID, *, size: int, lines: int) -> None:
    """Record the size of a file whose parts are all there."""
    await execute(conn, _FINISH, {"job": job_id, "bytes": size, "lines": lines})


async def read_file(conn: Connection, job_id: UUID) -> FileRow | None:
    """The file of a job; None if it has none, or has none any more."""
    return await fetch_one_as(conn, FileRow, _READ, {"job": job_id})


async def read_chunks(conn: Connection, job_id: UUID, first: int, last: int) -> list[bytes]:
    """Parts of a file from one number to another, unpacked; fewer at its end."""
    wanted = {"job": job_id, "first": first, "last": last}
    packed = [bytes(data) for (data,) in await fetch_all(conn, _CHUNKS, wanted)]
    return await asyncio.to_thread(lambda: [zlib.decompress(each) for each in packed])


async def delete_file(conn: Connection, job_id: UUID) -> None:
    """Delete a file with its parts."""
    await execute(conn, _DELETE, {"job": job_id})


async def delete_chunks(conn: Connection, job_id: UUID) -> None:
    """Delete the parts of a file, and keep what is known about it."""
    await execute(conn, _DELETE_CHUNKS, {"job": job_id})


class FileWriter:
    """Cuts bytes into parts of one size, and counts them and their lines."""

    def __init__(self, job_id: UUID) -> None:
        self._job_id = job_id
        self._rest = bytearray()
        self.number = 0
        self.size = 0
        self.lines = 0
        self._last = b""
        self.first = b""
        """The beginning of the file: its first parts."""

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """The parts that are whole with these bytes, each with its number."""
        self.size += len(data)
        self.lines += data.count(b"\n")
        # A carriage return alone ends a line as well.
        if b"\r" in data:
            self.lines += data.count(b"\r") - data.count(b"\r\n")
        if data:
            self._last = data[-1:]
        self._rest += data
        parts = []
        while len(self._rest) >= CHUNK:
            parts.append(self._cut())
        return parts

    def end(self) -> list[tuple[int, bytes]]:
        """The last part, if there is a rest."""
        if self._last not in (b"", b"\n", b"\r"):
            self.lines += 1
        return [self._cut()] if self._rest else []

    def _cut(self) -> tuple[int, bytes]:
        part = bytes(self._rest[:CHUNK])
        del self._rest[:CHUNK]
        number = self.number
        self.number += 1
        if number < 4:
            self.first += part
        return number, part


class WindowReader:
    """Reads a file from any place on, in windows; it keeps what was read of the next one."""

    def __init__(self, job_id: UUID, size: int) -> None:
        self._job_id = job_id
        self._size = size
        self._begin = 0
        self._buffer = b""
        self._ended = False

    def ahead(self, at: int) -> tuple[bytes, bool] | None:
        """The window from `at` on, if it was read already."""
        skipped = at - self._begin
        if not 0 <= skipped <= len(self._buffer):
            return None
        if len(self._buffer) - skipped < self._size and not self._ended:
            return None
        return self._buffer[skipped:], self._ended

    async def window(self, conn: Connection, at: int) -> tuple[bytes, bool]:
        """At least as many bytes as a window has, from `at` on; and whether the file ends there."""
        skipped = at - self._begin
        if not self._buffer or not 0 <= skipped <= len(self._buffer):
            self._begin, self._buffer, self._ended = at - at % CHUNK, b"", False
            skipped = at - self._begin
        if len(self._buffer) - skipped < self._size and not self._ended:
            first = (self._begin + len(self._buffer)) // CHUNK
            # More than one window: the next page is read while this one is written.
            count = 2 * self._size // CHUNK
            chunks = await read_chunks(conn, self._job_id, first, first + count - 1)
            self._ended = len(chunks) < count
            self._buffer = b"".join((self._buffer, *chunks))[skipped:]
            self._begin, skipped = at, 0
        return self._buffer[skipped:], self._ended
