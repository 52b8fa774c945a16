"""Why a file, or a line of it, is refused."""

from __future__ import annotations


class FileRefused(ValueError):
    """A file, or a mapping of its columns, that cannot be imported; the message says why."""


class LineRefused(ValueError):
    """A line that is not imported: a code that is counted, and what would be right."""

    def __init__(self, code: str, message: str, text: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.text = text
        """The line itself, if it is a text that cannot be read as cells or an object."""
