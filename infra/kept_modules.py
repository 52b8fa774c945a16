"""Modules that are loaded again and again, with their code kept after the first time.

The sandbox executes a workflow's module again for each run. Python would look for the file and read
its bytecode each time, or compile the source where no bytecode may be written, as in most
containers: that took a tenth of a worker's processor time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Final


class _KeptCode(Loader):
    """Executes a module's code, which was compiled before."""

    def __init__(self, found: ModuleSpec, code: CodeType) -> None:
        self._found = found
        self._code = code

    def spec(self) -> ModuleSpec:
        """A specification of the module, like the one by which Python found it."""
        found = self._found
        made = ModuleSpec(found.name, self, origin=found.origin)
        made.has_location = found.has_location
        made.cached = found.cached
        if found.submodule_search_locations is not None:
            made.submodule_search_locations = list(found.submodule_search_locations)
        return made

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """None: Python makes the module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Execute the code in the module."""
        exec(self._code, module.__dict__)  # noqa: S102 - this is what importing a module means


class KeptModules(MetaPathFinder):
    """Finds the modules that it keeps, before anything else looks for them."""

    def __init__(self) -> None:
        self._kept: dict[str, _KeptCode] = {}
        self._asked: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module that is kept; None for any other."""
        kept = self._kept.get(fullname)
        return None if kept is None else kept.spec()

    def keep(self, name: str) -> None:
        """Keep a module and the packages that it is in, as far as their loaders give code."""
        if name in self._asked:
            return
        self._asked.add(name)
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            self._keep(".".join(parts[:length]))
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def _keep(self, name: str) -> None:
        if name in self._kept:
            return
        try:
            found = find_spec(name)
        except ValueError:
            # What Python itself runs as a script has no specification.
            return
        get_code = None if found is None else getattr(found.loader, "get_code", None)
        code = None if get_code is None else get_code(name)
        if found is not None and code is not None:
            self._kept[name] = _KeptCode(found, code)


KEPT: Final = KeptModules()
"""Those of this process."""
