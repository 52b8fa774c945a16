"""The fields of a contact as Python values: one dataclass for every reader of the table `contact`.

It is in this folder because `store.messages`, a layer below `store.contacts`, reads contacts too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from journeys.model.contact_fields import READABLE_NAMES

_read_fields = attrgetter(*READABLE_NAMES)


@dataclass(slots=True, kw_only=True)
class ContactFields:
    """The columns of a contact that conditions and templates read: READABLE_NAMES, in that order.

    A test compares them with journeys.model.contact_fields and with the table.
    """

    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    country: str | None = None
    score: float = 0.0
    lifecycle: str | None = None
    restricted: bool = False

    def field_values(self) -> dict[str, Any]:
        """The fields by name."""
        return dict(zip(READABLE_NAMES, _read_fields(self), strict=True))


@dataclass(slots=True, kw_only=True)
class ReadableContact(ContactFields):
    """A contact's fields with its other attributes."""

    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        """The contact as conditions and templates see it: attributes and fields by name."""
        return {**self.attributes, **self.field_values()}
