"""The files that a command is given, and what is wrong with them as far as files can tell."""

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
ELSEWHERE = frozenset({"unknown_topic", "unknown_segment", "unknown_template", "unknown_places"})
"""What a file alone cannot tell: the server may have it."""


def read_sources(given: list[Path]) -> dict[str, bytes]:
    """The files' texts by their names, in the order given, a folder's sorted; each file once."""
    sources: dict[str, bytes] = {}
    seen: set[Path] = set()
    for path in given:
        for file in _found(path):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                sources[str(file)] = file.read_bytes()
            except OSError as error:
                refuse(f"{file} cannot be read: {error.strerror}")
    return sources


def _found(path: Path) -> Iterable[Path]:
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
    """The documents, and what is wrong with them as far as files can tell."""
    from journeys.checks.validation import check
    from journeys.source.parsing import parse_all

    parsed: list[Parsed] = []
    problems: list[Problem] = []
    for name, source in sources.items():
        some, wrong = parse_all(source, name)
        parsed += some
        problems += wrong
    unreadable = bool(problems)
    for problem in check(parsed):
        if problem.code not in ELSEWHERE:
            problems.append(problem)
        elif not unreadable:
            # It may be in a file that could not be taken, which is told already.
            problems.append(replace(problem, severity="warning", hint="the server may have it"))
    return parsed, problems
