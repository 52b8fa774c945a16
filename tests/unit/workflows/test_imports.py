"""What a workflow's sandbox loads: little, and nothing that reaches outside."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PURE = sorted(
    f"journeys.protocol.{path.stem}"
    for path in (ROOT / "journeys" / "protocol").glob("*.py")
    if path.stem != "__init__"
)
HEAVY = [
    "alembic",
    "boto3",
    "fastapi",
    "httpx",
    "liquid",
    "psycopg",
    "ruamel",
    "sqlalchemy",
    "sqlmodel",
    "temporalio",
]


def imported(source: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"worker"}
    names = set()
    for found in ast.walk(ast.parse(source.read_text())):
        if isinstance(found, ast.ImportFrom):
            names.add(found.module or "")
        elif isinstance(found, ast.Import):
            names |= {alias.name for alias in found.names}
    return {name for name in names if name.partition(".")[0] in ours}


@pytest.mark.parametrize("source", sorted((ROOT / "workflows").glob("*.py")), ids=lambda p: p.stem)
def test_workflows_import_what_they_walk_by_alone(source: Path) -> None:
    assert imported(source) <= set(PURE)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """What importing them loads, in an interpreter of its own: this one has everything loaded."""
    code = f"import sys, {', '.join(PURE)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_them_loads_none_of_the_heavy_libraries(loaded: set[str]) -> None:
    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)


def test_importing_them_loads_no_other_module_of_journeys(loaded: set[str]) -> None:
    assert {name for name in loaded if name.startswith("journeys.")} == {"journeys.protocol", *PURE}
