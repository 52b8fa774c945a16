"""The context of a rendering: variables, the engine's clock, and the work that is left."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from liquid import RenderContext
from liquid.template import BoundTemplate
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap

from journeys.templating.budget import Budget
from journeys.templating.filters import Surroundings
from journeys.templating.values import Now, reach

_OF_SEVERAL: Final = frozenset({"steps", "entries"})


def line_of(token: Token) -> int:
    """The line of a token in its template, from 1."""
    return token.source.count("\n", 0, max(token.start_index, 0)) + 1


class Buffer(StringIO):
    """Printed text, whose size and work are counted."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, text: str) -> int:
        """Add a text. Raises TemplateLimit."""
        self._budget.print(text)
        return super().write(text)


class Context(RenderContext):
    """What a template sees while it is rendered, and the work that is left."""

    def __init__(
        self,
        template: BoundTemplate,
        *,
        globals: Mapping[str, object],  # noqa: A002
        surroundings: Surroundings,
    ) -> None:
        super().__init__(template, globals=globals)
        self.surroundings = surroundings
        self.budget = surroundings.budget
        # Without the clock of the machine.
        at = surroundings.now.astimezone(surroundings.zone)
        clock = {"now": Now(at, "now"), "today": Now(at, "today")}
        self.scope = ReadOnlyChainMap(self.locals, self.globals, clock)

    def get(self, path: list[object], *, token: Any, default: object = None) -> object:
        """The value at a path; None if there is none."""
        self.budget.spend(len(path))
        root = path[0]
        if not isinstance(root, str):
            return None
        try:
            value = self.scope[root]
        except KeyError:
            return None
        if root in _OF_SEVERAL:
            # What a step left, or an entry of several, is where its paths begin.
            return reach(reach(value, path[1:2]), path[2:])
        return reach(value, path[1:])

    def assign(self, key: str, val: Any) -> None:
        """Give a value a name. Raises TemplateLimit."""
        self.budget.hold(val)
        self.locals[key] = val

    def get_buffer(self, buf: Any = None) -> StringIO:
        """The buffer of a `capture`."""
        return Buffer(self.budget)
