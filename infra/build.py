"""The name of the running build: what decides how it replays a history is part of it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parent.parent
_REPLAYED: Final = ("workflows", "journeys/protocol")
"""Folders of all code that runs inside of workflows."""


@cache
def build_of_code() -> str:
    """The version, with a hash of the code that histories are replayed with.

    Two builds that differ elsewhere have one name: each replays what the other began.
    """
    digest = hashlib.sha256()
    for folder in _REPLAYED:
        for path in sorted((_ROOT / folder).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return f"{version('parcours')}-{digest.hexdigest()[:12]}"
