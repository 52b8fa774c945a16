"""The work that the rendering of one message may take, counted and not timed.

A unit is about a microsecond of one core. Counting makes the result the same on every machine and
under every load: a template that fails as too large always fails.
"""

from __future__ import annotations

from typing import Final, TypeVar

from journeys.templating.failures import TemplateLimit

Value = TypeVar("Value")

MESSAGE: Final = 300_000
"""Units for all texts of a message: about a third of a second."""
_SMALL: Final = 5_000
_SMALL_PARSE: Final = 10_000
LONGEST_TEXT: Final = 1_000_000
"""Characters of one value."""
LONGEST_LIST: Final = 100_000
"""Elements of one value."""
_MOST_OUTPUT: Final = 2_000_000
"""Characters that a message's templates may print."""
_MOST_HELD: Final = 20_000_000
"""Characters that `assign` and `capture` may keep, together."""


class Budget:
    """What is left of a message's work. Its methods raise TemplateLimit when nothing is."""

    __slots__ = ("_held", "_output", "_parse", "units")

    def __init__(self, units: int = MESSAGE) -> None:
        self.units = units
        self._parse: int | None = None
        self._output = _MOST_OUTPUT
        self._held = _MOST_HELD

    @classmethod
    def small(cls) -> Budget:
        """A budget for rendering that nothing else has to wait for: a few milliseconds."""
        budget = cls(_SMALL)
        budget._parse = _SMALL_PARSE
        return budget

    def parse(self, text: str) -> None:
        """Take the work of parsing a template; the budget of a message has no bound on it.

        How often that is done depends on what other messages need, and what a message may not.
        """
        if self._parse is not None:
            self._parse -= len(text)
            if self._parse < 0:
                raise TemplateLimit

    def spend(self, units: int) -> None:
        """Take units of work, at least one."""
        self.units -= units if units > 0 else 1
        if self.units < 0:
            raise TemplateLimit

    def print(self, text: str) -> None:
        """Take the work of writing a text."""
        size = len(text)
        self._output -= size
        self.units -= 1 + size // 100
        if self._output < 0 or self.units < 0:
            raise TemplateLimit

    def hold(self, value: object) -> None:
        """Take the memory of a value that is given a name."""
        self._held -= 64 + size_of(value)
        if self._held < 0:
            raise TemplateLimit
        self.spend(1)


def size_of(value: object) -> int:
    """About how many characters a value takes, without what is inside it."""
    if isinstance(value, str):
        return len(value)
    return 16 * len(value) if isinstance(value, list | dict) else 16


def bounded(value: Value) -> Value:
    """The value, if a template may have one of that size. Raises TemplateLimit."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise TemplateLimit
    elif isinstance(value, list):
        if len(value) > LONGEST_LIST:
            raise TemplateLimit
    elif isinstance(value, int) and value.bit_length() > 1000:
        raise TemplateLimit
    return value
