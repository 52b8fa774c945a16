"""Route that describes a document while it is written: its steps in words, and its problems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions.description import Description
from api.definitions.saving import known_on_server
from api.http.bodies import LargeRoute
from api.http.keys import requires_one_of
from api.http.problems import responses
from api.http.strict_models import StrictBody
from api.services import UsedServices
from journeys.model.problems import Path
from journeys.source.yaml_reader import LONGEST_TEXT

router = APIRouter(
    prefix="/v1/documents",
    tags=["documents"],
    route_class=LargeRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)

PathInDocument = Annotated[
    list[str | int], Field(description="keys and places, from the root of the document")
]


class DescribedText(StrictBody):
    """The text of a document, as YAML or JSON."""

    text: str = Field(max_length=LONGEST_TEXT)


class ProblemInText(BaseModel):
    """A mistake, or what may be one, with its place in the text."""

    severity: Literal["error", "warning"]
    code: str
    message: str
    hint: str | None
    """What would be right."""
    path: PathInDocument
    line: int
    """From 1."""
    column: int
    """From 1."""
    end_line: int
    end_column: int
    """The column after the last character."""
    step: str | None
    """The id of the step that it is about."""
    step_path: PathInDocument | None
    """The innermost step around it; null outside of steps."""


class WayInText(BaseModel):
    """A case of a branch, or an arm of a split."""

    name: str
    path: PathInDocument
    words: str | None
    """When it is taken; null for `else`, and for an arm that is taken by its share."""
    share: float | None
    """Of an arm: the part of the contacts that take it, from 0 to 1."""


class StepInText(BaseModel):
    """A step, in the order of the text."""

    path: PathInDocument
    line: int
    id: str | None
    """Null if it has none yet."""
    kind: str | None
    """Null if the text does not say yet what it does."""
    words: str | None
    """What it does, as Temporal's timeline says it; null while there is a mistake in it."""
    condition: str | None
    """Its `if` in words."""
    subject: str | None
    """Of a message: its own subject, or the text of a text message."""
    template: str | None
    topic: str | None
    """Of a message: the topic that it is sent under, its own or that of `defaults`."""
    ways: list[WayInText]
    problems: list[int]
    """Places in `problems`, from 0, of those about this step and about no step inside it."""


class OutlineLine(BaseModel):
    """A line of the outline: a step, or a way below it."""

    depth: int
    """0 for a step of `steps`."""
    path: PathInDocument
    words: str


class DescribedDocument(BaseModel):
    """What a text says. A part with a mistake has no words; the others have theirs."""

    kind: str | None
    key: str | None
    valid: bool
    """Whether there is no error, so that it could be saved."""
    problems: list[ProblemInText]
    """In the order of the text, 500 at most."""
    steps: list[StepInText]
    entry_words: list[str | None]
    """What begins a run, for each entry; null for one with a mistake."""
    goal_words: str | None
    exit_words: list[str | None]
    """What ends a run early, for each rule; null for one with a mistake."""
    condition: str | None
    """Of a segment: its condition in words."""
    outline: list[OutlineLine]
    """The steps and their ways, one below the other, to be read aloud."""


@router.post("/describe", summary="Describe a document", responses=responses(422))
async def describe(given: DescribedText, services: UsedServices) -> DescribedDocument:
    """Check the text of one document as saving it would, and say what it does in words.

    The text may be unfinished: what has no mistake is described all the same. Nothing is saved.
    """
    async with services.pool.connection() as conn:
        known = await known_on_server(services, conn, [("document", given.text)])
    found = await services.describer.describe(given.text, known)
    return DescribedDocument(
        kind=found.kind,
        key=found.key,
        valid=found.valid,
        problems=[_problem(found, place) for place in range(len(found.problems))],
        steps=[
            StepInText(
                path=list(step.path),
                line=step.line,
                id=step.id,
                kind=step.kind,
                words=step.words,
                condition=step.condition,
                subject=step.subject,
                template=step.template,
                topic=step.topic,
                ways=[
                    WayInText(name=way.name, path=list(way.path), words=way.words, share=way.share)
                    for way in step.ways
                ],
                problems=step.problems,
            )
            for step in found.steps
        ],
        entry_words=found.entry_words,
        goal_words=found.goal_words,
        exit_words=found.exit_words,
        condition=found.condition,
        outline=list(_outline(found)),
    )


def _problem(found: Description, place: int) -> ProblemInText:
    each = found.problems[place]
    problem = each.problem
    return ProblemInText(
        severity=problem.severity,
        code=problem.code,
        message=" ".join(problem.message.split()),
        hint=problem.hint,
        path=list(each.path),
        line=problem.line,
        column=problem.column,
        end_line=each.end_line,
        end_column=each.end_column,
        step=problem.step,
        step_path=None if each.step is None else list(each.step),
    )


def _outline(found: Description) -> Iterator[OutlineLine]:
    """The steps and their ways in the order of the text; a way may have no step."""
    said: dict[Path, str] = {}
    for step in found.steps:
        words = step.words or f"{step.kind or 'step'} {step.id or ''}".strip()
        said[step.path] = words if step.condition is None else f"{words}, if {step.condition}"
        for way in step.ways:
            text = way.name if way.words is None else f"{way.name}: {way.words}"
            said[way.path] = text if way.share is None else f"{way.share:.0%} {text}"
    for path in sorted(said, key=_place):
        yield OutlineLine(depth=_depth(path), path=list(path), words=said[path])


def _place(path: Path) -> tuple[str | int, ...]:
    """Paths in the order of this are in that of a run: the steps of exits come last."""
    return ("~" if path[0] == "exit" else "", *path[1:])


def _depth(path: Path) -> int:
    """How many ways and steps stand around a path."""
    around = sum(part in ("branch", "split", "then", "else") for part in path)
    return around - (path[0] == "exit")
