"""The address of a send's recipient."""

from __future__ import annotations

from journeys.protocol.channels import CHANNELS, ChannelName
from store.messages.send_state import Recipient


def address_of(contact: Recipient, channel: ChannelName) -> str | None:
    """The contact's address on a channel; None without one, and where no message goes to it."""
    field = CHANNELS[channel].address_field
    address: str | None = None if field is None else getattr(contact, field)
    return address
