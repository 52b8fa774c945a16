"""The console as it was built: its files, packed and plain, kept in memory."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "dist"
"""Where `console/setup` puts what it builds."""
INDEX: Final = "index.html"
ASSETS: Final = "assets/"
"""Below it are files alone: what is not there is no page."""

_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_ENCODINGS: Final[Mapping[str, str]] = {"br": ".br", "gzip": ".gz"}
"""Encodings that browsers take, the smallest first, each with the end of a packed file's name."""
_SMALL: Final = 1_024
"""Bytes below which packing saves nothing."""
_NOT_PACKED: Final = frozenset({".png", ".woff2", ".ico"})
_HASHED: Final = re.compile(r"assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the console."""

    bodies: Mapping[str, bytes]
    """By encoding; `identity` is the file itself."""
    media_type: str
    tag: str
    """A hash of the file itself."""
    lasting: bool
    """Whether another content would have another name."""


class BuiltFiles:
    """The files of a folder. Only what was found there is served: no path leads out of it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or FOLDER
        self._built_at: int | None = None
        self._paths: dict[str, Path] = {}
        self._read: dict[str, BuiltFile] = {}

    def find(self, name: str) -> BuiltFile | None:
        """A file by its path in the folder, with slashes; None if there is none.

        The folder is looked at again when another build is there.
        """
        self._look()
        path = self._paths.get(name)
        if path is None:
            return None
        found = self._read.get(name)
        if found is None:
            try:
                found = self._read[name] = _read(name, path)
            except OSError:
                # A build is under way.
                self._built_at = None
                return None
        return found

    def _look(self) -> None:
        try:
            built_at = (self._folder / INDEX).stat().st_mtime_ns
        except OSError:
            self._built_at, self._paths, self._read = None, {}, {}
            return
        if built_at == self._built_at:
            return
        packed = tuple(_ENCODINGS.values())
        self._paths = {
            path.relative_to(self._folder).as_posix(): path
            for path in self._folder.rglob("*")
            if path.is_file() and not path.is_symlink() and not path.name.endswith(packed)
        }
        self._read = {}
        self._built_at = built_at


def _read(name: str, path: Path) -> BuiltFile:
    plain = path.read_bytes()
    bodies = {"identity": plain}
    if len(plain) >= _SMALL and path.suffix not in _NOT_PACKED:
        for encoding, end in _ENCODINGS.items():
            packed = path.with_name(path.name + end)
            if packed.is_file():
                bodies[encoding] = packed.read_bytes()
        if "gzip" not in bodies:
            bodies["gzip"] = gzip.compress(plain, 6, mtime=0)
    return BuiltFile(
        bodies=bodies,
        media_type=_TYPES.get(path.suffix, "application/octet-stream"),
        tag=sha256(plain).hexdigest()[:32],
        lasting=_HASHED.fullmatch(name) is not None,
    )


def best_encoding(accepted: str, file: BuiltFile) -> str:
    """The encoding of a file to answer with, by the header Accept-Encoding."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, options = part.partition(";")
        _, _, weight = options.replace(" ", "").partition("q=")
        try:
            weights[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    for encoding in _ENCODINGS:
        if encoding in file.bodies and weights.get(encoding, weights.get("*", 0.0)) > 0:
            return encoding
    return "identity"
