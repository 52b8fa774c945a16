"""The recipient of a send: its address on a channel, and its fields for templates."""

from __future__ import annotations

from typing import Any

from journeys.model.contact_fields import READABLE_NAMES
from journeys.protocol.channels import CHANNELS, ChannelName
from store.messages.claims import Recipient


def address_of(contact: Recipient, channel: ChannelName) -> str | None:
    """The contact's address on a channel; None without one, and where no message goes to it."""
    field = CHANNELS[channel].address_field
    address: str | None = None if field is None else getattr(contact, field)
    return address


def template_fields(contact: Recipient) -> dict[str, Any]:
    """What templates read as `contact`: its attributes, and its fields, which take precedence."""
    return {**contact.attributes, **{name: getattr(contact, name) for name in READABLE_NAMES}}
