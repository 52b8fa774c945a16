"""The JSON Schema that editors use."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from journeys.library import names, source
from journeys.reference.json_schema import schema, text
from tests.unit.journeys.examples import PROGRAMMES

KEPT = Path(__file__).parents[3] / "docs" / "journey.schema.json"
VALIDATOR = Draft202012Validator(schema())


def documents() -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    texts = [PROGRAMMES.read_text(encoding="utf-8"), *map(source, names())]
    return [document for each in texts for document in yaml.load_all(each)]


def test_the_schema_in_the_documentation_is_current() -> None:
    assert KEPT.read_text(encoding="utf-8") == text(), (
        "write it again: python -m journeys.reference.json_schema > docs/journey.schema.json"
    )


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "document",
    documents(),
    ids=lambda document: "-".join(str(part) for part in next(iter(document.items()))),
)
def test_real_documents_meet_the_schema(document: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize(
    "document",
    [
        {"journey": "j", "entry": {"event": "X"}},
        {"journey": "j", "entry": {"evnt": "X"}, "steps": [{"id": "w", "wait": "1d"}]},
        {"journey": "j", "entry": {"event": "X"}, "steps": [{"id": "w", "wait": {"mesage": "m"}}]},
        {"journey": "j", "entry": {"event": "X"}, "steps": [{"id": "w", "trigger": "1d"}]},
        {"topic": "t", "default": "dubble"},
        {"segment": "s"},
    ],
)
def test_wrong_documents_do_not(document: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(document)
