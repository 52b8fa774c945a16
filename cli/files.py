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
SERVER_CODES = frozenset({"unknown_topic", "unknown_segment", "unknown_template", "unknown_places"})
"""Codes of problems that files alone cannot decide: the server may have what is missing."""


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
    """The documents of files, and their problems."""
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
        if problem.code not in SERVER_CODES:
            problems.append(problem)
        elif not unreadable:
            # With an unreadable file, which is reported, it may be in that file.
            problems.append(replace(problem, severity="warning", hint="the server may have it"))
    return parsed, problems
