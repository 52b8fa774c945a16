"""Walks over the parts of a document, each with its path and its step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from journeys.model.problems import Path, Problem
from journeys.model.steps import BaseStep, BranchStep
from journeys.model.values import DocumentModel


@dataclass(frozen=True, slots=True)
class Part:
    """A model inside a document, or the document itself."""

    path: Path
    model: DocumentModel
    step: str | None
    """The id of the innermost step that contains the part or is the part."""

    def problem(self, code: str, message: str, hint: str | None = None, *inside: str) -> Problem:
        """An error of this part, at the key `inside` it if one is named."""
        return Problem(code, message, hint, path=(*self.path, *inside), step=self.step)


def parts_of(document: DocumentModel) -> Iterator[Part]:
    """The document and every model inside it, in the order of the document."""
    yield from _parts(document, (), None)


def _parts(model: DocumentModel, path: Path, step: str | None) -> Iterator[Part]:
    if isinstance(model, BaseStep):
        step = model.id
    yield Part(path, model, step)
    for name, field in type(model).model_fields.items():
        inside = path if name in model.unwritten else (*path, field.alias or name)
        if isinstance(model, BranchStep) and name == "else_":
            inside = (*path, "branch", len(model.branch), "else")
        yield from _values(getattr(model, name), inside, step)


def _values(value: object, path: Path, step: str | None) -> Iterator[Part]:
    if isinstance(value, DocumentModel):
        yield from _parts(value, path, step)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _values(item, (*path, place), step)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _values(item, (*path, key), step)


def texts_of(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text inside a JSON value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from texts_of(item, (*path, place))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_of(item, (*path, key))
