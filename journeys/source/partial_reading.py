"""Reading of documents that have mistakes: what cannot be read is replaced by what says nothing.

So the rest of a document is checked as well, and all its mistakes are known at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from journeys.model.documents import DOCUMENT, AnyDocument
from journeys.model.problems import Path
from journeys.source.validation_messages import source_path

_ROUNDS: Final = 12
"""How often what remains is read again: a mistake may hide others."""
_LINES: Final = ("steps", "then", "else")
_FLOW: Final = ("goto", "exit", "branch", "split")
_PLAIN: Final = ("wait", "email", "sms", "webhook", "update", "group", "coupon", "emit", "enter")
_UNREAD_JOURNEY: Final = "a-journey-whose-key-could-not-be-read"
_NEUTRAL: Final[dict[str, Any]] = {"group": "-"}
"""A condition of which nothing is said."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The parts of a document that could not be read."""

    paths: frozenset[Path] = field(default_factory=frozenset)
    steps: frozenset[str] = field(default_factory=frozenset)
    """The ids of steps that were replaced or lost."""
    ways: bool = False
    """Whether steps were changed that may lead elsewhere than to the next step."""
    nameless: bool = False
    """Whether steps were lost whose ids are not known."""


def read_partly(content: Any) -> tuple[AnyDocument, Unread] | None:
    """The document without the parts that cannot be read; None if too little remains."""
    repair = _Repair(copy.deepcopy(content))
    for _ in range(_ROUNDS):
        try:
            return DOCUMENT.validate_python(repair.content), repair.unread()
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            if not repair.mend([(item["loc"], item["type"]) for item in details]):
                return None
    return None


class _Repair:
    def __init__(self, content: Any) -> None:
        self.content = content
        self._paths: set[Path] = set()
        self._steps: set[str] = set()
        self._ways = False
        self._nameless = False

    def unread(self) -> Unread:
        return Unread(frozenset(self._paths), frozenset(self._steps), self._ways, self._nameless)

    def mend(self, errors: Sequence[tuple[tuple[int | str, ...], str]]) -> bool:
        """Replace the parts with errors, each by its place and kind; False if one has to stay."""
        if not isinstance(self.content, dict):
            return False
        places = [(source_path(loc, self.content), kind) for loc, kind in errors]
        before = frozenset(self._paths)
        for path, kind in places:
            now = self._paths - before
            if any(path[:length] in now for length in range(1, len(path) + 1)):
                continue
            choices = [self._neutral_condition, self._empty_step, self._neutral_part]
            if kind == "extra_forbidden":
                choices.insert(0, self._without_key)
            if not any(choice(path) for choice in choices):
                return False
        return True

    def _around(self, path: Path) -> Iterator[tuple[Path, Any]]:
        """Each part from the innermost one to the outermost, with the mapping or list it is in."""
        for length in range(len(path), 0, -1):
            parent = self.content
            for part in path[: length - 1]:
                parent = parent[part]
            yield path[:length], parent

    def _replaced(self, path: Path) -> bool:
        new = path not in self._paths
        self._paths.add(path)
        return new

    def _without_key(self, path: Path) -> bool:
        for here, parent in self._around(path):
            if isinstance(parent, dict) and len(here) > 1 and self._replaced(here):
                # The key of a step's kind is needed. Without it the step is replaced. And any key
                # of a step may have been meant as its `if`.
                self._ways |= "id" in parent
                del parent[here[-1]]
                return True
            return False
        return False

    def _neutral_condition(self, path: Path) -> bool:
        for here, parent in self._around(path):
            if here[-1] == "if" and isinstance(parent, dict) and self._replaced(here):
                parent["if"] = dict(_NEUTRAL)
                return True
        return False

    def _empty_step(self, path: Path) -> bool:
        for here, parent in self._around(path):
            inside = isinstance(parent, list) and len(here) > 1 and here[-2] in _LINES
            if inside and self._replaced(here):
                step = parent[here[-1]]
                names = list(_ids(step))
                self._steps.update(names)
                own = step if isinstance(step, dict) else {}
                self._ways |= any(key in own for key in _FLOW) or not any(
                    key in own for key in _PLAIN
                )
                name = own.get("id")
                if not isinstance(name, str | int) or path[-1] == "id":
                    name = "unread-" + "-".join(map(str, here))
                    self._nameless = True
                parent[here[-1]] = {"id": str(name), "wait": "1d"}
                self._steps.add(str(name))
                return True
        return False

    def _neutral_part(self, path: Path) -> bool:
        if not path or path[0] == "steps":
            return False
        key = path[0]
        if not self._replaced((key,)):
            return False
        if key == "journey":
            self.content["journey"] = _UNREAD_JOURNEY
        elif key == "entry":
            self.content["entry"] = {"api": True}
        elif len(self.content) > 1:
            self._steps.update(_ids(self.content[key]))
            self._nameless |= key == "exit"
            del self.content[key]
        else:
            return False
        return True


def _ids(value: Any) -> Iterator[str]:
    """The ids of steps at any depth of a part."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("id"), str | int):
                yield str(each["id"])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
