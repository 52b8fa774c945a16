"""The spool: hits on disk until they are in the database, bounded, for any number of processes.

A process appends lines to a segment of its own, which it holds locked. A segment that no process
holds is complete, or its process died: another one locks it, reads it and removes it. So a process
that is killed at any instant loses nothing that it had appended, and a machine that fails loses
what was appended since the last `sync`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import structlog

from store.metrics import counter, gauge

DROPPED = counter("parcours_hits_dropped")
SPOOLED = gauge("parcours_hits_spooled_bytes")

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment that is larger is completed, and another one begun."""
_MADE = ".hits"
_NEW = ".new"
_ABANDONED_AFTER = 60.0

_log = structlog.get_logger(__name__)


class Spool:
    """The spool of one process, in a directory that others may share.

    Raises OSError if the directory cannot be made or written to.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._most = most_bytes
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: int | None = None
        self._written = 0
        self._others = 0
        self.measure()
        self._open()

    @property
    def used(self) -> float:
        """The part of its room that is used, from 0 to 1."""
        return (self._others + self._written) / self._most if self._most else 1.0

    def append(self, line: bytes) -> bool:
        """Append a line, which ends with a line break; False if it is dropped and counted."""
        if self._others + self._written + len(line) > self._most:
            DROPPED.labels("spool_full").inc()
            return False
        try:
            if self._file is None or self._written >= SEGMENT_BYTES:
                self.seal()
                self._open()
            self._write(line)
        except OSError as error:
            DROPPED.labels("disk").inc()
            _log.warning("spool_failed", error=error.strerror)
            return False
        return True

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        written = os.write(self._file, line)
        if written < len(line):
            # The disk is full: half a line would spoil the next one.
            os.ftruncate(self._file, self._written)
            raise OSError(28, "no space is left")
        self._written += written

    def seal(self) -> None:
        """Complete the current segment, so that it can be drained."""
        if self._file is not None and self._written:
            file, self._file = self._file, None
            self._others += self._written
            self._written = 0
            os.close(file)

    def sync(self) -> None:
        """Have the disk keep what was appended, also if the machine fails. May block."""
        file = self._file
        if file is not None and self._written:
            try:
                # Its own descriptor: the segment may be completed meanwhile.
                copy = os.dup(file)
            except OSError:
                return
            try:
                os.fdatasync(copy)
            finally:
                os.close(copy)

    def measure(self) -> None:
        """Find the bytes that the directory holds, those of other processes among them."""
        total = sum(_size(path) for path in self._directory.glob(f"*{_MADE}"))
        self._others = max(0, total - self._written)
        SPOOLED.set(total)

    def segments(self) -> list[Path]:
        """The segments that are there, the oldest first; some may be held by a process."""
        found = sorted((_age(path), path) for path in self._directory.glob(f"*{_MADE}"))
        return [path for _, path in reversed(found)]

    def close(self) -> None:
        """Complete the last segment; nothing can be appended after it."""
        self.seal()
        if self._file is not None:
            remove(self._path)
            os.close(self._file)
            self._file = None
        self._most = 0

    def remove_abandoned(self) -> None:
        """Remove files of processes that died while they made a segment; they are empty."""
        for path in self._directory.glob(f"*{_NEW}"):
            if _age(path) > _ABANDONED_AFTER:
                path.unlink(missing_ok=True)

    def _open(self) -> None:
        new = self._directory / f"{uuid4().hex}{_NEW}"
        file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        # Locked before it has its name, so that no process takes it for a complete one.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._path = new.rename(new.with_suffix(_MADE))
        self._file, self._written = file, 0


@contextmanager
def taken(path: Path) -> Iterator[bytes | None]:
    """The content of a segment, held locked; None if another process holds it or has removed it.

    The caller removes the file, before the lock is given back.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        if os.fstat(file).st_nlink == 0:
            yield None
            return
        with os.fdopen(os.dup(file), "rb") as content:
            yield content.read()
    finally:
        os.close(file)


def remove(path: Path) -> None:
    """Remove a segment that was drained."""
    path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _age(path: Path) -> float:
    """Seconds since the last change; 0 of a file that was removed."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
