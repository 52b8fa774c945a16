"""The documents in files, checked without a server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import refuse

if TYPE_CHECKING:
    from journeys.model.problems import Problem
    from journeys.source.parsing import Parsed

ENDINGS = (".yaml", ".yml", ".json")


def read_sources(paths: list[Path]) -> dict[str, bytes]:
    """The contents of files by name, in the order of `paths`, each file once.

    The files of a folder are sorted.
    """
    sources: dict[str, bytes] = {}
    seen: set[Path] = set()
    for path in paths:
        for file in _find_files(path):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                sources[str(file)] = file.read_bytes()
            except OSError as error:
                refuse(f"{file} cannot be read: {error.strerror}")
    return sources


def _find_files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        files = sorted(
            file for file in path.rglob("*") if file.suffix in ENDINGS and file.is_file()
        )
        if not files:
            refuse(f"{path} holds no {', '.join(f'*{ending}' for ending in ENDINGS)}")
        return files
    if not path.exists():
        refuse(f"there is no file {path}")
    return [path]


def check_sources(sources: dict[str, bytes]) -> tuple[list[Parsed], list[Problem]]:
    """The valid documents of files, and all their problems, in the order of files and lines."""
    from journeys.checks.partial_documents import ELSEWHERE, check_readable
    from journeys.source.parsing import parse_documents

    texts = [parse_documents(source, name) for name, source in sources.items()]
    problems = [problem for text in texts for problem in text.problems]
    for problem in check_readable(texts):
        if problem.code in ELSEWHERE:
            hint = "the server may have it"
            problems.append(replace(problem, severity="warning", hint=hint))
        else:
            problems.append(problem)
    order = {name: place for place, name in enumerate(sources)}
    problems.sort(key=lambda problem: (order[problem.file], problem.line, problem.column))
    return [each for text in texts for each in text.parsed], problems
