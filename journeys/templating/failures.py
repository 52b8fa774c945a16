"""The failures of templates, in words for the people who write and read journeys."""

from __future__ import annotations

from typing import Final

TOO_MUCH: Final = "the template takes too much time or memory; make its loops and values smaller"


class TemplateError(Exception):
    """A template that cannot be parsed, or rendered with these values; the text says why.

    `variable` is the variable that is missing, null or empty. `line` counts from 1 in the template.
    """

    code = "template"

    def __init__(
        self, message: str, *, variable: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.variable = variable
        self.line = line


class UnknownTemplate(TemplateError):
    """A layout or a partial that there is not."""

    code = "unknown_template"


class TemplateLimit(TemplateError):
    """A template whose rendering would take more time or memory than a message may."""

    code = "template_limit"

    def __init__(self, message: str = TOO_MUCH) -> None:
        super().__init__(message)


class Unfit(Exception):
    """A value or an argument that a filter can't use; the text says what it is."""
