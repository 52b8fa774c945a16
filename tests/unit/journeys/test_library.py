"""The library: complete, valid, documented, and readable by everybody."""

from pathlib import Path
from typing import Any

import pytest

from journeys.checks.validation import check
from journeys.library import about, index, names, source
from journeys.links.message_urls import SAMPLE_LINKS
from journeys.model.documents import Template
from journeys.model.journey import Journey
from journeys.model.steps import EmailStep, SmsStep, Step
from journeys.source.parsing import parse
from journeys.templating.compilation import compile_template
from journeys.templating.contents import Content
from journeys.templating.liquid import render

PAGE = Path(__file__).parents[3] / "docs" / "library.md"
PROMISED = {
    "abandoned-cart", "abandoned-cart-coupon", "appointment", "best-customers", "birthday",
    "cross-sell", "discount-offer", "dunning", "first-purchase", "lead-scoring",
    "membership-year", "near-shop", "nps", "repeat-purchase", "weekly-digest", "welcome",
    "welcome-course", "win-back",
}  # fmt: skip
TO_BE_IMPORTED = {"unknown_pool"}
"""Warnings that say nothing against a file: what has to be imported first."""
GREETINGS = {True: ("Guten Tag Ann", "Bonjour Ann"), False: ("Guten Tag", "Bonjour")}
ITEMS = [{"name": "Tea & co", "title": "Tea & co", "url": "https://shop.example/tea"}, {}]
ENTRY = {"cart_id": "c", "total": 42, "items": ITEMS, "when": "Friday", "place": "Lyon & co"}


def journey_of(name: str) -> Journey:
    """The one journey of a file."""
    [found] = [
        each.document
        for each in parse(source(name), f"{name}.yaml")
        if isinstance(each.document, Journey)
    ]
    return found


def messages(journey: Journey) -> list[Step]:
    """Its steps that somebody reads."""
    return [step for step in journey.all_steps() if isinstance(step, EmailStep | SmsStep)]


def contents_of(name: str) -> dict[str, dict[str, Content]]:
    """The contents of the templates of a file, by key and by locale."""
    documents = [each.document for each in parse(source(name), f"{name}.yaml")]
    templates = {each.key: each for each in documents if isinstance(each, Template)}
    shown = {key: each for key, each in templates.items() if each.layout is not None}
    return {key: compile_template(each, templates).contents for key, each in shown.items()}


def texts(step: Step, contents: dict[str, dict[str, Content]]) -> dict[str, list[str]]:
    """What somebody reads of a message, by part and in each language."""
    if isinstance(step, SmsStep):
        assert step.sms.text is not None
        return {"text": [step.sms.text]}
    assert isinstance(step, EmailStep)
    assert step.email.template is not None
    parts: dict[str, list[str]] = {"subject": [], "text": [], "html": []}
    for content in contents[step.email.template].values():
        for part, found in parts.items():
            text = getattr(content, part)
            assert text, (step.id, part)
            found.append(text)
    return parts


def test_the_library_holds_what_it_promises() -> None:
    assert set(names()) == PROMISED


@pytest.mark.parametrize("name", names())
def test_a_library_file_has_no_problem(name: str) -> None:
    found = check(parse(source(name), f"{name}.yaml"))
    assert [str(problem) for problem in found if problem.code not in TO_BE_IMPORTED] == []


@pytest.mark.parametrize("name", names())
def test_a_library_journey_is_called_as_its_file(name: str) -> None:
    journey = journey_of(name)
    assert journey.key == name


def test_all_of_the_library_may_be_applied_together() -> None:
    parsed = [each for name in names() for each in parse(source(name), f"{name}.yaml")]
    errors = [problem for problem in check(parsed) if problem.severity == "error"]
    assert [str(problem) for problem in errors] == []


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("contact", [{}, {"first_name": "Ann"}])
@pytest.mark.parametrize("entry", [{}, ENTRY])
def test_every_message_prints_for_everybody(
    name: str, contact: dict[str, Any], entry: dict[str, Any]
) -> None:
    journey = journey_of(name)
    left = {"code": "CODE-1", "visits": 2, "body": {"items": ITEMS}, "event": {}}
    seen = {
        "contact": contact,
        "entry": entry,
        "steps": {step.id: left for step in journey.all_steps()},
        **SAMPLE_LINKS,
    }
    contents = contents_of(name)
    for step in messages(journey):
        for part, text in [(p, t) for p, each in texts(step, contents).items() for t in each]:
            printed = render(text, seen, html=part == "html")
            assert "{{" not in printed
            assert printed.strip() == printed.strip("\n")
            if part == "subject":
                assert "\n" not in printed
            if part == "html":
                assert printed.startswith("<!doctype html>")
                assert "& co" not in printed
            elif isinstance(step, EmailStep) and part == "text":
                greeting, who = printed.partition(",\n\n")[0], contact.get("first_name")
                assert greeting in (f"Hello {who or 'there'}", *GREETINGS[who is not None])


@pytest.mark.parametrize("name", names())
def test_a_mail_says_the_same_in_html(name: str) -> None:
    contents = contents_of(name)
    for step in messages(journey_of(name)):
        if isinstance(step, EmailStep):
            parts = texts(step, contents)
            for text, html in zip(parts["text"], parts["html"], strict=True):
                for word in set(text.split()):
                    if word.startswith("https://"):
                        assert word.rstrip(".") in html, step.id


@pytest.mark.parametrize("name", names())
def test_mail_with_a_topic_can_be_left_and_mail_that_is_owed_says_nothing_of_it(name: str) -> None:
    journey, contents = journey_of(name), contents_of(name)
    for step in messages(journey):
        if isinstance(step, EmailStep):
            settings = journey.effective(step)
            for part in ("text", "html"):
                for text in texts(step, contents)[part]:
                    assert ("{{ unsubscribe_url }}" in text) is not settings.transactional, step.id


def test_the_welcome_speaks_german_and_french() -> None:
    for key, contents in contents_of("welcome").items():
        assert set(contents) == {"", "de", "fr"}, key
        assert 'lang="fr"' in str(contents["fr"].html)
    confirm = contents_of("welcome")["welcome-confirm"]["de"]
    assert "{{ confirm_url }}" in str(confirm.text)
    assert ">Ja, bitte schicken</a>" in render(
        str(confirm.html), {"confirm_url": "https://x.example/c", "contact": {}}, html=True
    )


@pytest.mark.parametrize("name", names())
def test_a_library_file_says_what_it_needs(name: str) -> None:
    description = about(name)
    assert description.summary.endswith(".")
    assert len(description.summary) < 120
    [what, needs, change] = description.paragraphs
    assert what.startswith(description.summary)
    assert needs.startswith("Needs: ")
    assert change.startswith("Change: ")


def test_the_page_on_the_library_is_its_index() -> None:
    # python -m journeys.library > docs/library.md
    assert PAGE.read_text(encoding="utf-8") == index()
    for name in names():
        assert f"\n## {name}\n" in index()
        assert about(name).paragraphs[0] in index()


def test_an_unknown_name_is_no_journey() -> None:
    with pytest.raises(KeyError):
        source("../library/welcome")
