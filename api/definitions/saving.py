"""Documents of requests: parsed, checked with the server's documents, and saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from psycopg import AsyncConnection
from pydantic import BaseModel

from api.http import problems
from journeys.checks.partial_documents import ELSEWHERE, check_readable
from journeys.checks.references import KnownKeys, segments_in
from journeys.checks.validation import check
from journeys.compile.program_compiler import compile_program
from journeys.model.documents import AnyDocument, Segment
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.source.parsing import Documents, Parsed, parse_documents
from journeys.versions.differences import differences
from store.definitions.catalog import Definition
from store.definitions.documents import Saved, known_keys, save_document
from store.definitions.journeys import save_version
from store.segments.segment_conditions import read_segments

Conn = AsyncConnection[Any]

DocumentChange = Literal["created", "updated", "unchanged"]
"""What applying a document does to the stored one."""


class DocumentProblem(BaseModel):
    """A problem of a document: its place, its message, and a hint."""

    file: str
    line: int
    column: int
    step: str | None
    path: list[str | int]
    code: str
    severity: str
    message: str
    hint: str | None
    text: str
    """The whole problem in one line."""

    @classmethod
    def of(cls, problem: Problem) -> DocumentProblem:
        """The body of a problem of the language."""
        return cls(
            file=problem.file,
            line=problem.line,
            column=problem.column,
            step=problem.step,
            path=list(problem.path),
            code=problem.code,
            severity=problem.severity,
            message=problem.message,
            hint=problem.hint,
            text=str(problem),
        )


class Change(BaseModel):
    """A change, as a sentence."""

    sentence: str
    lines: str | None
    """A unified diff of a text that changes; null for other changes."""


def changes(before: AnyDocument, now: AnyDocument) -> list[Change]:
    """The changes from one edition of a document to another, in the order of the document."""
    return [Change(sentence=each.sentence, lines=each.lines) for each in differences(before, now)]


def refuse(found: Sequence[Problem], code: str = "invalid_document") -> problems.Problem:
    """A Problem 422 that lists every error."""
    return problems.Problem(
        422,
        code,
        "\n".join(map(str, found)),
        errors=[DocumentProblem.of(problem).model_dump() for problem in found],
    )


def read(sources: Sequence[tuple[str, str | bytes]]) -> list[Parsed]:
    """Parse texts, each with its file name. Raises Problem 422 with all errors of all texts."""
    texts = [parse_documents(text, filename) for filename, text in sources]
    if any(text.problems for text in texts):
        raise refuse(_all_errors(texts, [filename for filename, _ in sources]))
    return [each for text in texts for each in text.parsed]


def _all_errors(texts: Sequence[Documents], files: Sequence[str]) -> list[Problem]:
    """The errors of texts that cannot be read in full, with what is sure of the rest of them."""
    rest = [
        problem
        for problem in check_readable(texts)
        # The server may have it.
        if problem.severity == "error" and problem.code not in ELSEWHERE
    ]
    errors = [*(problem for text in texts for problem in text.problems), *rest]
    return sorted(errors, key=lambda each: (files.index(each.file), each.line, each.column))


async def check_documents(conn: Conn, parsed: list[Parsed]) -> list[Problem]:
    """The warnings of documents, checked with the server's. Raises Problem 422 with the errors."""
    keys = {kind: frozenset(found) for kind, found in (await known_keys(conn)).items()}
    none: frozenset[str] = frozenset()
    known = KnownKeys(
        topics=keys.get("topic", none),
        segments=keys.get("segment", none),
        templates=keys.get("template", none),
        places=keys.get("places", none),
        journeys=keys.get("journey", none),
        pools=keys.get("pool", none),
        within_segments=await _within_segments(conn, parsed),
    )
    found = check(parsed, known)
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        raise refuse(errors)
    return found


async def _within_segments(conn: Conn, parsed: list[Parsed]) -> dict[str, frozenset[str]]:
    """The segments that each segment of the server names.

    Empty if `parsed` has no segment: only a new segment can close a circle.
    """
    if not any(isinstance(each.document, Segment) for each in parsed):
        return {}
    conditions = (await read_segments(conn)).conditions
    return {key: segments_in(condition) for key, condition in conditions.items()}


async def save(conn: Conn, parsed: Parsed) -> Saved:
    """Save a document that was checked. The caller has locked the catalog."""
    document = parsed.document
    content = document.as_document()
    if isinstance(document, Journey):
        program = compile_program(document).model_dump(mode="json")
        return await save_version(conn, document.key, content, program, parsed.source)
    return await save_document(conn, document.kind, document.key, content, parsed.source)


def definition_of(journey: Journey, version: int) -> Definition:
    """A version that may never be committed, so the catalog must not cache it."""
    program = compile_program(journey).model_dump(mode="json")
    return Definition.load(journey.key, version, journey.as_document(), program)
