"""Parser from the text of a file to its documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from journeys.model.documents import DOCUMENT, AnyDocument, Document
from journeys.model.problems import InvalidDocuments, Problem
from journeys.source.partial_reading import Unread, read_partly
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


@dataclass(frozen=True, slots=True)
class PartlyParsed:
    """A document with mistakes, without the parts that could not be read."""

    parsed: Parsed
    unread: Unread


@dataclass(slots=True)
class Documents:
    """The documents of a text, and the problems of those that have mistakes."""

    parsed: list[Parsed] = field(default_factory=list)
    partly: list[PartlyParsed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    values: list[tuple[Any, Lines]] = field(default_factory=list)
    """The value of each document, valid or not, with its lines; None if it is not YAML."""
    unreadable: bool = False
    """Whether there are documents of which not even a part could be read."""


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
    found = parse_documents(text, filename)
    return found.parsed, found.problems


def parse_documents(text: str | bytes, filename: str) -> Documents:
    """The documents of a text: the valid ones, and of the others what can be read."""
    found = Documents()
    if isinstance(text, bytes):
        decoded = decode(text, filename)
        if isinstance(decoded, Problem):
            return Documents(problems=[decoded], unreadable=True)
        text = decoded
    readings = read(text, filename)
    found.values = [(reading.value, reading.lines) for reading in readings]
    for reading in readings:
        problems = list(reading.problems)
        document: AnyDocument | None = None
        if reading.value is not None:
            try:
                document = DOCUMENT.validate_python(reading.value)
            except ValidationError as error:
                known = {problem.line for problem in problems}
                problems += [
                    problem
                    for problem in validation_messages(
                        error, Document, reading.value, reading.lines, filename
                    )
                    # After a missing quote, further errors on its line are only consequences.
                    if problem.line not in known
                ]
        if document is not None and not problems:
            found.parsed.append(Parsed(document, reading.source, reading.lines, filename))
        else:
            partly = (document, Unread()) if document else read_partly(reading.value)
            if partly is None:
                found.unreadable = True
            else:
                rest, unread = partly
                parsed = Parsed(rest, reading.source, reading.lines, filename)
                found.partly.append(PartlyParsed(parsed, unread))
        found.problems += sorted(problems, key=lambda problem: (problem.line, problem.column))
    if not readings:
        found.problems.append(Problem("empty", "the file holds no document", file=filename, line=1))
    return found
