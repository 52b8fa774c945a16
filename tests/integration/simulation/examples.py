"""The examples of `docs/language-examples.md`, as they stand on the page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from journeys.model.journey import Journey
from journeys.source.parsing import Parsed, parse
from tests.integration.simulation.paths import Case, Stop, laid_over, parts

PAGE = Path(__file__).parents[3] / "docs" / "language-examples.md"
START = "2026-03-02T08:00:00Z"


@dataclass(frozen=True)
class Example:
    """A section of the page: documents, and what happens and comes of it."""

    title: str
    documents: str
    case: Case

    @property
    def parsed(self) -> list[Parsed]:
        """Its documents."""
        return parse(self.documents, self.title)

    @property
    def key(self) -> str:
        """The key of the journey that is played: the first."""
        return next(each.document.key for each in self.parsed if isinstance(each.document, Journey))


def examples() -> dict[str, Example]:
    """The examples of the page by their titles."""
    head, *sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    [ada] = [json.loads(block) for language, block in _blocks(head) if language == "json"]
    read = [_read(section, ada) for section in sections]
    return {example.title: example for example in read}


def _read(section: str, ada: dict[str, Any]) -> Example:
    title, _, body = section.partition("\n")
    contact, events = ada, []
    documents = path = ""
    for language, block in _blocks(body):
        if language == "yaml":
            documents = block
        elif language == "":
            path = block
        elif isinstance(given := json.loads(block), list):
            events = given
        else:
            contact = laid_over(ada, given)
    stops = tuple(Stop.read(stop) for stop in parts(" ".join(path.split())))
    return Example(title, documents, Case(title, START, contact, events, stops))


def _blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)
