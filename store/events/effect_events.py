"""Events that have effects, before they are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from journeys.model.consents import Evidence
from journeys.protocol.channels import AddressField

ADDRESS_FIELDS: Final[tuple[AddressField, ...]] = get_args(AddressField)
Addresses = Mapping[AddressField, str | None]
"""The addresses of a contact."""
ENGINE: Final = "engine"
"""The source of the message ids of events that the engine makes."""


class EffectRefused(Exception):
    """A well-known event that cannot have its effect, and so is not recorded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class EffectCandidate:
    """An event that is about to be recorded: its contact, name and properties."""

    contact_id: UUID
    name: str
    properties: dict[str, Any]
    addresses: Addresses
    """Those of its contact at the event."""
    happened_at: datetime | None = None
    """None: when it is recorded."""
    evidence: Evidence | None = None
    """Of a consent; None: what its properties say."""
