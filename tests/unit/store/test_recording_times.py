"""Each statement that ends a visit says when that was recorded, or followers of the log miss it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STORE = Path(__file__).parents[3] / "store"
_UPDATE = re.compile(
    r"(?:update visit\b|on conflict \(run_id, visit\) do update)(.*?)"
    r"(?=\n\"\"\"|\)\n|returning)",
    re.S,
)
_CORE = re.compile(r"update\(Visit\)(.*?)\n\)", re.S)


def statements() -> list[tuple[str, str]]:
    """The statements that change visits, each with its file."""
    found = []
    for path in sorted(STORE.rglob("*.py")):
        if "migrations" in path.parts or path.name == "triggers.py":
            continue
        text = path.read_text(encoding="utf-8")
        found += [(path.name, each) for each in _UPDATE.findall(text) + _CORE.findall(text)]
    return found


def test_statements_that_end_visits_are_found() -> None:
    ending = [name for name, text in statements() if re.search(r"\boutcome ?= ?", text)]
    assert {
        "claims.py",
        "lifecycle.py",
        "wait_visits.py",
        "run_repairs.py",
        "run_migration.py",
    } <= {*ending}
    assert len(ending) >= 9


@pytest.mark.parametrize(("name", "text"), statements())
def test_a_visit_that_ends_is_recorded_at_that_time(name: str, text: str) -> None:
    sets_outcome = re.search(r"(?:set|,)\s+outcome = |\boutcome=", text)
    assert sets_outcome is None or "recorded_at" in text, (name, text)
