"""Problems of documents: what is wrong, where, and what would be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Keys and indexes from the root of a document."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document. Lines and columns count from 1; 0 means unknown."""

    code: str
    """The kind of mistake, for programs: `unknown_key`, `missing_key`, `unknown_step`…"""
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"
    path: Path = ()
    step: str | None = None
    file: str = ""
    line: int = 0
    column: int = 0
    inner: int = 0
    """The line inside the text at `path`, from 1, for mistakes in templates."""

    def __str__(self) -> str:
        """One line: `file:line: [step] what is wrong; what would be right`."""
        place = ":".join(part for part in (self.file, str(self.line) if self.line else "") if part)
        opening = f"{place}: " if place else ""
        warning = "warning: " if self.severity == "warning" else ""
        step = f"[{self.step}] " if self.step else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{opening}{warning}{step}{' '.join(self.message.split())}{hint}"


class InvalidDocuments(Exception):
    """Documents that have errors; the text of the exception is one line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
