"""Problems of files that cannot be read in full: what is sure of the rest, and of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check_each
from journeys.model.problems import Problem
from journeys.source.parsing import Documents, Parsed, PartlyParsed

ELSEWHERE: Final = frozenset(
    {"unknown_topic", "unknown_segment", "unknown_template", "unknown_places"}
)
"""Codes of problems that files alone cannot decide: the server may have what is missing."""

_OF_WAYS: Final = frozenset({"unreachable", "too_early", "past", "loop"})
_OF_NAMES: Final = frozenset({"unknown_step", "unknown_variable"})
_NEEDS: Final = {"consent": ("defaults", "topic"), "no_goal": ("goal",)}
"""Codes of problems that a part which was not read may solve."""
_QUOTED: Final = re.compile("`([^`]*)`")


def check_readable(texts: Sequence[Documents], known: KnownKeys | None = None) -> list[Problem]:
    """The errors and warnings of documents that belong together, of which some have mistakes.

    What the parts that could not be read may solve is left out. Each problem follows those of its
    own file that reading has found.
    """
    partly = [each for text in texts for each in text.partly]
    parsed = [each for text in texts for each in text.parsed]
    unreadable = any(text.unreadable for text in texts)
    syntax = {(problem.file, problem.line) for text in texts for problem in text.problems}
    # By document, and not by file: two of one file may have steps of the same name.
    unread = {id(each.parsed): each for each in partly}
    unsure = {_name(each.parsed) for each in partly if each.parsed.document.kind != "journey"}
    return [
        problem
        for document, problem in check_each([*parsed, *(each.parsed for each in partly)], known)
        if not (unreadable and problem.code in ELSEWHERE)
        and not (
            problem.code == "duplicate_document"
            # Two equal topics or segments are one, as these may be once they are corrected.
            and ((problem.file, problem.line) in syntax or _name(document) in unsure)
        )
        and (id(document) not in unread or _is_sure(problem, unread[id(document)]))
    ]


def _name(parsed: Parsed) -> tuple[str, str]:
    return parsed.document.kind, parsed.document.key


def _is_sure(problem: Problem, document: PartlyParsed) -> bool:
    """Whether the problem stays, however the parts that could not be read are corrected."""
    unread = document.unread
    if problem.code in _OF_WAYS and unread.ways:
        return False
    if problem.code in _OF_NAMES and unread.nameless:
        return False
    if any(path[:1] == (key,) for key in _NEEDS.get(problem.code, ()) for path in unread.paths):
        return False
    named = set(_QUOTED.findall(problem.message))
    if problem.step in unread.steps or named & unread.steps:
        return False
    return not any(problem.path[: len(path)] == path for path in unread.paths)
