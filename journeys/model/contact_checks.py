"""Checks of a contact's attributes as they come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FieldName


class AttributeRefused(ValueError):
    """A value that its attribute cannot have."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def check_attributes(given: Mapping[str, Any], *, operate: bool) -> dict[str, Any]:
    """The values that a contact may take over, by attribute; None removes one.

    `external_id` is left out, and so are `score` and `lifecycle` unless `operate`: write keys are
    public in browsers. Raises AttributeRefused.
    """
    checked: dict[str, Any] = {}
    for name, value in given.items():
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
    """The zone and the locale of a call's context, where they are any.

    Clients gather a context by themselves: what they get wrong is nobody's mistake, and left out.
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
