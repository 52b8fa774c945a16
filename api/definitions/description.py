"""A document as its text says it, finished or not: its steps in words, and its problems.

Pure functions of texts, called by `api.definitions.checker` as those of
`api.definitions.preparation` are.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from journeys.checks.partial_documents import check_readable
from journeys.checks.references import KnownKeys
from journeys.compile.condition_words import condition_words
from journeys.compile.summaries import summary
from journeys.compile.trigger_words import entry_words, exit_words, goal_words
from journeys.model.documents import DOCUMENT_KINDS, AnyDocument, Segment
from journeys.model.journey import Journey
from journeys.model.problems import Path, Problem
from journeys.model.steps import BaseMessage, BranchStep, SplitStep, Step
from journeys.protocol.program import KINDS
from journeys.source.parsing import Documents, parse_documents
from journeys.source.yaml_reader import Lines

FILE: Final = "document"
"""The name under which the text is checked. No answer has it."""
MOST_PROBLEMS: Final = 500

_STEP: Final[TypeAdapter[Any]] = TypeAdapter(Step)


@dataclass(frozen=True, slots=True)
class DescribedWay:
    """A way out of a branch or a split."""

    name: str
    path: Path
    words: str | None = None
    """Its condition; None for one without."""
    share: float | None = None
    """Of an arm: the part of the contacts that take it, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class DescribedStep:
    """A step, in the order of the document."""

    path: Path
    id: str | None
    """None if it has none yet."""
    kind: str | None
    """None if it is not known yet what it does."""
    words: str | None
    """As Temporal's timeline has them; None while its text has mistakes."""
    condition: str | None = None
    """Its `if`."""
    subject: str | None = None
    """Of a message: its own subject, or its text."""
    template: str | None = None
    topic: str | None = None
    """Of a message: the topic that it is sent under, inherited or its own."""
    line: int = 0
    ways: list[DescribedWay] = field(default_factory=list)
    problems: list[int] = field(default_factory=list)
    """Places in the list of problems: of the step, and not of a step inside it."""


@dataclass(frozen=True, slots=True)
class DescribedProblem:
    """A problem, with the part of the text that it is about."""

    problem: Problem
    path: Path
    step: Path | None
    """The path of the innermost step around it."""
    end_line: int
    end_column: int
    """The column after its last character."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a text says."""

    kind: str | None
    key: str | None
    valid: bool
    """Whether it could be saved: there are no errors."""
    problems: list[DescribedProblem]
    steps: list[DescribedStep]
    entry_words: list[str | None] = field(default_factory=list)
    """What begins a run, for each entry; None for one with a mistake."""
    goal_words: str | None = None
    exit_words: list[str | None] = field(default_factory=list)
    condition: str | None = None
    """Of a segment: who is in it."""


def describe(text: str, known: KnownKeys) -> Description:
    """A document in words, with its problems. It may have mistakes, or not be YAML at all."""
    parsed = parse_documents(text, FILE)
    problems = [*parsed.problems, *_checked(parsed, known)]
    value, lines = parsed.values[0] if parsed.values else (None, Lines())
    if len(parsed.values) > 1:
        line = parsed.values[1][1].value(()).line
        problems.append(
            Problem("several_documents", "this is more than one document", "keep one",
                    file=FILE, line=line, column=1)
        )  # fmt: skip
    problems = sorted(dict.fromkeys(problems), key=lambda each: (each.line, each.column))
    document = next((each.document for each in parsed.parsed), None)
    partly = parsed.partly[0] if document is None and parsed.partly else None
    unread: frozenset[Path] = frozenset()
    lost: frozenset[str] = frozenset()
    if partly is not None:
        document, unread = partly.parsed.document, partly.unread.paths
        lost = partly.unread.steps
    known_steps = _known_steps(document, lines, unread, lost)
    found = list(_steps(value, known_steps))
    places = {path: place for place, (path, _, _) in enumerate(found)}
    source = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    described = [_problem(each, lines, places, source) for each in problems[:MOST_PROBLEMS]]
    journey = document if isinstance(document, Journey) else None
    steps = [_step(path, raw, step, lines, journey) for path, raw, step in found]
    for place, each in enumerate(described):
        if each.step is not None:
            steps[places[each.step]].problems.append(place)
    kind, key = _named(value, document)
    return Description(
        kind=kind,
        key=key,
        valid=not any(each.severity == "error" for each in problems),
        problems=described,
        steps=steps,
        condition=_of_segment(document, unread),
        **_of_journey(journey, unread),
    )


def _checked(parsed: Documents, known: KnownKeys) -> list[Problem]:
    return check_readable([parsed], known)


def _known_steps(
    document: AnyDocument | None, lines: Lines, unread: frozenset[Path], lost: frozenset[str]
) -> dict[Path, Step]:
    """The steps that were read as a part of the document, by their paths in the text."""
    if not isinstance(document, Journey):
        return {}
    steps = {lines.resolve(path): step for path, step in document.walk()}
    # A step is read though one inside it is not.
    wrong = {_innermost(each, steps) for each in unread}
    return {path: step for path, step in steps.items() if step.id not in lost and path not in wrong}


def _innermost(path: Path, steps: Container[Path]) -> Path | None:
    """The path of the innermost step around a part of the text."""
    inside = (path[:length] for length in range(len(path), 0, -1))
    return next((each for each in inside if each in steps), None)


def _steps(value: Any, known: Mapping[Path, Step]) -> Iterator[tuple[Path, Any, Step | None]]:
    """Each step of a text with its path: as it was read, by itself if need be, or None."""
    if not isinstance(value, dict):
        return
    yield from _line(value.get("steps"), ("steps",), known)
    rules = value.get("exit")
    if isinstance(rules, dict):
        yield from _line(rules.get("then"), ("exit", "then"), known)
    elif isinstance(rules, list):
        for place, rule in enumerate(rules):
            if isinstance(rule, dict):
                yield from _line(rule.get("then"), ("exit", place, "then"), known)


def _line(
    items: Any, path: Path, known: Mapping[Path, Step]
) -> Iterator[tuple[Path, Any, Step | None]]:
    if not isinstance(items, list):
        return
    for place, raw in enumerate(items):
        here = (*path, place)
        step = known.get(here)
        yield here, raw, _alone(raw) if step is None else step
        if not isinstance(raw, dict):
            continue
        for name in ("branch", "split"):
            ways = raw.get(name)
            for number, way in enumerate(ways if isinstance(ways, list) else ()):
                if isinstance(way, dict):
                    for key in ("then", "else"):
                        yield from _line(way.get(key), (*here, name, number, key), known)


def _alone(raw: Any) -> Step | None:
    """A step that is valid in itself, in a document that is not."""
    try:
        step: Step = _STEP.validate_python(raw)
    except ValidationError:
        return None
    return step


def _step(
    path: Path, raw: Any, step: Step | None, lines: Lines, journey: Journey | None
) -> DescribedStep:
    line = lines.value(path).line
    if step is None:
        own = raw if isinstance(raw, dict) else {}
        name = own.get("id")
        kind = next((each for each in KINDS if each in own), None)
        return DescribedStep(
            path, str(name) if isinstance(name, str | int) else None, kind, None, line=line
        )
    described = DescribedStep(
        path,
        step.id,
        step.kind,
        summary(step),
        condition=None if step.if_ is None else condition_words(step.if_),
        line=line,
        ways=list(_ways(step, path)),
    )
    if not isinstance(step, BaseMessage):
        return described
    content = step.content
    topic = content.topic
    if topic is None and journey is not None and not content.transactional:
        topic = journey.defaults.topic
    return replace(
        described,
        subject=getattr(content, "subject", None) or getattr(content, "text", None),
        template=content.template,
        topic=topic,
    )


def _ways(step: Step, path: Path) -> Iterator[DescribedWay]:
    if isinstance(step, BranchStep):
        for number, case in enumerate(step.branch):
            here = (*path, "branch", number)
            yield DescribedWay(case.name, here, condition_words(case.if_))
        if step.else_ is not None:
            yield DescribedWay("else", (*path, "branch", len(step.branch)))
    elif isinstance(step, SplitStep):
        whole = sum(arm.weight for arm in step.split)
        for number, arm in enumerate(step.split):
            here = (*path, "split", number)
            words = None
            if arm.holdout:
                words = "is sent nothing more"
            elif arm.winner is not None:
                words = f"takes the arm that is {arm.winner.by} most after {arm.winner.after}"
            yield DescribedWay(arm.name, here, words, share=arm.weight / whole)


def _problem(
    problem: Problem, lines: Lines, steps: Container[Path], source: list[str]
) -> DescribedProblem:
    path = lines.resolve(problem.path)
    line, column = max(problem.line, 1), max(problem.column, 1)
    text = source[line - 1] if line <= len(source) else ""
    return DescribedProblem(
        replace(problem, line=line, column=column),
        path,
        _innermost(path, steps),
        line,
        max(_end(text, column), column + 1),
    )


def _end(text: str, column: int) -> int:
    """The column after the key or value that begins in a line at a column, from 1."""
    rest = text[column - 1 :]
    quote = rest[:1]
    if quote in ("'", '"'):
        closing = rest.find(quote, 1)
        if closing > 0:
            return column + closing + 1
    if quote in ("{", "["):
        return column + len(rest.rstrip())
    ends = [place for mark in (": ", " #") if (place := rest.find(mark)) > 0]
    if rest.rstrip().endswith(":"):
        ends.append(len(rest.rstrip()) - 1)
    # In brackets, a value ends before the next one.
    if any(mark in text[: column - 1] for mark in "[{"):
        ends += [place for mark in ",]}" if (place := rest.find(mark)) > 0]
    return column + min(ends, default=len(rest.rstrip()))


def _named(value: Any, document: AnyDocument | None) -> tuple[str | None, str | None]:
    own = value if isinstance(value, dict) else {}
    kind = next((each for each in DOCUMENT_KINDS if each in own), None)
    if kind is None:
        return None, None
    key = own[kind]
    return kind, str(key) if isinstance(key, str | int) else None


def _of_journey(journey: Journey | None, unread: frozenset[Path]) -> dict[str, Any]:
    if journey is None:
        return {}

    def is_read(*path: str | int) -> bool:
        return not any(each[: len(path)] == path or path[: len(each)] == each for each in unread)

    goal = journey.goal if is_read("goal") else None
    return {
        "entry_words": [
            entry_words(entry) if is_read("entry", place) else None
            for place, entry in enumerate(journey.entry)
        ],
        "goal_words": None if goal is None else goal_words(goal),
        "exit_words": [
            exit_words(rule) if is_read("exit", place) else None
            for place, rule in enumerate(journey.exit)
        ],
    }


def _of_segment(document: AnyDocument | None, unread: frozenset[Path]) -> str | None:
    if isinstance(document, Segment) and not unread:
        return condition_words(document.if_)
    return None
