"""Bodies of contacts, built from the definition of the contact's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, FiniteFloat, StrictBool, create_model

from api.http.strict_models import StrictBody
from api.http.times import Instant
from journeys.model.contact_fields import CONTACT_FIELDS
from journeys.model.derived_fields import DerivedFrom

_TYPES: Mapping[str, Any] = {"text": str, "number": FiniteFloat, "truth": StrictBool}
_KNOWN: dict[str, Any] = {
    name: _TYPES[field.type] | None if field.absent is None else _TYPES[field.type]
    for name, field in CONTACT_FIELDS.items()
}
_CHANGED: dict[str, Any] = {
    name: (_TYPES[field.type] | None, None) for name, field in CONTACT_FIELDS.items()
}

# `Any`, because mypy takes no variable as a base class.
_Contact: Any = create_model(
    "_Contact",
    id=Annotated[str, BeforeValidator(str)],
    external_id=str | None,
    **_KNOWN,
    attributes=dict[str, Any],
    derived=Annotated[
        dict[str, DerivedFrom],
        Field(description="fields that were worked out and not given, and from what"),
    ],
    aliases=Annotated[
        list[str], Field(description="external ids of contacts that were merged into it")
    ],
    shares_email_with=Annotated[
        int, Field(description="other contacts with its e-mail address, counted up to 100")
    ],
    created_at=Instant,
    updated_at=Instant,
)
_Changes: Any = create_model("_Changes", __base__=StrictBody, **_CHANGED)


class ContactBody(_Contact):
    """A contact."""


class ContactChanges(_Changes):
    """The changes of a contact: a field that is not named stays, null removes it."""

    external_id: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Why, for the event `Contact Changed`."""
