"""The library: complete, valid, and made of what works."""

from typing import Any

import pytest

from journeys.definition import Journey
from journeys.library import names, source
from journeys.parsing import parse
from journeys.steps import EmailStep
from journeys.templates import render
from journeys.validation import check, unsupported

CART = {"cart_id": "c", "total": 42, "items": [{"name": "Tea & co"}, {}]}


def test_the_first_journeys_are_there() -> None:
    assert {"abandoned-cart", "welcome"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_a_library_file_has_no_problem_and_may_be_activated(name: str) -> None:
    parsed = parse(source(name), f"{name}.yaml")
    assert check(parsed) == []
    assert [problem for each in parsed for problem in unsupported(each.document)] == []


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("contact", [{}, {"first_name": "Ann"}])
@pytest.mark.parametrize("entry", [{}, CART])
def test_every_message_prints_for_everybody(
    name: str, contact: dict[str, Any], entry: dict[str, Any]
) -> None:
    for parsed in parse(source(name), f"{name}.yaml"):
        if not isinstance(parsed.document, Journey):
            continue
        for step in parsed.document.all_steps():
            if isinstance(step, EmailStep):
                seen = {"contact": contact, "entry": entry}
                assert step.email.subject
                assert step.email.text
                assert step.email.html
                assert "\n" not in render(step.email.subject, seen)
                assert "example" in render(step.email.text, seen) or step.id == "hello"
                assert "Tea & co" not in render(step.email.html, seen, html=True)


def test_an_unknown_name_is_no_journey() -> None:
    with pytest.raises(KeyError):
        source("../library/welcome")
