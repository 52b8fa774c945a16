"""The example of the docs, run as it stands."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from simulation.fixture import SimulatedJourney

DOCS = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's only block in a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.S | re.M)
    return str(found)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example's module, beside its journey."""
    (tmp_path / "reminder.yaml").write_text(block("yaml"))
    file = tmp_path / "example_of_the_docs.py"
    file.write_text(block("python"))
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", block("python"), re.M))
def test_the_example_of_the_docs_holds(
    parcours: SimulatedJourney, example: ModuleType, name: str
) -> None:
    prepared = example.ada.__wrapped__(parcours)
    test: Callable[[SimulatedJourney], None] = getattr(example, name)
    test(prepared)
