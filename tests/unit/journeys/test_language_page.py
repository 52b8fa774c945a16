"""The page on the language says what works as the table does."""

import re
from pathlib import Path
from textwrap import indent

from journeys.support import WORKS
from tests.unit.journeys.examples import errors

HEAD = "topic: offers\ndefault: opt_in\n---\njourney: j\nentry: {event: X}\n"
PAGE = (Path(__file__).parents[3] / "docs" / "language.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_are_valid() -> None:
    journey, split, channel = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert errors(f"topic: offers\ndefault: opt_in\n---\n{journey}") == []
    assert errors(channel) == []
    step = indent(f"- id: s\n{indent(split, '  ')}", "  ")
    assert errors(f"{HEAD}steps:\n{step}") == []


def test_a_step_that_does_not_work_yet_is_marked_on_the_page() -> None:
    for construct, works in WORKS.items():
        kind, _, noun = construct.partition(" ")
        if noun == "steps":
            assert (f"| `{kind}` ◌ |" in PAGE) is not works
            assert f"| `{kind}`" in PAGE
