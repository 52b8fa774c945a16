"""JSON Schema of all documents, for editors."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from journeys.model.documents import DOCUMENT
from journeys.model.moments import ConditionMoment, Days, Moment
from journeys.model.steps import Step
from journeys.model.values import Operand, Scalar

SHARED: Final[tuple[tuple[str, Any], ...]] = (
    ("Scalar", Scalar),
    ("Operand", Operand),
    ("Days", Days),
    ("Moment", Moment),
    ("ConditionMoment", ConditionMoment),
    ("Condition", Condition),
    ("Step", Step),
)
"""Types that are used in many places; a type comes after the types inside it."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The JSON Schema 2020-12 of a document of any kind, generated from the models.

    It covers single values. References between parts and documents are checked by validation.
    """
    made: dict[str, Any] = DOCUMENT.json_schema(by_alias=True, mode="validation")
    definitions = made["$defs"]
    for definition in list(definitions.values()):
        properties = definition.get("properties", {})
        if "trigger" in properties:
            _inline_trigger(definition, definitions)
    definitions["BranchStep"]["properties"].pop("else")
    made = _named(_alternatives(made))
    return {
        "$schema": DIALECT,
        "title": "Documents of Parcours",
        "description": "A journey, segment, topic, template, form, list of places or channel.",
        **made,
    }


def text() -> str:
    """The schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _inline_trigger(definition: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Puts the keys of a trigger beside the other keys, as documents write them."""
    own = dict(definition["properties"])
    triggers = own.pop("trigger")
    required = [name for name in definition.get("required", []) if name != "trigger"]
    forms = []
    for reference in triggers["oneOf"]:
        trigger = definitions[reference["$ref"].rsplit("/", 1)[1]]
        forms.append(
            {
                "type": "object",
                "properties": {**trigger["properties"], **own},
                "required": [*trigger["required"], *required],
                "additionalProperties": False,
            }
        )
    kept: dict[str, Any] = {"description": definition.get("description", "")}
    definition.clear()
    definition.update({**kept, "anyOf": forms})


def _alternatives(node: Any) -> Any:
    """The schema with `anyOf` for `oneOf`, and without titles.

    A schema cannot express which key chooses a form, so a value may match several forms.
    """
    if isinstance(node, dict):
        return {
            "anyOf" if key == "oneOf" else key: _alternatives(value)
            for key, value in node.items()
            # Pydantic derives titles from field names, so they add nothing.
            if not (key == "title" and isinstance(value, str))
            and key != "discriminator"
            and not (key == "default" and value is None)
        }
    if isinstance(node, list):
        return [_alternatives(item) for item in node]
    return node


def _named(made: dict[str, Any]) -> dict[str, Any]:
    """Replaces the types of `SHARED` by references to named definitions."""
    for name, kind in SHARED:
        alone = _alternatives(TypeAdapter(kind).json_schema(by_alias=True, mode="validation"))
        alone.pop("$defs", None)
        for known in made["$defs"]:
            alone = _replaced(alone, made["$defs"][known], known) if known in _NAMES else alone
        made = _replaced(made, alone, name)
        made["$defs"][name] = alone
    return made


_NAMES: Final = frozenset(name for name, _ in SHARED)


def _replaced(node: Any, wanted: Any, name: str) -> Any:
    if node == wanted:
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(node, dict):
        return {key: _replaced(value, wanted, name) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(item, wanted, name) for item in node]
    return node


if __name__ == "__main__":
    sys.stdout.write(text())
