"""Parser from the text of a file to its documents."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import ValidationError

from journeys.model.documents import DOCUMENT, AnyDocument, Document
from journeys.model.problems import InvalidDocuments, Problem
from journeys.source.validation_messages import validation_messages
from journeys.source.yaml_reader import Lines, decode, read


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document of a file."""

    document: AnyDocument
    source: str
    """The text of this document alone."""
    lines: Lines
    file: str

    def placed(self, problem: Problem) -> Problem:
        """The problem with its file, and with the line and column of its path."""
        if problem.line:
            return replace(problem, file=self.file)
        position = self.lines.value(problem.path)
        line = position.line + (problem.inner if position.block else 0)
        return replace(problem, file=self.file, line=line, column=position.column)


def parse(text: str | bytes, filename: str) -> list[Parsed]:
    """The documents of a YAML or JSON text, in order.

    Raises InvalidDocuments with all problems of all documents.
    """
    parsed, problems = parse_all(text, filename)
    if problems:
        raise InvalidDocuments(problems)
    return parsed


def parse_all(text: str | bytes, filename: str) -> tuple[list[Parsed], list[Problem]]:
    """The valid documents of a text, and the problems of the others."""
    if isinstance(text, bytes):
        decoded = decode(text, filename)
        if isinstance(decoded, Problem):
            return [], [decoded]
        text = decoded
    parsed: list[Parsed] = []
    problems: list[Problem] = []
    readings = read(text, filename)
    for reading in readings:
        found = list(reading.problems)
        if reading.value is not None:
            try:
                document = DOCUMENT.validate_python(reading.value)
                if not found:
                    parsed.append(Parsed(document, reading.source, reading.lines, filename))
            except ValidationError as error:
                known = {problem.line for problem in found}
                found += [
                    problem
                    for problem in validation_messages(
                        error, Document, reading.value, reading.lines, filename
                    )
                    # After a missing quote, further errors on its line are only consequences.
                    if problem.line not in known
                ]
        problems += sorted(found, key=lambda problem: (problem.line, problem.column))
    if not readings:
        problems.append(Problem("empty", "the file holds no document", file=filename, line=1))
    return parsed, problems
