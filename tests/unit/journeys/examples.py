"""Documents for tests: the real programmes, and small ones to vary."""

from pathlib import Path
from typing import Any

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.model.journey import Journey
from journeys.model.problems import InvalidDocuments, Problem
from journeys.source.parsing import Parsed, parse

PROGRAMMES = Path(__file__).parents[2] / "fixtures" / "programmes.yaml"

SMALL = """\
topic: offers
default: opt_in
---
journey: small
entry: {event: Signed Up}
steps:
  - {id: hello, email: {subject: Hello, text: Hi, topic: offers}}
"""


def programmes() -> list[Parsed]:
    """The real programmes, parsed."""
    return parse(PROGRAMMES.read_bytes(), "programmes.yaml")


def journey(**parts: Any) -> Journey:
    """A journey that begins with an event, with these parts."""
    return Journey.model_validate({"journey": "j", "entry": {"event": "X"}, **parts})


def problems(text: str, known: KnownKeys | None = None) -> list[Problem]:
    """Everything that is wrong with a text: what parsing says, else what validation says."""
    try:
        return check(parse(text, "f.yaml"), known)
    except InvalidDocuments as invalid:
        return invalid.problems


def errors(text: str) -> list[Problem]:
    """Those problems that keep a text from being applied."""
    return [problem for problem in problems(text) if problem.severity == "error"]
