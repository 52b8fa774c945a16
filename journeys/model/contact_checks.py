"""Checks of a contact's attributes as other systems post them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FieldName


class AttributeRefused(ValueError):
    """A value that its attribute cannot have."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def check_attributes(values: Mapping[str, Any], *, operate: bool) -> dict[str, Any]:
    """The values to store, by attribute; None removes an attribute.

    `external_id` is left out, and so are `score` and `lifecycle` unless `operate`, because write
    keys are public in browsers. Raises AttributeRefused for a value that is not allowed.
    """
    checked: dict[str, Any] = {}
    for name, value in values.items():
        definition = CONTACT_FIELDS.get(cast("FieldName", name))
        if name == EXTERNAL_ID or (definition and definition.operate_only and not operate):
            continue
        if value is None or definition is None:
            checked[name] = value
        else:
            try:
                checked[name] = definition.check(value)
            except ValueError as error:
                raise AttributeRefused(name, str(error)) from None
    return checked


def check_context(context: Mapping[str, Any]) -> dict[str, str]:
    """The time zone and the locale of a call's context, if they are valid.

    Clients fill in the context automatically, so a wrong value is left out instead of refused.
    """
    found: dict[str, str] = {}
    for name, definition in CONTACT_FIELDS.items():
        value = context.get(name) if definition.from_context else None
        if value is not None:
            try:
                found[name] = definition.check(value)
            except ValueError:
                continue
    return found
