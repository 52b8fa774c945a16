"""The script of sites, put together from its sections and made small."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from rjsmin import jsmin

PATH: Final = "/parcours.js"

SECTIONS: Final = ("storage.js", "identity.js", "queue.js", "calls.js", "forms.js", "start.js")
"""The files in the order in which they run. All are in one function, so they see each other.

A section that adds to the script pushes a function onto `extensions`; it is called once, after the
first page view was recorded. `add(type, fields)` queues a call by who uses the browser now,
`known()` is that visitor, and `flush()` sends.
"""

LARGEST: Final = 4096
"""The most bytes of the script as it is sent, packed by gzip."""

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Script:
    """The script as it is served."""

    text: bytes
    packed: bytes
    """The same, packed by gzip."""
    tag: str
    """Its entity tag, in quotes."""


def read_source() -> str:
    """The sections in one function, with their comments."""
    sections = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in SECTIONS)
    return f"(function () {{\n'use strict';\nconst extensions = [];\n{sections}}})();\n"


@cache
def read_script() -> Script:
    """The script, made small once for the process."""
    text = jsmin(read_source()).encode()
    return Script(text, gzip.compress(text, 9, mtime=0), f'"{sha256(text).hexdigest()[:32]}"')
