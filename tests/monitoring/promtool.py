"""promtool, where the system has it or `tests/monitoring/setup` has got it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_GOT: Final = ROOT / ".venv" / "promtool" / "promtool"

PROMTOOL: Final = shutil.which("promtool") or (str(_GOT) if _GOT.exists() else None)
"""None where there is none to be had: the rules are then read, but not played."""


def promtool(*arguments: str | Path) -> str:
    """What promtool prints; it must be content."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
