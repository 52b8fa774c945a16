"""Checks of a contact's attributes as other systems post them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FieldName

ATTRIBUTES_LIMIT: Final = 64 * 1024
"""The most bytes of a contact's attributes that have no column, together, as JSON."""


class AttributeRefused(ValueError):
    """A value that its attribute cannot have."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class JudgedAttributes:
    """Posted values by attribute: those to store, and those that are refused."""

    values: dict[str, Any] = field(default_factory=dict)
    """None removes an attribute."""
    refused: dict[str, str] = field(default_factory=dict)
    """By attribute: what is wrong, and what would be right."""
    forbidden: list[str] = field(default_factory=list)
    """Attributes that only a key of scope `operate` sets."""


def judge_attributes(values: Mapping[str, Any], *, operate: bool) -> JudgedAttributes:
    """The values to store and those that are refused; a field's empty text removes it, as null.

    `external_id` is left out, and so are `score`, `lifecycle` and `restricted` unless `operate`,
    because write keys are public in browsers.
    """
    judged = JudgedAttributes()
    for name, value in values.items():
        definition = CONTACT_FIELDS.get(cast("FieldName", name))
        if name == EXTERNAL_ID:
            continue
        if definition and definition.operate_only and not operate:
            judged.forbidden.append(name)
            continue
        if value is None or definition is None:
            judged.values[name] = value
        elif value == "":
            judged.values[name] = None
        else:
            try:
                judged.values[name] = definition.check(value)
            except ValueError as error:
                judged.refused[name] = str(error)
    return judged


def check_attributes(values: Mapping[str, Any], *, operate: bool) -> dict[str, Any]:
    """The values to store, as `judge_attributes` says. Raises AttributeRefused for one that isn't.

    None removes an attribute.
    """
    judged = judge_attributes(values, operate=operate)
    for name, message in judged.refused.items():
        raise AttributeRefused(name, message)
    return judged.values


def is_empty(name: str, value: Any) -> bool:
    """Whether the value is none for this attribute: null, and for a field also an empty text."""
    return value is None or (value == "" and name in CONTACT_FIELDS)


def check_context(context: Mapping[str, Any]) -> dict[str, str]:
    """The time zone, the locale and the country of a call's context, if they are valid.

    Clients fill in the context automatically, so a wrong value is left out instead of refused.
    """
    found: dict[str, str] = {}
    location = context.get("location")
    places = [context, location] if isinstance(location, Mapping) else [context]
    for name, definition in CONTACT_FIELDS.items():
        if not definition.from_context:
            continue
        value = next((place[name] for place in places if place.get(name) is not None), None)
        if value is not None:
            try:
                found[name] = definition.check(value)
            except ValueError:
                continue
    return found
