"""Each example of the page on the language comes out as the page says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from journeys.checks.constructs import CONSTRUCTS, constructs_of
from journeys.model.conditions import OPERATORS, Comparison
from journeys.model.document_parts import parts_of
from journeys.model.values import DocumentModel
from simulation.document_set import read_document_set
from simulation.scenarios import play_together, read_scenario
from tests.integration.simulation.examples import examples

EXAMPLES = examples()
NOT_WRITTEN = {
    "After", "AroundTrigger", "BaseMessage", "BaseSend", "BaseStep", "EffectiveSend", "FormWords",
    "MemberEntry", "MessageContent", "Otherwise", "Shift", "WithProviders",
}  # fmt: skip
"""Models that are parts or abstractions of others, or that are read into something else."""


@pytest.mark.parametrize("title", EXAMPLES)
async def test_an_example_comes_out_as_the_page_says(
    title: str, new_database: Callable[[], str]
) -> None:
    example = EXAMPLES[title]
    book = read_document_set([(title, example.documents)], example.key)
    start = datetime.fromisoformat(example.case.start)
    scenario = read_scenario(book, example.case.contact, example.case.events, start)
    lines = await play_together(book, [scenario], new_database(), start)
    assert example.case.differs(lines) is None, example.case.differs(lines)


def test_every_construct_has_an_example() -> None:
    shown = {
        construct
        for example in EXAMPLES.values()
        for each in example.parsed
        for construct in constructs_of(each.document)
    }
    assert set(CONSTRUCTS) == shown


def test_every_form_of_the_language_has_an_example() -> None:
    shown = {
        type(part.model).__name__
        for example in EXAMPLES.values()
        for each in example.parsed
        for part in parts_of(each.document)
    }
    there = {model.__name__ for model in _models(DocumentModel)}
    assert there - shown == NOT_WRITTEN


def test_every_operator_has_an_example() -> None:
    shown = {
        operator
        for example in EXAMPLES.values()
        for each in example.parsed
        for part in parts_of(each.document)
        if isinstance(part.model, Comparison)
        for operator in part.model.operators()
    }
    assert shown == set(OPERATORS)


def _models(base: type[DocumentModel]) -> set[type[DocumentModel]]:
    return {found for each in base.__subclasses__() for found in {each, *_models(each)}}
