"""Modules that are loaded again from the code that was compiled once."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from infra.kept_modules import KeptModules

SOURCE = '''"""A module."""
from kept_package import NAME

STATE = []


def fail():
    raise RuntimeError(NAME)
'''


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptModules]:
    """Keeps the module of a package that lies in a directory of its own."""
    package = tmp_path / "kept_package"
    package.mkdir()
    (package / "__init__.py").write_text("NAME = __name__")
    (package / "module.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    modules = KeptModules()
    modules.keep("kept_package.module")
    yield modules
    sys.meta_path.remove(modules)
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "kept_package"]:
        del sys.modules[name]


def loaded() -> ModuleType:
    """The module, loaded again."""
    forget()
    return importlib.import_module("kept_package.module")


def test_a_kept_module_is_loaded_without_its_file(kept: KeptModules, tmp_path: Path) -> None:
    first = loaded()
    (tmp_path / "kept_package" / "module.py").unlink()
    (tmp_path / "kept_package" / "__init__.py").unlink()
    again = loaded()
    assert again is not first
    assert again.NAME == "kept_package"


def test_each_load_has_a_state_of_its_own(kept: KeptModules) -> None:
    first, again = loaded(), loaded()
    first.STATE.append(1)
    assert again.STATE == []


def test_a_kept_module_says_what_python_would_say_of_it(kept: KeptModules) -> None:
    ours = loaded()
    sys.meta_path.remove(kept)
    plain = loaded()
    sys.meta_path.insert(0, kept)
    for name in ("__name__", "__file__", "__package__", "__doc__", "__cached__"):
        assert getattr(ours, name) == getattr(plain, name), name
    with pytest.raises(RuntimeError) as failed:
        ours.fail()
    assert "raise RuntimeError(NAME)" in "".join(traceback.format_tb(failed.value.__traceback__))


def test_other_modules_are_left_to_python(kept: KeptModules) -> None:
    assert kept.find_spec("json", None) is None
