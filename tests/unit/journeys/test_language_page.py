"""The page on the language says what works as the table does."""

import re
from pathlib import Path
from textwrap import indent

from journeys.model.conditions import OPERATORS
from journeys.model.step_kinds import STEP_KINDS
from journeys.reference import language_tables
from tests.unit.journeys.examples import errors

HEAD = "topic: offers\ndefault: opt_in\n---\njourney: j\nentry: {event: X}\n"
DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "language.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_are_valid() -> None:
    journey, split, template, channel, brand, form, entry = re.findall(
        r"```yaml\n(.*?)```", PAGE, re.DOTALL
    )
    assert errors(f"topic: offers\ndefault: opt_in\n---\n{journey}") == []
    assert errors(channel) == []
    assert errors(brand) == []
    assert errors(f"topic: news\ndefault: double\n---\n{form}") == []
    assert errors(f"journey: quotes\n{entry}steps: [{{id: rest, wait: 1d}}]\n") == []
    frame = 'template: frame\nmjml: "<mjml><mj-body>{{ content }}</mj-body></mjml>"\n---\n'
    assert errors(f"{frame}{template}") == []
    step = indent(f"- id: s\n{indent(split, '  ')}", "  ")
    assert errors(f"{HEAD}steps:\n{step}") == []


def test_the_page_of_words_is_made_of_the_models() -> None:
    # python -m journeys.reference.language_tables > docs/language-reference.md
    page = (DOCS / "language-reference.md").read_text(encoding="utf-8")
    assert page == language_tables.text()


def test_the_page_names_every_outcome_and_operator() -> None:
    rows = {row.split("`")[1]: row for row in re.findall(r"^\| `.*$", PAGE, re.M)}
    for name, kind in STEP_KINDS.items():
        row = rows[name]
        if "the same" not in row and "see there" not in row:
            assert [words for words in kind.outcome_words if words not in row] == []
    (listed,) = re.findall(r"\*\*Operators\*\*: `([^`]+)`", PAGE)
    assert tuple(listed.split()) == OPERATORS


def test_the_pages_on_the_language_lead_to_each_other() -> None:
    for page in ("language-examples.md", "language-reference.md"):
        assert f"]({page})" in PAGE
