"""The start of the command `parcours`: it imports what every command needs, and no more."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLOW = {"pydantic", "sqlalchemy", "temporalio", "fastapi", "httpx", "rich", "importlib.metadata"}
"""What takes 20 ms or more to import."""


def test_the_command_imports_nothing_slow_before_it_is_known_which_one_it_is() -> None:
    code = f"import sys, cli.main; print(*sorted({SLOW!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
